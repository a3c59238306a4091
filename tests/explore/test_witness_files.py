"""Witness files: written once, read back whole, and refused with a reason."""

from __future__ import annotations

import msgspec
import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.exploration import budget_of
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.search import Budget
from paidonce.harness.explore.witness.file import (
    Witness,
    WitnessStep,
    broken_of,
    read_witness,
    shows_the_same,
    unstable_values,
    write_witness,
)
from paidonce.harness.verdict import Status, Verdict, Violation


def witness():
    steps = (
        WitnessStep(number=1, actor="tab 1", label="start", enabled=("tab 1", "tab 2")),
        WitnessStep(
            number=2,
            actor="tab 2",
            label="postgres UPDATE",
            enabled=("tab 1", "tab 2"),
            blocked=True,
            woken=("tab 1",),
        ),
    )
    return Witness(
        target="reference",
        variant="none",
        scenario="two_tabs",
        attempts=("tab 1", "tab 2"),
        status=Status.INVALID,
        steps=steps,
    )


def test_a_witness_is_read_back_as_it_was_written(tmp_path):
    write_witness(witness(), tmp_path / "w.json")
    found = read_witness(tmp_path / "w.json")
    assert found == witness()
    assert found.schedule == ("tab 1", "tab 2")
    assert found.trace == ("tab 1: start", "tab 2: postgres UPDATE")
    assert [step.expected().label for step in found.steps] == ["start", "postgres UPDATE"]


def test_a_witness_is_readable_by_a_person(tmp_path):
    write_witness(witness(), tmp_path / "w.json")
    lines = (tmp_path / "w.json").read_text().splitlines()
    assert len(lines) > 20
    assert '      "actor": "tab 1",' in lines


def test_a_witness_is_never_overwritten(tmp_path):
    write_witness(witness(), tmp_path / "w.json")
    with pytest.raises(UsageError, match="exists already"):
        write_witness(witness(), tmp_path / "w.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not a paidonce witness"),
        ("[]", "not a paidonce witness"),
        ('{"format": 99}', "has witness format 99; this version reads format 1"),
        ('{"format": 1}', "not a paidonce witness"),
        (msgspec.json.encode({"format": 1, "steps": "many"}).decode(), "not a paidonce witness"),
    ],
)
def test_a_broken_witness_is_refused_with_its_name(tmp_path, text, expected):
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(UsageError, match=expected) as refusal:
        read_witness(tmp_path / "w.json")
    assert "w.json" in str(refusal.value)


def test_a_step_of_nobody_is_refused(tmp_path):
    """A page of it has a lane for each attempt, and none for that step."""
    strange = msgspec.structs.replace(witness(), attempts=("tab 1",))
    write_witness(strange, tmp_path / "w.json")
    with pytest.raises(UsageError, match=r"step 2 is made by 'tab 2', which is none of its attem"):
        read_witness(tmp_path / "w.json")


def test_a_missing_witness_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read"):
        read_witness(tmp_path / "nowhere.json")


def test_only_invalid_verdicts_are_part_of_a_witness_and_their_ids_are_named():
    verdicts = (
        Verdict(
            checker="one-intent", status=Status.INVALID, reason="pi_3PqX8aLkdIwHu7ix0h4C twice"
        ),
        Verdict(checker="progress", status=Status.VALID, reason="fine"),
    )
    (broken,) = broken_of(verdicts, Names({}))
    assert (broken.checker, broken.reason) == ("one-intent", "judgement#1 twice")


def test_violations_of_a_witness_are_in_order_and_their_values_named_before_their_words():
    order = "8ca1d037-ea32-465c-a9b6-80b6d2df2098"
    verdict = Verdict(
        checker="one-charge",
        status=Status.INVALID,
        reason=f"order {order} was charged 2 times (and 1 more)",
        violations=(
            Violation(reason=f"order {order} was charged 2 times", evidence=(3, 5)),
            Violation(reason="pi_3PqX8aLkdIwHu7ix0h4C", rule="second", values={"made": "2"}),
        ),
    )
    (broken,) = broken_of((verdict,), Names({order: "order 1"}))
    assert broken.reason == "order 1 was charged 2 times (and 1 more)"
    assert [one.reason for one in broken.violations] == [
        "order 1 was charged 2 times",
        "judgement#1",
    ]
    assert broken.violations[0].evidence == ()
    assert [one.rule for one in broken.ruled] == ["second"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Budget()),
        ("500", Budget(schedules=500)),
        ("30s", Budget(seconds=30)),
        ("2m", Budget(seconds=120)),
    ],
)
def test_budgets_are_read_as_people_write_them(text, expected):
    assert budget_of(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "5h", "-3s", "-1"])
def test_other_budgets_are_refused(text):
    with pytest.raises(UsageError, match="budget"):
        budget_of(text)


def broken(*findings, said="x", checker="invariants"):
    verdict = Verdict(checker=checker, status=Status.INVALID, reason=said, violations=findings)
    return broken_of((verdict,), Names({}), unstable={"row"})


def finding(**values):
    return Violation(rule="paid once", whose="tab 1", values=values)


def test_what_two_executions_break_is_compared_in_data_not_in_words():
    one = broken(finding(paid="2", row="17"), said="POST /orders/17 was answered 500")
    assert shows_the_same(one, broken(finding(paid="2", row="18"), said="POST /orders/18 ..."))
    assert not shows_the_same(one, broken(finding(paid="3", row="18")))
    assert not shows_the_same(one, broken(Violation(rule="another", whose="tab 1")))
    other = Violation(rule="paid once", whose="b", values={"paid": "2"})
    assert not shows_the_same(one, broken(finding(paid="2"), other))
    assert not shows_the_same(one, broken(finding(paid="2"), checker="successes"))
    assert not shows_the_same(one, ())
    without = broken(said="as an older version wrote it")
    assert shows_the_same(one, without)


def test_values_that_differ_between_equal_executions_are_told_apart():
    def came(*values):
        return ExecutionOutcome(
            status=Status.INVALID,
            answers=(),
            broken=(),
            orders=(),
            intents=(),
            charges=(),
            values=values,
        )

    one = came(("paid", "", "2"), ("row", "", "17"))
    assert unstable_values(one, came(("paid", "", "2"), ("row", "", "18"))) == {"row"}
