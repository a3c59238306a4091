"""Keys of scripts: what the text says, held against what a server is asked by them."""

from __future__ import annotations

import contextlib

import pytest
import redis
from redis_servers import SERVERS

from paidonce.harness.taps.redis.keys import Named, keys_of
from paidonce.harness.taps.redis.scripts import keys_of_script
from paidonce.harness.taps.redis.touching import Touch, touches

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
PY_RELEASE = """
    local token = redis.call('get', KEYS[1])
    if not token or token ~= ARGV[1] then
        return 0
    end
    redis.call('del', KEYS[1])
    return 1
"""
EXTEND = """#!lua flags=no-cluster
    if redis.pcall("pexpire" , KEYS[ 1 ], ARGV[1]) == 1 then
      return redis.status_reply('OK') else return redis.error_reply(KEYS[1] .. ' is gone') end
"""
TWO = "redis.call('SET', KEYS[2], ARGV[1]); return redis.call('EXISTS', KEYS[1], KEYS[2])"
TIMED = "local t = redis.call('TIME') return redis.call('ZADD', KEYS[1], t[1], ARGV[1])"


def said(script, *keys, name="EVAL"):
    args = (script.encode(), str(len(keys)).encode(), *(key.encode() for key in keys), b"value")
    return keys_of_script(name, args)


@pytest.mark.parametrize(
    ("script", "looks", "changes"),
    [
        (RELEASE, {b"a"}, {b"a"}),
        (PY_RELEASE, {b"a"}, {b"a"}),
        (EXTEND, set(), {b"a"}),
        (TWO, {b"a", b"b"}, {b"b"}),
        (TIMED, set(), {b"a"}),
        ("return redis.call('GET', KEYS[1])", {b"a"}, set()),
        ("return 1", set(), set()),
    ],
)
def test_what_a_text_says_is_all_that_it_touches(script, looks, changes):
    found = said(script, "a", "b")
    assert {key for key, changed in found if not changed} == looks
    assert {key for key, changed in found if changed} == changes


@pytest.mark.parametrize(
    "script",
    [
        "return redis.call('GET', 'other:' .. ARGV[1])",
        "return redis.call('GET', ARGV[1])",
        "return redis.call('GET', KEYS[1] .. ':count')",
        "return redis.call('GET', KEYS[tonumber(ARGV[1])])",
        "return redis.call(ARGV[1], KEYS[1])",
        "return redis.call('DEL', KEYS[1], ARGV[1])",
        "return redis.call('RENAME', KEYS[1], ARGV[1])",
        "return redis.call('SELECT', 3)",
        "return redis.call('FLUSHDB')",
        "return redis.call('PUBLISH', KEYS[1], 'x')",
        "local call = redis.call; return call('GET', ARGV[1])",
        "return pcall(redis.call, 'GET', ARGV[1])",
        "local r = redis return r.call('GET', ARGV[1])",
        "return redis['call']('GET', ARGV[1])",
        "return redis --[[ ]] .call('GET', ARGV[1])",
        "return _G['red' .. 'is'].call('GET', ARGV[1])",
        "return loadstring('return ' .. ARGV[1])()",
        "return server.call('GET', ARGV[1])",
        "KEYS[1] = ARGV[1] return redis.call('GET', KEYS[1])",
        "KEYS[1]--[[ ]]= ARGV[1] return redis.call('GET', KEYS[1])",
        "KEYS[1], KEYS[2] = KEYS[2], ARGV[1] return redis.call('GET', KEYS[1])",
        "local KEYS = ARGV return redis.call('GET', KEYS[1])",
        "local k = KEYS k[1] = ARGV[1] return redis.call('GET', KEYS[1])",
        "return redis.call('GET', KEYS[3])",
        "return redis.call('GET', KEYS[1]) -- \u00e4",
    ],
)
def test_any_other_way_to_a_key_may_lead_anywhere(script):
    assert said(script, "a", "b") is None


def test_of_a_script_that_is_called_by_its_number_or_name_nothing_is_known():
    assert said(RELEASE, "a", name="EVALSHA") is None
    assert said("release", "a", name="FCALL") is None
    assert keys_of_script("EVAL", ()) is None
    assert keys_of_script("EVAL", (RELEASE.encode(), b"two", b"a")) is None
    assert said("return redis.call('GET', KEYS[1])", "a", name="EVAL_RO") == (Named(b"a", False),)


def test_it_touches_them_in_the_database_of_its_connection():
    args = (b"return redis.call('GET', KEYS[1])", b"1", b"a")
    assert touches("EVAL", args, frozenset({2})) == {Touch(2, b"a", False)}
    assert touches("EVAL", args, frozenset()) is None


@pytest.mark.parametrize("kind", sorted(SERVERS))
@pytest.mark.parametrize("script", [RELEASE, PY_RELEASE, EXTEND, TWO, TIMED])
def test_a_server_is_asked_for_no_other_key(kind, script):
    found, asked = {key for key, _ in said(script, "a", "b")}, set()
    with SERVERS[kind]() as client, client.monitor() as monitor:
        with contextlib.suppress(redis.ResponseError):  # a value of another kind, or none
            client.eval(script, 2, "a", "b", "1000")
        client.echo("over")
        for each in monitor.listen():
            name, *args = each["command"].split()
            if name == "ECHO":
                break
            if each["client_type"] == "lua":
                named = keys_of(name.upper(), tuple(arg.encode() for arg in args))
                asked.update(one.key for one in named)
    assert asked <= found
    assert asked or script is TIMED, "it was heard what it asks for"
