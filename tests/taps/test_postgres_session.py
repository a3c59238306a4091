"""Units and sessions, without a connection: messages go in from both sides."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgres_messages import chunked, each, i2, i4, typed, u4, value, z

from paidonce.harness.taps.postgres.frames import Frames
from paidonce.harness.taps.postgres.passthrough import Skim
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import Phase

READY = typed("Z", b"I")
SYNC, FLUSH = typed("S"), typed("H")
PARSED, BOUND, CLOSED, NO_DATA = typed("1"), typed("2"), typed("3"), typed("n")
ROW = typed("D", each([b"7"], value))
COPY_IN = typed("G", b"\0", each([], i2))
ERROR = typed("E", b"SERROR\0VERROR\0C42P01\0Mno such table\0\0")


def query(sql):
    return typed("Q", z(sql))


def parse(sql, name="", types=()):
    return typed("P", z(name), z(sql), each(types, u4))


def bind(values=(), name="", portal="", formats=()):
    return typed("B", z(portal), z(name), each(formats, i2), each(values, value), each((), i2))


def execute(portal=""):
    return typed("E", z(portal), i4(0))


def describe(subject, name=""):
    return typed("D", subject.encode(), z(name))


def close(subject, name):
    return typed("C", subject.encode(), z(name))


def done(tag):
    return typed("C", z(tag))


def ready(status="I"):
    return typed("Z", status.encode())


class Talk:
    """A session that was let in, fed by hand; everything is forwarded as it comes."""

    def __init__(self):
        numbers = itertools.count(1)
        self.session = Session(1, lambda: next(numbers), sample=2)
        self.front = Frames(frontend=True, started=True)
        self.back = Frames(frontend=False)
        self.absorbed = []
        self.heard(typed("K", i4(77), b"key!"), READY)

    def sent(self, *raw):
        """Units completed by these messages, and those that are done by being forwarded."""
        units, settled = [], []
        for frame in self.front.feed(b"".join(raw)):
            if self.session.carries(frame):
                continue
            unit = self.session.sent(frame)
            if unit is not None:
                units.append(unit)
                settled += self.session.forwarded(unit)
        self.settled = settled
        return units

    def heard(self, *raw):
        """Units answered by these messages."""
        found = []
        for frame in self.back.feed(b"".join(raw)):
            heard = self.session.received(frame)
            found += heard.done
            if heard.absorbed is not None:
                self.absorbed.append(heard.absorbed)
        return found


@pytest.fixture
def talk():
    return Talk()


def test_a_simple_query_is_a_unit(talk):
    (unit,) = talk.sent(query("UPDATE t SET a = 1"))
    assert (unit.label, unit.status, unit.pid, unit.phase) == (
        "UPDATE t SET a = ?",
        "I",
        77,
        Phase.SENT,
    )
    assert talk.session.in_flight is unit
    assert not talk.session.at_rest
    assert talk.heard(done("UPDATE 3"), ready("T")) == [unit]
    assert (unit.answer.tags, unit.status_after) == (["UPDATE 3"], "T")
    assert talk.session.at_rest


def test_an_extended_query_is_a_unit_up_to_its_sync(talk):
    assert talk.sent(parse("SELECT $1::int4", "s", [23]), describe("S", "s")) == []
    (unit,) = talk.sent(bind([b"\0\0\0\7"], "s", formats=[1]), execute(), SYNC)
    (statement,) = unit.statements
    assert (statement.sql, statement.params, statement.name) == ("SELECT $1::int4", ("7",), "s")
    assert unit.prepared == ()
    columns = typed("T", each(["n"], lambda n: z(n) + bytes(6) + u4(23) + bytes(8)))
    assert talk.heard(PARSED, typed("t", each([23], u4)), columns, BOUND, ROW, ROW, ROW) == []
    assert talk.heard(done("SELECT 3"), READY) == [unit]
    assert (unit.answer.rows, unit.answer.columns) == (3, ("n",))
    assert unit.answer.sample == [("7",), ("7",)]


def test_types_learnt_from_the_server_serve_to_read_parameters(talk):
    talk.sent(parse("SELECT $1", "s"), describe("S", "s"), SYNC)
    talk.heard(PARSED, typed("t", each([20], u4)), NO_DATA, READY)
    (unit,) = talk.sent(bind([bytes(7) + b"\5", None], "s", formats=[1]), execute(), SYNC)
    assert unit.statements[0].params == ("5", None)
    assert unit.statements[0].nulls == (1,)


def test_a_unit_that_only_prepares_says_so(talk):
    (unit,) = talk.sent(parse("DELETE FROM t WHERE id = 5", "s"), describe("S", "s"), SYNC)
    assert unit.statements == ()
    assert unit.label == "prepare DELETE FROM t WHERE id = ?"
    assert [statement.name for statement in unit.prepared] == ["s"]


def test_what_was_never_seen_prepared_is_unknown(talk):
    (unit,) = talk.sent(bind([], "elsewhere"), execute(), SYNC)
    assert unit.statements[0].sql == ""
    assert unit.label == "unknown statement"


def test_several_executions_in_one_unit(talk):
    (unit,) = talk.sent(
        *(parse("BEGIN"), bind(), execute()), *(parse("SELECT 1"), bind(), execute()), SYNC
    )
    assert unit.label == "BEGIN; SELECT ?"
    answered = (PARSED, BOUND, done("BEGIN"), PARSED, BOUND, ROW, done("SELECT 1"))
    assert talk.heard(*answered, ready("T")) == [unit]
    assert unit.answer.tags == ["BEGIN", "SELECT 1"]


def test_pipelined_units_are_answered_in_order(talk):
    first, second = talk.sent(*(parse("SELECT 1"), bind(), execute(), SYNC) * 2)
    assert talk.heard(PARSED, BOUND, done("SELECT 1"), ready("T")) == [first]
    assert second.status == "T"
    assert talk.heard(PARSED, BOUND, done("SELECT 1"), READY) == [second]


def test_a_flush_ends_a_unit_that_its_sync_continues(talk):
    (first,) = talk.sent(parse("INSERT INTO t VALUES (1)"), bind(), execute(), FLUSH)
    assert (first.ends, first.continues) == ("flush", False)
    assert talk.heard(PARSED, BOUND) == []
    assert talk.heard(done("INSERT 0 1")) == [first]
    assert first.status_after is None
    assert not talk.session.at_rest, "the implicit transaction is still open"
    (second,) = talk.sent(SYNC)
    assert (second.label, second.continues) == ("commit by itself", True)
    assert talk.heard(READY) == [second]
    assert talk.session.at_rest


def test_a_flush_of_nothing_is_no_unit(talk):
    assert talk.sent(FLUSH) == []
    assert talk.session.at_rest


def test_after_an_error_everything_up_to_the_sync_is_skipped(talk):
    (bad,) = talk.sent(parse("SELEC"), FLUSH)
    assert talk.heard(ERROR) == [bad]
    assert bad.answer.error.sqlstate == "42P01"
    (skipped,) = talk.sent(parse("SELECT 1"), bind(), execute(), FLUSH)
    assert talk.settled == [skipped]
    assert skipped.answer.skipped
    (last,) = talk.sent(SYNC)
    assert talk.heard(READY) == [last]
    (after,) = talk.sent(query("SELECT 1"))
    assert talk.heard(done("SELECT 1"), READY) == [after]
    assert not after.answer.skipped


def test_units_sent_before_the_error_was_known_are_skipped_too(talk):
    bad, skipped, last = talk.sent(
        parse("SELEC"), FLUSH, parse("SELECT 1"), FLUSH, bind(), execute(), SYNC
    )
    assert talk.heard(ERROR) == [bad, skipped]
    assert last.answer.skipped
    assert talk.heard(READY) == [last]


def test_an_error_within_a_unit_is_its_answer(talk):
    unit, after = talk.sent(parse("SELEC"), bind(), execute(), SYNC, query("SELECT 1"))
    assert talk.heard(ERROR) == []
    assert talk.heard(ready("E")) == [unit]
    assert after.status == "E"


def test_a_query_behind_extended_messages_belongs_to_their_unit(talk):
    (unit,) = talk.sent(parse("SELECT 1"), bind(), execute(), query("SELECT 2"))
    assert unit.label == "SELECT ?; SELECT ?"
    answered = (PARSED, BOUND, done("SELECT 1"), done("SELECT 1"))
    assert talk.heard(*answered, READY) == [unit]


def test_a_query_behind_an_extended_error_is_skipped_up_to_the_sync(talk):
    (unit,) = talk.sent(parse("SELEC"), query("SELECT 2"))
    assert talk.heard(ERROR) == [unit]
    (sync,) = talk.sent(SYNC)
    assert talk.heard(READY) == [sync]


def test_names_of_statements_the_server_did_not_prepare_are_put_back(talk):
    talk.sent(parse("SELECT 1", "s"), SYNC)
    talk.heard(PARSED, READY)
    talk.sent(parse("SELECT 2", "s"), SYNC)  # exists already
    assert talk.session.statements["s"].sql == "SELECT 2"
    talk.heard(ERROR, READY)
    assert talk.session.statements["s"].sql == "SELECT 1"
    talk.sent(parse("SELEC", "a"), close("S", "s"), SYNC)
    talk.heard(ERROR, READY)
    assert set(talk.session.statements) == {"s"}
    talk.sent(close("S", "s"), SYNC)
    talk.heard(CLOSED, READY)
    assert talk.session.statements == {}


@pytest.mark.parametrize("sql", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_statements_are_forgotten_by_sql_too(talk, sql):
    talk.sent(parse("SELECT 1", "s"), SYNC)
    talk.heard(PARSED, READY)
    talk.sent(query(sql))
    talk.heard(done(sql), READY)
    assert talk.session.statements == {}


def test_the_sync_before_copy_data_is_void(talk):
    (unit,) = talk.sent(parse("COPY t FROM STDIN"), bind(), execute(), SYNC)
    assert talk.heard(PARSED, BOUND, COPY_IN) == []
    assert talk.sent(typed("d", b"1\n"), typed("c"), SYNC) == []
    assert talk.heard(done("COPY 1"), READY) == [unit]
    assert talk.session.at_rest


def test_a_sync_behind_copy_data_sent_too_early_is_absorbed(talk):
    unit, extra = talk.sent(
        *(parse("COPY t FROM STDIN"), bind(), execute(), SYNC),
        *(typed("d", b"1\n"), typed("c"), SYNC),
    )
    assert talk.heard(PARSED, BOUND, COPY_IN) == []
    assert talk.absorbed == [extra]
    assert talk.heard(done("COPY 1"), READY) == [unit]
    assert talk.session.at_rest


def test_a_function_call_is_a_unit(talk):
    (unit,) = talk.sent(typed("F", u4(2108), each((), i2), each((), value), i2(0)))
    assert unit.label == "function call"
    assert talk.heard(typed("V", value(b"1")), READY) == [unit]


def test_what_the_server_says_unasked_overtakes_answers(talk):
    (frame,) = Frames(frontend=False).feed(typed("A", i4(1), z("paid"), z("")))
    talk.sent(query("SELECT 1"))
    assert talk.session.received(frame).at_once
    (notice,) = Frames(frontend=False).feed(typed("N", b"SNOTICE\0\0"))
    assert not talk.session.received(notice).at_once, "it belongs to the answer"
    talk.heard(READY)
    assert talk.session.received(notice).at_once


def test_a_lost_connection_leaves_every_unit_unanswered(talk):
    first, second = talk.sent(query("COMMIT"), query("SELECT 1"))
    assert talk.session.lost() == (first, second)
    assert first.answer.lost
    assert first.as_answer() is None


EXCHANGES = st.sampled_from(
    [
        ([query("SELECT 1")], [done("SELECT 1"), ready("T")]),
        ([query("SELECT 1")], [ERROR, ready("E")]),
        ([query("DISCARD ALL")], [done("DISCARD ALL"), READY]),
        ([query("DELETE FROM t")], [done("DELETE 1"), READY]),
        (
            [query("COPY t FROM STDIN"), typed("d", b"x"), typed("c")],
            [COPY_IN, done("COPY 1"), READY],
        ),
        ([parse("A", "a"), SYNC], [PARSED, READY]),
        ([parse("B", "b"), SYNC], [PARSED, READY]),
        ([parse("AA", "a"), SYNC], [ERROR, READY]),
        ([parse("C", "c"), close("S", "a"), SYNC], [PARSED, CLOSED, READY]),
        ([parse("SELEC"), close("S", "b"), SYNC], [ERROR, READY]),
        (
            [parse("D", "d"), describe("S", "d"), SYNC],
            [PARSED, typed("t", each([20], u4)), NO_DATA, READY],
        ),
        (
            [parse("E"), bind(), describe("P"), execute(), close("P", ""), SYNC],
            [PARSED, BOUND, NO_DATA, done("E"), CLOSED, READY],
        ),
        (
            [parse("COPY"), bind(), execute(), SYNC, typed("d", b"x"), typed("c"), SYNC],
            [PARSED, BOUND, COPY_IN, done("COPY 1"), READY],
        ),
        ([bind([b"1"], "a"), execute(), SYNC], [BOUND, typed("n"), ROW, done("X"), ready("T")]),
        ([FLUSH], []),
    ]
)


@given(st.lists(EXCHANGES, max_size=8), st.data())
def test_skimming_leaves_behind_what_following_does(exchanges, data):
    followed = Talk()
    other = Talk().session
    skim = Skim(other, front_offset=0, back_offset=0)
    for sent, answered in exchanges:
        followed.sent(*sent)
        followed.heard(*answered)
        late = data.draw(st.booleans())
        for piece in filter(None, data.draw(chunked(b"".join(sent)))):
            if late:
                skim.kept += [None, piece]
            else:
                skim.front(piece)
        if answered and not late:
            assert not skim.at_rest
        for piece in filter(None, data.draw(chunked(b"".join(answered)))):
            if late:
                skim.kept.append(piece)
            else:
                skim.back(piece)
        skim.catch_up()
        assert skim.at_rest
        assert followed.session.at_rest
        assert other.status == followed.session.status
        assert {n: (p.sql, p.types) for n, p in other.statements.items()} == {
            n: (p.sql, p.types) for n, p in followed.session.statements.items()
        }
