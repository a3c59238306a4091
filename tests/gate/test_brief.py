"""A counterexample in brief: never longer than a person reads."""

from __future__ import annotations

from paidonce.harness.explore.witness.export.brief import WIDTH, labels_in_brief
from paidonce.harness.explore.witness.file import WitnessStep


def steps(*actors):
    return tuple(
        WitnessStep(number=number, actor=actor, label=f"SELECT {number}", enabled=())
        for number, actor in enumerate(actors, start=1)
    )


def test_what_one_attempt_does_alone_is_cut_short():
    lines = labels_in_brief(steps(*["tab 1"] * 300, "tab 2", *["tab 1"] * 13))
    assert lines[5:8] == (
        "  6  tab 1  SELECT 6",
        "     tab 1  … 288 lines more",
        "295  tab 1  SELECT 295",
    )
    assert lines[13] == "301  tab 2  SELECT 301"
    assert len(lines) == 6 + 1 + 6 + 1 + 13  # thirteen are not worth cutting


def test_lines_are_not_too_wide_and_names_are_aligned():
    long = WitnessStep(number=1, actor="webhook", label="x" * 500, enabled=(), blocked=True)
    short = WitnessStep(number=2, actor="tab", label="start", enabled=())
    lines = labels_in_brief([long, short])
    assert len(lines[0]) == WIDTH
    assert lines[1] == "  2  tab      start"
