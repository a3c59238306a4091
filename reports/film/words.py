"""Sentences of a film: what it came to, what broke, what a statement does. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.checkers import CHECKERS, telling
from paidonce.harness.explore.witness.narrative import Exchange
from paidonce.harness.explore.witness.narrative.row_access import Did, RowAccess
from paidonce.harness.history import ChargeObserved, History, OrderObserved
from paidonce.harness.verdict import Status, Verdict
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.state import State
from paidonce.reports.order.phrases import conclusion
from paidonce.reports.order.story import OrderStory


def most_telling(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Of those that are INVALID the one that is understood at once."""
    broken = [verdict for verdict in verdicts if verdict.status is Status.INVALID]
    order = sorted(CHECKERS, key=lambda name: -telling(name).weight)
    return min(broken, key=lambda verdict: order.index(verdict.checker), default=None)


def broke_words(checker: str) -> str:
    """Return what broke, for the moment at which it did."""
    return telling(checker).broke or f"the invariant {checker} no longer holds"


def outcome(history: History, story: OrderStory, reason: str) -> str:
    """Return what it came to, in plain words."""
    order = next((e for _, e in history.of(OrderObserved) if e.order == story.order), None)
    charges = [
        e for _, e in history.of(ChargeObserved) if e.order == story.order and _taken(e.status)
    ]
    taken, given = sum(e.amount for e in charges), sum(e.amount_refunded for e in charges)
    if order is None or len(charges) > 1 or not charges:
        return conclusion(story, reason)
    if order.payment_status in ("cancelled", "unpaid") and taken > given:
        if order.payment_status == "cancelled":
            return f"The order is cancelled, and yet Stripe took {story.price(taken)} for it."
        return (
            f"Stripe took {story.price(taken)}, and the order still shows unpaid: the payment is "
            "lost, and the customer can be asked to pay again."
        )
    if order.refunded_amount != given:
        return (
            f"Stripe gave back {story.price(given)}, and the order shows "
            f"{story.price(order.refunded_amount)} refunded."
        )
    if order.amount != taken:
        return f"Stripe took {story.price(taken)} for an order of {story.price(order.amount)}."
    return conclusion(story, reason)


def _taken(status: str) -> bool:
    return status == "succeeded"


def in_the_end(history: History, story: OrderStory) -> list[str]:
    """Return how the order and Stripe were found once all was at rest."""
    sentences = []
    for _, order in history.of(OrderObserved):
        if order.order == story.order:
            refunded = order.refunded_amount
            more = f", {story.price(refunded)} refunded" if refunded else ""
            sentences.append(
                f"The order shows {order.payment_status}, {story.price(order.amount)}{more}."
            )
    charges = [e for _, e in history.of(ChargeObserved) if e.order == story.order]
    kept = [e for e in charges if _taken(e.status)]
    amounts = " and ".join(story.price(e.amount) for e in kept)
    given = sum(e.amount_refunded for e in kept)
    more = f", and gave back {story.price(given)}" if given else ""
    sentences.append(f"Stripe took {amounts}{more}." if kept else "Stripe took nothing.")
    return sentences


def sql_words(exchange: Exchange, state: State, naming: Naming) -> str:
    """Return what a unit does, in a sentence without a subject."""
    error = (exchange.event.answer or {}).get("error")
    if error:
        return f"fails: {naming.text(str(error['message']))} ({error['sqlstate']})"
    parts = [words for access in exchange.rows if (words := _access(access, state, naming))]
    return ", and ".join(dict.fromkeys(parts)) or "runs a statement"


def _access(access: RowAccess, state: State, naming: Naming) -> str:
    table = access.row.table
    match access.did:
        case Did.BEGIN:
            return "opens a transaction"
        case Did.COMMIT:
            return "commits"
        case Did.ROLLBACK:
            return "rolls its transaction back"
        case Did.READ | Did.LOCK:
            verb = "reads" if access.did is Did.READ else "reads and locks"
            if not table:
                return "asks Postgres"
            if access.rows == 0:
                return f"looks in {table} and finds nothing"
            shown = state.shown(access.row, access.values, limit=2)
            return f"{verb} {table}{f': {shown}' if shown else ''}"
        case Did.UPDATE if access.rows == 0:
            return f"finds no row of {table} to change any more"
        case Did.UPDATE:
            shown = state.shown(access.row, access.values, limit=2)
            return f"writes {table}{f': {shown}' if shown else ''}"
        case Did.INSERT:
            return "" if access.rows == 0 else f"adds a row to {table}"
        case Did.DELETE:
            return f"deletes from {table}"
        case _:
            return ""
