"""What a check shows of its predictions: not those that were refuted, and the confirmed first."""

from __future__ import annotations

import pytest
from rich.console import Console

from paidonce.harness.predict import Decided, Looked, PredictedOrder, Prediction, Spot, Standing
from paidonce.reports.formats import predictions

LOOKED = Looked(attempts=2, reads=3)


def decided(standing: Standing, table: str) -> Decided:
    spot = Spot(attempt="tab 1", number=1, label=f"postgres SELECT * FROM {table}", occurrence=1)
    order = PredictedOrder(spot, spot, spot, spot)
    prediction = Prediction(readers=("tab 1",), rivals=("tab 2",), orders=(order,), why="because")
    return Decided(prediction=prediction, standing=standing, reason=f"of {table}")


def shown(*found: Decided) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as text:
        console.print(predictions.brief(found, LOOKED))
    return text.get()


def test_the_confirmed_come_first_and_the_refuted_are_counted() -> None:
    text = shown(
        decided(Standing.OPEN, "carts"),
        decided(Standing.REFUTED, "logs"),
        decided(Standing.CONFIRMED, "orders"),
    )
    assert "logs" not in text
    assert text.index("of orders") < text.index("of carts")
    assert "3. tab 1" in text, "by the number that it has in the report"
    assert "1 prediction refuted; the report has the reasons" in text


@pytest.mark.parametrize("amount", [0, 2])
def test_where_none_is_left_that_is_said(amount: int) -> None:
    text = shown(*[decided(Standing.REFUTED, "logs")] * amount)
    expected = "2 predictions refuted" if amount else predictions.NOTHING
    assert expected in text
    assert "logs" not in text
