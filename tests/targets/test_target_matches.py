"""The objects of Stripe that a ``where`` means."""

from __future__ import annotations

import tomllib

import pytest

from paidonce.harness.targets.run.observing import matches

INTENT = {
    "status": "succeeded",
    "amount": 4990,
    "metadata": {"order": "7", "shop.order": "8"},
    "last_payment_error": {"payment_method": {"type": "card"}},
}


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('"metadata.order" = "7"', True),
        ('metadata.order = "7"', True),  # tables in tables, to TOML
        ('metadata = { order = "7" }', True),
        ('metadata.order = "9"', False),
        ('"metadata.shop.order" = "8"', True),
        ('metadata.shop.order = "8"', True),
        ('last_payment_error.payment_method.type = "card", status = ["succeeded"]', True),
        ('last_payment_error.payment_method.type = "card", status = "canceled"', False),
        ('metdata.order = "7"', False),
    ],
)
def test_a_path_is_meant_however_it_is_written(where: str, found: bool) -> None:
    wanted = tomllib.loads(f"where = {{ {where} }}")["where"]
    assert matches(INTENT, wanted) is found
