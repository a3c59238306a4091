"""What a customer is owed, or owes: movements add up, and invoices take them into account."""

from __future__ import annotations

from typing import Any

from simulator_process import Simulator


def _made(simulator: Simulator, path: str, **form: str) -> dict[str, Any]:
    answer = simulator.post(f"/v1/{path}", form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _balance(simulator: Simulator, customer: str) -> int:
    balance: int = simulator.get(f"/v1/customers/{customer}").json()["balance"]
    return balance


def _moves(simulator: Simulator, customer: str) -> list[tuple[str, int, int]]:
    found = simulator.get(f"/v1/customers/{customer}/balance_transactions").json()["data"]
    return [(one["type"], one["amount"], one["ending_balance"]) for one in found[::-1]]


def _owed(simulator: Simulator, customer: str, amount: str, currency: str = "usd") -> str:
    """An invoice of that amount, final."""
    invoice: str = _made(
        simulator, "invoices", customer=customer, auto_advance="false", currency=currency
    )["id"]
    form = {"customer": customer, "amount": amount, "currency": currency, "invoice": invoice}
    _made(simulator, "invoiceitems", **form)
    _made(simulator, f"invoices/{invoice}/finalize", auto_advance="false")
    return invoice


def test_a_credit_is_taken_by_the_next_invoice_and_given_back_with_it(
    simulator: Simulator,
) -> None:
    customer = _made(simulator, "customers", balance="-300")["id"]
    assert _balance(simulator, customer) == -300
    invoice = _owed(simulator, customer, "1000")
    assert simulator.get(f"/v1/invoices/{invoice}").json()["amount_due"] == 700
    assert _balance(simulator, customer) == 0
    _made(simulator, f"invoices/{invoice}/void")
    assert _moves(simulator, customer) == [
        ("adjustment", -300, -300),
        ("applied_to_invoice", 300, 0),
        ("unapplied_from_invoice", -300, -300),
    ]


def test_what_is_too_little_is_owed_with_the_next_invoice(simulator: Simulator) -> None:
    customer = _made(simulator, "customers")["id"]
    small = _owed(simulator, customer, "20")
    assert simulator.get(f"/v1/invoices/{small}").json()["status"] == "paid"
    assert _moves(simulator, customer) == [("invoice_too_small", 20, 20)]
    large = _owed(simulator, customer, "1000")
    assert simulator.get(f"/v1/invoices/{large}").json()["amount_due"] == 1020
    assert _balance(simulator, customer) == 0


def test_a_balance_has_one_currency(simulator: Simulator) -> None:
    customer = _made(simulator, "customers")["id"]
    moves = f"customers/{customer}/balance_transactions"
    made = _made(simulator, moves, amount="-300", currency="eur", description="sorry")
    assert (made["currency"], made["description"]) == ("eur", "sorry")
    refused = simulator.post(f"/v1/{moves}", {"amount": "-1", "currency": "usd"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "currency")
    other = _owed(simulator, customer, "1000", "usd")
    assert simulator.get(f"/v1/invoices/{other}").json()["amount_due"] == 1000
    assert _balance(simulator, customer) == -300


def test_an_update_sets_the_balance(simulator: Simulator) -> None:
    customer = _made(simulator, "customers", balance="50")["id"]
    assert _made(simulator, f"customers/{customer}", balance="-20")["balance"] == -20
    assert _moves(simulator, customer)[-1] == ("adjustment", -70, -20)
    _made(simulator, f"customers/{customer}", balance="-20")
    assert len(_moves(simulator, customer)) == 2


def test_a_transaction_is_its_customers_and_only_its_words_change(simulator: Simulator) -> None:
    customer, other = (_made(simulator, "customers")["id"] for _ in range(2))
    moves = f"customers/{customer}/balance_transactions"
    move = _made(simulator, moves, amount="-300", currency="usd")["id"]
    assert _made(simulator, f"{moves}/{move}", **{"metadata[a]": "b"})["metadata"] == {"a": "b"}
    assert simulator.post(f"/v1/{moves}/{move}", {"amount": "1"}).status_code == 400
    assert simulator.get(f"/v1/customers/{other}/balance_transactions/{move}").status_code == 404
    assert simulator.post(f"/v1/{moves}", {"currency": "usd"}).status_code == 400
