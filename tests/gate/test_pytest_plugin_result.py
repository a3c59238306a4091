"""A result in words."""

from __future__ import annotations

from paidonce.harness.pytest_plugin.result import Result
from paidonce.harness.verdict import Broken, Status, Violation

CHARGE = Violation(title="one charge", rule="one charge", reason="charges <= 1, but charges = 2")
SHOWN = Violation(title="shown", rule="shown", reason="taken == shown, but shown = 0, taken = 5")
BOTH = (CHARGE, SHOWN)


def test_each_invariant_that_broke_has_a_line_and_the_last_line_is_the_command():
    result = Result(
        mode="explore",
        target="shop",
        variant="racy",
        attempts=2,
        status=Status.INVALID,
        how="a race, found in execution 2",
        verdicts=(
            Broken(checker="invariants", reason=f"{CHARGE.words}; {SHOWN.words}", violations=BOTH),
            Broken(checker="rejections", reason="tab 2 got a 500; and: not more"),
        ),
        steps=("  1  tab 1  start",),
        command="replay it: paidonce replay x.witness.json",
    )
    assert result.explanation.splitlines() == [
        "E   shop (racy), 2 attempts: a race, found in execution 2",
        "E     invariants: one charge: charges <= 1, but charges = 2",
        "E       shown: taken == shown, but shown = 0, taken = 5",
        "E     rejections: tab 2 got a 500; and: not more",
        "",
        "    1  tab 1  start",
        "",
        "replay it: paidonce replay x.witness.json",
    ]
    assert result.summary.startswith("one charge: charges <= 1")
    assert (result.valid, result.invalid, result.unknown) == (False, True, False)
