"""What is known of commands, held against servers that have their own table of them.

First by what the servers say (``COMMAND DOCS``, ``COMMAND INFO``, ``COMMAND GETKEYSANDFLAGS``), and
then by what they do: commands are drawn from their documentation and carried out, and whatever they
change or depend on has to be in what they are said to touch.
"""

from __future__ import annotations

import random

import pytest
import redis
from redis_servers import KEYS, SAMPLES, SERVERS, Talker, documented

from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.taps.redis.keys import is_local, keys_of
from paidonce.harness.taps.redis.touching import touches

UNKNOWN = {"MIGRATE", "PFDEBUG"}
"""Commands with keys that are taken to touch everything."""
ONLY_LOOK_AT_TIMES = {"SORT", "GEORADIUS", "GEORADIUSBYMEMBER"}
"""Commands that change data only with one of their options."""
GROUPS = {*SAMPLES, "generic"}
NAMES = {"flushall", "flushdb", "swapdb", "dbsize", "time", "echo", "ping"}
NOT = {"wait", "waitaof", "migrate", "pfdebug", "pfselftest", "restore-asking", "sort", "sort_ro"}
"""Sorting changes how a sorted set is kept, which its DUMP shows."""
DRAWN = ("RAND", "SPOP")
"""Words of commands whose answer nothing determines."""
DATABASES = (0, 1, 2)
ROUNDS = 1


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request):
    with SERVERS[request.param]() as client:
        yield client


def _flags(client, name):
    ((_, _, flags, *_),) = client.execute_command("COMMAND", "INFO", name)
    return {flag.decode() for flag in flags}


def test_keys_are_those_that_the_server_names(server):
    draw = random.Random(7)
    unknown, known, wrong = set(), set(), []
    for name, command in documented(server).items():
        flags = _flags(server, name)
        for _ in range(8):
            words = command.made(draw)
            first, args = words[0].decode().upper(), words[1:]
            try:
                said = server.execute_command("COMMAND", "GETKEYSANDFLAGS", *words)
            except redis.ResponseError as error:
                if "no key arguments" not in str(error):
                    continue  # a combination that the server refuses
                said = []
            theirs = {(key, b"RO" not in access) for key, access in said}
            ours = keys_of(first, args)
            if ours is None:
                unknown |= {first for _ in theirs}
                continue
            known.add(first)
            named = {key for key, _ in ours}
            looked_at = {(key, False) for key in named}
            if {key for key, _ in theirs} != named or not theirs <= {*ours, *looked_at}:
                wrong.append((words, theirs, ours))
            if is_local(first, args) and (theirs or "write" in flags):
                wrong.append((words, "is not local"))
            touched = touches(first, args, frozenset({0}))
            changes = touched is None or any(one.changes for one in touched)
            if "write" in flags and not changes and first not in ONLY_LOOK_AT_TIMES:
                wrong.append((words, "changes something"))
    assert not wrong
    assert unknown - known <= UNKNOWN


class Bench:
    """Three keys of a kind in each of three databases."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._port = client.connection_pool.connection_kwargs["port"]

    def fill(self, sample, but=()) -> None:
        """Everything is as it was, but for those that hold something else now."""
        steps = [(b"FLUSHALL",)]
        for db in DATABASES:
            steps.append((b"SELECT", b"%d" % db))
            for number, key in enumerate(KEYS):
                if (db, key) not in but:
                    steps.append((sample[0], key, *sample[2:][: len(sample) - number % 2 * 2]))
                elif number % 2:
                    steps.append((b"SET", key, b"other"))
        self._piped(steps)

    def held(self):
        """What is where, and whether it expires."""
        steps = []
        for db in DATABASES:
            steps.append((b"SELECT", b"%d" % db))
            for key in KEYS:
                steps += [(b"DUMP", key), (b"TTL", key)]
        replies = self._piped(steps)
        each = len(KEYS) * 2 + 1
        return {
            (db, key): (replies[at * each + 1 + 2 * n], replies[at * each + 2 + 2 * n] == -1)
            for at, db in enumerate(DATABASES)
            for n, key in enumerate(KEYS)
        }

    def _piped(self, steps):
        pipe = self._client.pipeline(transaction=False)
        pipe.response_callbacks = {}
        for step in steps:
            pipe.execute_command(*step)
        return pipe.execute(raise_on_error=False)

    def play(self, steps, sample, but=()):
        """(replies, what is there then, what the steps are said to touch; None: anything)."""
        self.fill(sample, but)
        talker = Talker(self._port)
        done = [talker(*step) for step in steps]
        talker.close()
        touched = set()
        for command in done:
            if command.local:
                assert redis_footprint(command).empty
            elif command.touches is None or touched is None:
                touched = None
            else:
                touched |= command.touches
        return [command.reply for command in done], self.held(), touched


def _steps(words, draw):
    """The command in one of the ways in which it meets a database."""
    other = b"%d" % draw.choice(DATABASES)
    return draw.choice(
        (
            [words],
            [(b"SELECT", other), words],
            [(b"MULTI",), (b"SELECT", other), words, (b"EXEC",), (b"GET", b"a")],
            [(b"MULTI",), (b"SELECT", b"99"), words, (b"EXEC",), (b"GET", b"a")],
            [(b"WATCH", b"a"), (b"MULTI",), words, (b"EXEC",)],
            [(b"MULTI",), (b"SELECT", other), (b"DISCARD",), words],
            [(b"SELECT", other), (b"RESET",), words],
        )
    )


def _covers(touched, place, *, changes):
    return any(
        one.db == place[0] and one.key in (None, place[1]) and (one.changes or not changes)
        for one in touched
    )


def test_what_a_command_changes_or_goes_by_is_among_what_it_touches(server):
    bench, draw, tried, wrong = Bench(server), random.Random(11), 0, []
    for name, command in documented(server).items():
        if name in NOT or (command.group not in GROUPS and name not in NAMES):
            continue
        for _ in range(ROUNDS):
            sample = SAMPLES.get(command.group) or draw.choice(list(SAMPLES.values()))
            words = command.made(draw)
            steps = _steps(words, draw)
            bench.fill(sample)
            before = bench.held()
            replies, after, touched = bench.play(steps, sample)
            if touched is None:
                continue
            tried += 1
            changed = {place for place in before if before[place] != after[place]}
            if missed := [p for p in changed if not _covers(touched, p, changes=True)]:
                wrong.append((steps, "changes", missed))
            if any(word in name.upper() for word in DRAWN):
                continue
            free = {place for place in before if not _covers(touched, place, changes=False)}
            others, then, _ = bench.play(steps, sample, free)
            kept = {place for place in before if place not in free}
            if others == replies and all(then[p] == after[p] for p in kept):
                continue
            if bench.play(steps, sample)[:2] == (replies, after):  # it is neither time nor luck
                wrong.append((steps, "goes by more than", touched))
    assert tried > 150
    assert not wrong
