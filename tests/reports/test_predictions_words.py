"""What a fix is called: one that was tried and does not close the race is no advice."""

from __future__ import annotations

import pytest
from rich.console import Console

from paidonce.harness.predict import (
    Decided,
    Fix,
    Looked,
    PredictedOrder,
    Prediction,
    Spot,
    Standing,
    Trial,
    TriedFix,
)
from paidonce.reports.formats import predictions

LOOKED = Looked(attempts=2, reads=3)
SPOT = Spot(attempt="tab 1", number=1, label="postgres SELECT * FROM orders", occurrence=1)
ORDER = PredictedOrder(SPOT, SPOT, SPOT, SPOT)


def told(part: bool, result: Trial | None) -> Decided:
    fix = Fix(name="such a fix", how="do so", part=part)
    prediction = Prediction(
        readers=("tab 1",), rivals=("tab 2",), orders=(ORDER,), why="because", fixes=(fix,)
    )
    tried = () if result is None else (TriedFix(fix=fix.name, result=result, reason="seen"),)
    return Decided(
        prediction=prediction, standing=Standing.CONFIRMED, reason="in execution 1", tried=tried
    )


@pytest.mark.parametrize(
    ("part", "result", "word"),
    [
        (False, None, "fix"),
        (True, None, "part of a fix"),
        (False, Trial.CLOSES, "fix"),
        (True, Trial.CLOSES, "fix"),
        (True, Trial.PART, "part of a fix"),
        (False, Trial.DOES_NOT, "no fix"),
        (True, Trial.DOES_NOT, "no fix"),
        (False, Trial.UNDECIDED, "fix"),
        (True, Trial.UNDECIDED, "part of a fix"),
        (True, Trial.CANNOT, "part of a fix"),
    ],
)
def test_a_fix_is_called_what_it_was_seen_to_be(
    part: bool, result: Trial | None, word: str
) -> None:
    found = [told(part, result)]
    console = Console(width=200, no_color=True)
    with console.capture() as text:
        console.print(predictions.terminal(found, LOOKED))
    assert f"\n   {word}: such a fix; do so" in text.get()
    named = "such a fix" if word == "fix" else f"{word}: such a fix"
    assert f"\n\n{named}: do so\n\n```diff" in predictions.markdown(found, LOOKED)
    if result is not None:
        assert f"tried: {result.value}: seen" in text.get()
