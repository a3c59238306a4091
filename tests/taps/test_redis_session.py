"""Commands, their labels and keys, and which reply is whose."""

from __future__ import annotations

import itertools

import pytest
from redis_values import bulk, command, line

from paidonce.harness.taps.redis.requests import RequestReader
from paidonce.harness.taps.redis.resp import ReplyReader
from paidonce.harness.taps.redis.session import RedisSession
from paidonce.harness.taps.redis.touching import Touch

OK = b"+OK\r\n"


def confirmation(word, channel, count, kind="*"):
    name = b"$-1\r\n" if channel is None else bulk("$", channel.encode())
    return line(kind, 3) + bulk("$", word.encode()) + name + line(":", count)


class Talk:
    def __init__(self):
        numbers = itertools.count(1)
        self.session = RedisSession(1, lambda: next(numbers))
        self.requests, self.replies = RequestReader(), ReplyReader()

    def sent(self, *args):
        (request,) = self.requests.feed(command(*args))
        sent = self.session.sent(request)
        self.settled = self.session.forwarded(sent)
        return sent

    def heard(self, *raw):
        """(commands done, replies that are no answer)."""
        done, loose = [], []
        for heard in self.replies.feed(b"".join(raw)):
            meaning = self.session.received(heard.reply)
            done += meaning.done
            if meaning.at_once:
                loose.append(heard.reply)
        return done, loose


@pytest.fixture
def talk():
    return Talk()


@pytest.mark.parametrize(
    ("args", "label", "keys"),
    [
        (("set", "lock:order:17", "abc", "NX", "PX", "3000"), "SET NX PX lock:order:?", 1),
        (("GET", "order:0b5c1f9e-3d34-4c8e-9a52-7f2a3ef1c001:v2"), "GET order:?:v?", 1),
        (("DEL", "a:1", "b:2"), "DEL a:? b:?", 2),
        (("MSET", "a", "1", "b", "2"), "MSET a b", 2),
        (("EVALSHA", "ff" * 20, "1", "lock:7", "token"), "EVALSHA lock:?", None),
        (("CLIENT", "setinfo", "LIB-NAME", "x"), "CLIENT SETINFO", 0),
        (("BLPOP", "queue:1", "queue:2", "0"), "BLPOP queue:? queue:?", 2),
        (("KEYS", "*"), "KEYS", 1),
        (("SOMETHING.NEW", "k"), "SOMETHING.NEW", None),
        (("RENAME", "a", "b"), "RENAME a b", 2),
        (("GET", "session:deadbeef01234567"), "GET session:?", 1),
    ],
)
def test_labels_and_keys(talk, args, label, keys):
    sent = talk.sent(*args)
    assert sent.label == label
    assert (None if sent.touches is None else len(sent.touches)) == keys


@pytest.mark.parametrize(
    "args", [("HELLO", "3"), ("AUTH", "pw"), ("CLIENT", "SETINFO", "a", "b"), ("INFO",)]
)
def test_what_concerns_the_connection_only_is_local(talk, args):
    assert talk.sent(*args).local


@pytest.mark.parametrize("args", [("GET", "k"), ("CLIENT", "KILL", "ID", "1"), ("SUBSCRIBE", "c")])
def test_what_touches_more_is_not_local(talk, args):
    assert not talk.sent(*args).local


@pytest.mark.parametrize("order", ["o5e18b7d4de", "V1StGXR8", "ck-abcdef", "o12ab9c00ff"])
def test_a_key_is_labelled_by_the_name_of_what_was_captured(talk, order):
    """An id of letters and digits, in short, looks like no generated one."""
    sent = talk.sent("SET", f"pay:{order}:7", "1", "NX")
    sent.named = lambda key: key.replace(order, "order")
    assert sent.label == "SET NX pay:order:?"


@pytest.mark.parametrize("one", ["5e18b7d4de", "abcdef12345", "1234567890"])
def test_what_is_hexadecimal_looks_the_same_whichever_digits_it_has(talk, one):
    assert talk.sent("GET", f"pay:x{one}").label == "GET pay:x?"


def test_secrets_are_not_recorded(talk):
    sent = talk.sent("HELLO", "3", "AUTH", "default", "hunter2")
    assert "hunter2" not in str(sent.as_request())


def test_replies_belong_to_commands_in_order(talk):
    first, second = talk.sent("SET", "k", "v"), talk.sent("GET", "k")
    assert talk.session.in_flight is first
    assert talk.heard(OK) == ([first], [])
    assert talk.heard(bulk("$", b"v")) == ([second], [])
    assert (first.as_answer(), second.as_answer()) == ({"value": "OK"}, {"value": "v"})
    assert talk.session.in_flight is None


def test_an_error_is_an_answer(talk):
    sent = talk.sent("INCR", "k")
    talk.heard(b"-WRONGTYPE no number\r\n")
    assert sent.as_answer() == {"error": "WRONGTYPE no number"}


def test_long_answers_are_cut_short(talk):
    sent = talk.sent("LRANGE", "k", "0", "-1")
    talk.heard(line("*", 100) + bulk("$", b"y" * 500) * 100)
    value = sent.as_answer()["value"]
    assert len(value) == 8
    assert len(value[0]) == 80


@pytest.mark.parametrize("kind", ["*", ">"])
def test_subscriptions_get_a_confirmation_a_channel_and_messages_come_unasked(talk, kind):
    if kind == ">":
        talk.sent("HELLO", "3")
        talk.heard(b"%0\r\n")
    sent = talk.sent("SUBSCRIBE", "a", "b")
    assert talk.heard(confirmation("subscribe", "a", 1, kind)) == ([], [])
    assert talk.heard(confirmation("subscribe", "b", 2, kind)) == ([sent], [])
    message = line(kind, 3) + bulk("$", b"message") + bulk("$", b"a") + bulk("$", b"hi")
    done, loose = talk.heard(message)
    assert (done, len(loose)) == ([], 1)
    end = talk.sent("UNSUBSCRIBE")
    assert talk.heard(confirmation("unsubscribe", "a", 1, kind)) == ([], [])
    assert talk.heard(confirmation("unsubscribe", "b", 0, kind)) == ([end], [])
    assert not talk.session.subscribed
    none = talk.sent("UNSUBSCRIBE")
    assert talk.heard(confirmation("unsubscribe", None, 0, kind)) == ([none], [])


def test_a_pushed_invalidation_overtakes_the_answer(talk):
    sent = talk.sent("GET", "k")
    done, loose = talk.heard(line(">", 2) + bulk("$", b"invalidate") + b"*1\r\n" + bulk("$", b"k"))
    assert (done, len(loose)) == ([], 1)
    assert talk.heard(b"_\r\n") == ([sent], [])


def test_commands_of_a_transaction_are_queued(talk):
    sent = [talk.sent("MULTI"), talk.sent("INCR", "a"), talk.sent("EXEC"), talk.sent("GET", "a")]
    assert [one.queued for one in sent] == [False, True, False, False]
    assert [one.local for one in sent] == [True, True, False, False]
    done, _ = talk.heard(OK, b"+QUEUED\r\n", b"*1\r\n:1\r\n", bulk("$", b"1"))
    assert done == sent
    assert sent[2].as_answer() == {"value": [1]}


def test_the_database_is_followed(talk):
    talk.sent("SELECT", "3")
    early = talk.sent("GET", "k")
    talk.heard(OK)
    assert early.databases == talk.session.databases == talk.sent("GET", "k").databases == {3}
    talk.heard(b"_\r\n", b"_\r\n")
    talk.sent("SELECT", "99")
    talk.heard(b"-ERR DB index is out of range\r\n")
    assert talk.session.databases == {3}


def test_a_select_within_a_transaction_takes_effect_with_its_end(talk):
    talk.sent("MULTI"), talk.sent("SELECT", "3"), talk.sent("SET", "k", "v")
    end, after = talk.sent("EXEC"), talk.sent("GET", "k")
    talk.heard(OK, b"+QUEUED\r\n", b"+QUEUED\r\n")
    assert end.databases == {0}
    assert {touch.db for touch in end.touches} == {0, 3}  # the server might refuse database 3
    talk.heard(b"*2\r\n+OK\r\n+OK\r\n")
    assert after.databases == {3}


@pytest.mark.parametrize(
    ("end", "reply"),
    [
        ("DISCARD", OK),
        ("EXEC", b"*-1\r\n"),
        ("EXEC", b"*1\r\n-ERR DB index is out of range\r\n"),
        ("EXEC", b"-EXECABORT Transaction discarded because of previous errors.\r\n"),
    ],
)
def test_a_select_that_was_not_carried_out_selects_nothing(talk, end, reply):
    talk.sent("MULTI"), talk.sent("SELECT", "3"), talk.sent(end)
    talk.heard(OK, b"+QUEUED\r\n", reply)
    assert talk.session.databases == {0}


def test_reset_goes_back_to_the_first_database_for_what_waits_behind_it(talk):
    talk.sent("SELECT", "3")
    talk.heard(OK)
    talk.sent("RESET")
    after = talk.sent("GET", "k")
    talk.heard(b"+RESET\r\n")
    assert after.databases == {0}


def test_after_a_select_that_is_not_answered_any_database_may_be_meant(talk):
    talk.sent("CLIENT", "REPLY", "SKIP")
    talk.sent("SELECT", "3")
    assert talk.sent("GET", "k").touches is None


def test_a_transaction_touches_what_was_queued_and_what_is_watched(talk):
    talk.sent("WATCH", "w")
    talk.sent("MULTI"), talk.sent("GET", "a"), talk.sent("SET", "b", "1")
    end = talk.sent("EXEC")
    assert end.touches == {Touch(0, b"w", False), Touch(0, b"a", False), Touch(0, b"b", True)}
    talk.sent("MULTI")
    assert talk.sent("EXEC").touches == frozenset()
    talk.sent("WATCH", "w"), talk.sent("UNWATCH"), talk.sent("MULTI")
    assert talk.sent("EXEC").touches == frozenset()
    talk.sent("MULTI"), talk.sent("EVAL", "return redis.call(ARGV[1])", "0", "FLUSHALL")
    assert talk.sent("EXEC").touches is None


def test_a_transaction_within_one_is_refused_and_changes_nothing(talk):
    talk.sent("MULTI"), talk.sent("MULTI")
    talk.heard(OK, b"-ERR MULTI calls can not be nested\r\n")
    assert talk.sent("SET", "k", "v").queued


def test_where_multi_is_refused_nothing_is_queued(talk):
    talk.sent("MULTI")
    sent = talk.sent("SET", "k", "v")
    talk.heard(b"-NOPERM this user has no permissions\r\n")
    assert not sent.queued
    assert not talk.sent("GET", "k").queued


def test_what_is_queued_has_one_reply(talk):
    talk.sent("MULTI")
    sent, end = talk.sent("SUBSCRIBE", "a", "b"), talk.sent("EXEC")
    talk.heard(OK)
    assert talk.heard(b"+QUEUED\r\n") == ([sent], [])
    assert talk.session.in_flight is end


def test_replies_can_be_switched_off(talk):
    off = talk.sent("CLIENT", "REPLY", "OFF")
    assert talk.settled == (off,)
    quiet = talk.sent("SET", "k", "v")
    assert talk.settled == (quiet,)
    on = talk.sent("CLIENT", "REPLY", "ON")
    assert talk.heard(OK) == ([on], [])
    talk.sent("CLIENT", "REPLY", "SKIP")
    skipped = talk.sent("SET", "k", "v")
    assert talk.settled == (skipped,)
    last = talk.sent("GET", "k")
    assert talk.heard(b"_\r\n") == ([last], [])


def test_a_monitor_only_listens_from_then_on(talk):
    sent = talk.sent("MONITOR")
    assert talk.heard(OK) == ([sent], [])
    assert talk.session.streams
    done, loose = talk.heard(b'+1700000000.1 [0 127.0.0.1:1] "GET" "k"\r\n')
    assert (done, len(loose)) == ([], 1)


def test_a_lost_connection_leaves_commands_unanswered(talk):
    sent = talk.sent("GET", "k")
    assert talk.session.lost() == (sent,)
    assert sent.as_answer() is None
