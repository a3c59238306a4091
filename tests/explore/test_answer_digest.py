"""Answers are compared by what they say, not by values that differ in every execution."""

from __future__ import annotations

from msgspec.structs import replace
from tap_readers import reader_of

from paidonce.harness.explore.footprint.sql.serials import Serials
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest, heard_of
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.postgres import Answer, Failure, Statement, Unit
from paidonce.harness.taps.stripe.calls import StripeCall

INTENT = "pi_3PqX8aLkdIwHu7ix0h4Cb2Xy"
OTHER = "pi_9aB1cD2eF3gH4iJ5kL6mN7oP"


def unit(
    *rows: tuple[str | None, ...],
    columns: tuple[str, ...] = ("value",),
    tag: str = "",
    error: str = "",
    more: int = 0,
    sql: str = "SELECT",
) -> Unit:
    failure = Failure(severity="ERROR", sqlstate=error, message="no") if error else None
    answer = Answer(
        tags=[tag or f"SELECT {len(rows)}"],
        error=failure,
        rows=len(rows) + more,
        columns=columns,
        sample=list(rows),
    )
    return Unit(1, 1, None, "sync", (Statement(sql),), answer=answer)


def stripe(text: str) -> StripeCall:
    return StripeCall(1, "GET", "/v1/payment_intents", "payment_intent.list", answer_text=text)


def heard(call: Unit | StripeCall, names: Names) -> AnswerDigest:
    return reader_of(call, names=names).heard(call)


def test_another_value_row_count_tag_or_error_is_another_answer():
    names = Names({})
    answers = [
        unit(("paid",)),
        unit(("unpaid",)),
        unit((None,)),
        unit(("paid",), ("paid",)),
        unit(tag="UPDATE 1"),
        unit(tag="UPDATE 0"),
        unit(error="23505"),
        unit(error="40001"),
    ]
    told = [heard(one, names) for one in answers]
    assert len({one.said for one in told}) == len({one.exactly for one in told}) == len(answers)
    assert heard(unit(("paid",)), Names({})) == told[0]


def test_rows_that_nobody_put_in_order_come_in_any():
    def told(*rows: tuple[str, str], sql: str = "SELECT n, value FROM t") -> AnswerDigest:
        return heard(unit(*rows, columns=("n", "value"), sql=sql), Names({}))

    one, other, asked = ("1", "a"), ("2", "b"), "SELECT n, value FROM t order by n"
    assert told(one, other) == told(other, one)
    assert told(one, other) != told(("1", "b"), ("2", "a"))
    assert told(one, other, sql=asked) != told(other, one, sql=asked)


def test_times_are_no_difference():
    names = Names({})
    told = {
        heard(unit((when,)), names)
        for when in ("2026-01-02 10:11:12.123+00", "2026-01-03 10:11:13+00", "2026-01-03T10:11:13Z")
    }
    assert len(told) == 1
    assert heard(unit(("2026-01-02",)), names) != heard(unit(("2026-01-03",)), names)
    assert heard(stripe('{"created": 1764000000}'), names) == heard(
        stripe('{"created": 1764000999}'), names
    )


def test_a_generated_value_is_told_by_its_name():
    one, other = Names({}), Names({})
    one.made("tab 1", INTENT)
    other.made("tab 1", OTHER)
    assert heard(stripe(f'{{"id": "{INTENT}"}}'), one) == heard(
        stripe(f'{{"id": "{OTHER}"}}'), other
    )
    other = Names({})
    other.made("tab 2", OTHER)
    assert heard(unit((INTENT,)), one) != heard(unit((OTHER,)), other)


def test_a_generated_value_without_a_name_is_the_same_only_to_who_is_blind():
    one, other = Names({}), Names({})
    one.found(INTENT)
    other.found(OTHER)
    mine, theirs = heard(unit((INTENT,)), one), heard(unit((OTHER,)), other)
    assert mine.said == theirs.said
    assert mine.exactly != theirs.exactly


def test_numbers_of_a_sequence_are_told_by_their_names():
    root = ("public.orders", "id")
    serials = Serials(
        roots={(("pg", "public.orders"), "id"): root},
        tables={"orders": {"id": root}},
        floors={root: 10},
    )

    def told(number: str, *, by: str) -> AnswerDigest:
        names = Names({}, serials)
        names.inserted(by, "INSERT INTO orders DEFAULT VALUES RETURNING id", ("id",), (number,))
        return heard(unit((number,), columns=("id",)), names)

    assert told("17", by="tab 1") == told("23", by="tab 1") != told("23", by="tab 2")
    names = Names({}, serials)
    unknown = [heard(unit((number,), columns=("id",)), names) for number in ("17", "23")]
    assert unknown[0].said == unknown[1].said
    assert unknown[0].exactly != unknown[1].exactly
    lasting = [heard(unit((number,), columns=("id",)), names) for number in ("7", "8")]
    assert lasting[0].said != lasting[1].said
    assert heard(unit(("17",), columns=("amount",)), names) != heard(
        unit(("23",), columns=("amount",)), names
    )


def test_what_is_not_kept_whole_is_exactly_like_nothing():
    told = heard(unit(("a",), more=5), Names({}))
    assert told.said
    assert told.exactly == ""
    assert heard_of([told, heard(unit(("a",)), Names({}))]).exactly == ""


def test_several_answers_are_one():
    one, other = AnswerDigest("a", "b"), AnswerDigest("c", "d")
    assert heard_of([]) == NOTHING
    assert heard_of([NOTHING, one]) == one.then(NOTHING) == one
    assert heard_of([one, other]) != heard_of([other, one])


def test_that_a_statement_was_parsed_for_good_is_no_answer():
    """A connection that has met it before parses it no more, and the step is the same."""
    parsed = Unit(1, 1, None, "sync", (), prepared=(Statement("SELECT 1", name="_pg3_0"),))
    read = unit(("unpaid",))
    names = Names({})
    assert heard(parsed, names) == NOTHING
    assert heard_of((heard(parsed, names), heard(read, names))) == heard(read, names)
    refused = replace(parsed, answer=unit(error="42P01").answer)
    assert heard(refused, names) != NOTHING
    unnamed = replace(parsed, prepared=(Statement("SELECT 1"),))
    assert heard(unnamed, names) != NOTHING
