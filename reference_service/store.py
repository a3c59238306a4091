"""The SQL, in the few shapes that all guards are made of.

What must happen together is one statement wherever it can be: a reservation and a settlement
each touch ``orders`` and ``attempts``, and as one statement they need neither a second round
trip nor a transaction that could be left open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, text

from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Event
from paidonce.reference_service.orders import Order, OrderAnswer, OrderStatus

_SET = (
    "amount = :amount, payment_status = :payment_status, payment_id = :payment_id,"
    " refunded_amount = :refunded_amount, version = :version, attempt_no = :attempt_no,"
    " pending_attempt = :pending_attempt"
)
_SET_SOLD = (
    f"{_SET}, checkout_id = :checkout_id, checkout_over = :checkout_over,"
    " subscription_id = :subscription_id, renewals = :renewals, coupon = :coupon"
)
READ = text("SELECT * FROM orders WHERE id = :id")
SHOW = text(
    "SELECT *, ARRAY(SELECT paid_by FROM handed_out WHERE order_id = orders.id"
    " ORDER BY created_at, paid_by) AS handed_out FROM orders WHERE id = :id"
)
LOCK = text("SELECT * FROM orders WHERE id = :id FOR UPDATE")
LOCK_NOWAIT = text("SELECT * FROM orders WHERE id = :id FOR UPDATE NOWAIT")
CLAIM = text(
    "UPDATE orders SET pending_attempt = :attempt"
    " WHERE id = :id AND pending_attempt IS NULL RETURNING *"
)
FENCE = text("UPDATE orders SET fence = :token WHERE id = :id AND fence < :token RETURNING *")

# Conditions under which an order is written; the names are bound by the guards.
ALWAYS = "TRUE"
SAME_VERSION = "version = :seen"
SAME_FENCE = "fence = :token AND pending_attempt IS NULL"


OrderReader = Callable[[str], Order | None]
"""Reads an order by its id; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One row of ``attempts`` to be written. ``lease_s`` counts from the database's now."""

    id: UUID
    kind: str
    seq: int
    state: State
    stripe_key: str | None = None
    client_key: str | None = None
    params: Mapping[str, Any]
    exclusive: bool = False
    answer: OrderAnswer | None = None
    lease_s: float = 0


@dataclass(frozen=True)
class Earlier:
    """An attempt that had the same client key: its request, and its answer once final."""

    request: Mapping[str, Any]
    answer: OrderAnswer | None


def _set(order: Order) -> str:
    """The columns to write: what Checkout and coupons are about, for orders that have to do with
    them. Once an order has, it has for good."""
    return _SET_SOLD if order.checkout_id is not None or order.coupon is not None else _SET


@cache
def _write(columns: str, when: str) -> TextClause:
    return text(f"UPDATE orders SET {columns} WHERE id = :id AND {when}")


@cache
def _write_with_attempt(columns: str, when: str) -> TextClause:
    return text(
        f"WITH changed AS (UPDATE orders SET {columns}"
        f" WHERE id = :id AND {when} RETURNING id)"
        " INSERT INTO attempts (id, order_id, kind, seq, state, stripe_key, client_key,"
        " params, exclusive, answer_status, answer, lease_until)"
        " SELECT CAST(:a_id AS uuid), changed.id, :a_kind, CAST(:a_seq AS integer), :a_state,"
        " :a_stripe_key, :a_client_key, CAST(:a_params AS jsonb),"
        " CAST(:a_exclusive AS boolean), CAST(:a_status AS integer),"
        " CAST(:a_answer AS json), now() + make_interval(secs => :a_lease) FROM changed"
    )


def add_order(connection: Connection, order: Order) -> None:
    connection.execute(
        text("INSERT INTO orders (id, amount, currency) VALUES (:id, :amount, :currency)"),
        {"id": order.id, "amount": order.amount, "currency": order.currency},
    )


def fetch_order(connection: Connection, statement: Any, **values: Any) -> Order | None:
    """Run one of the reading statements above; None if no row came back."""
    row = connection.execute(statement, values).first()
    return None if row is None else order_of(row)


def order_of(row: Row[Any]) -> Order:
    values = dict(row._mapping)
    for other in ("created_at", "handed_out"):
        values.pop(other, None)
    values |= {
        "payment_status": OrderStatus(values["payment_status"]),
        "renewals": tuple(values["renewals"]),
    }
    return Order(**values)


def write_order(connection: Connection, order: Order, when: str, **values: Any) -> bool:
    """Write all of ``order``'s columns where ``when`` holds; whether it did."""
    result = connection.execute(_write(_set(order), when), _order_values(order) | values)
    return result.rowcount == 1


def write_with_attempt(
    connection: Connection, order: Order, attempt: Attempt, when: str, **values: Any
) -> bool:
    """Write ``order`` where ``when`` holds, and with it the new ``attempt``; whether it did."""
    result = connection.execute(
        _write_with_attempt(_set(order), when),
        _order_values(order) | _attempt_values(attempt) | values,
    )
    return result.rowcount == 1


def hold_place(connection: Connection, attempt: UUID, order_id: str, kind: str) -> None:
    """Insert an exclusive attempt that has no plan yet; 23505 where there is one already."""
    connection.execute(
        text(
            "INSERT INTO attempts (id, order_id, kind, seq, state, exclusive)"
            " VALUES (:attempt, :order_id, :kind, 0, 'live', TRUE)"
        ),
        {"attempt": attempt, "order_id": order_id, "kind": kind},
    )


def fill_place(connection: Connection, order: Order, attempt: Attempt) -> None:
    """Write ``order`` and complete the attempt that ``hold_place`` inserted."""
    connection.execute(
        text(
            f"WITH changed AS (UPDATE orders SET {_set(order)} WHERE id = :id)"
            " UPDATE attempts SET seq = :a_seq, state = :a_state, stripe_key = :a_stripe_key,"
            " client_key = :a_client_key, params = CAST(:a_params AS jsonb),"
            " answer_status = :a_status, answer = CAST(:a_answer AS json),"
            " lease_until = now() + make_interval(secs => :a_lease) WHERE id = :a_id"
        ),
        _order_values(order) | _attempt_values(attempt),
    )


def settle(connection: Connection, attempt: UUID, settlement: Settlement) -> bool:
    """End an unfinished attempt and write its order; False if it had been ended already.

    Safe to repeat and to race: whoever comes first takes the attempt out of its unfinished
    states, and the other one finds nothing to do.
    """
    result = connection.execute(
        text(
            "WITH ended AS (UPDATE attempts SET state = :a_state, answer_status = :a_status,"
            " answer = CAST(:a_answer AS json) WHERE id = :a_id AND state IN ('live', 'unknown')"
            f" RETURNING order_id) UPDATE orders SET {_set(settlement.order)} FROM ended"
            " WHERE orders.id = ended.order_id AND orders.pending_attempt = :a_id"
        ),
        _order_values(settlement.order)
        | {"a_id": attempt, "a_state": str(settlement.state)}
        | _answer_values(settlement.answer if settlement.final else None),
    )
    return result.rowcount == 1


def mark_unknown(connection: Connection, attempt: UUID, lease_s: float) -> bool:
    """Leave an unfinished attempt to the recovery, in ``lease_s``; False if it had ended."""
    result = connection.execute(
        text(
            "UPDATE attempts SET state = 'unknown',"
            " lease_until = now() + make_interval(secs => :lease)"
            " WHERE id = :attempt AND state IN ('live', 'unknown')"
        ),
        {"attempt": attempt, "lease": lease_s},
    )
    return result.rowcount == 1


def find_earlier(
    connection: Connection, order_id: str, kind: str, client_key: str
) -> Earlier | None:
    """The attempt that a client's key belongs to. One that was released does not count."""
    row = connection.execute(
        text(
            "SELECT params -> 'request' AS request, answer_status, answer FROM attempts"
            " WHERE order_id = :order_id AND kind = :kind AND client_key = :client_key"
            " AND state <> 'released' ORDER BY created_at LIMIT 1"
        ),
        {"order_id": order_id, "kind": kind, "client_key": client_key},
    ).first()
    if row is None:
        return None
    answer = None if row.answer_status is None else OrderAnswer(row.answer_status, row.answer)
    return Earlier(row.request or {}, answer)


def find_answer(connection: Connection, attempt: UUID) -> OrderAnswer | None:
    """The final answer of an attempt; None if it has none or does not exist."""
    row = connection.execute(
        text("SELECT answer_status, answer FROM attempts WHERE id = :attempt"),
        {"attempt": attempt},
    ).first()
    return None if row is None or row.answer_status is None else OrderAnswer(*row)


def add_event(connection: Connection, order_id: str, event: Event) -> bool:
    """Record an event; False if it was recorded before."""
    result = connection.execute(
        text(
            "INSERT INTO webhook_events (event_id, type, order_id, payment_id)"
            " VALUES (:id, :type, :order_id, :payment_id) ON CONFLICT (event_id) DO NOTHING"
        ),
        {
            "id": event.id,
            "type": event.type,
            "order_id": order_id,
            "payment_id": event.payment_id,
        },
    )
    return result.rowcount == 1


def hand_out(connection: Connection, order_id: str, paid_by: str) -> None:
    """Hand out what ``paid_by`` paid for: a session's id, or an invoice's."""
    connection.execute(
        text("INSERT INTO handed_out (order_id, paid_by) VALUES (:order_id, :paid_by)"),
        {"order_id": order_id, "paid_by": paid_by},
    )


def show_order(connection: Connection, order_id: str) -> tuple[Order, list[str]] | None:
    """Read an order, and what was handed out for it, by what paid for that, in order of time; None
    where there is no such order."""
    row = connection.execute(SHOW, {"id": order_id}).first()
    return None if row is None else (order_of(row), list(row.handed_out))


def subscribed(connection: Connection) -> list[Order]:
    """List the orders that began a subscription."""
    statement = "SELECT * FROM orders WHERE subscription_id IS NOT NULL ORDER BY id"
    return [order_of(row) for row in connection.execute(text(statement))]


def coupon_off(connection: Connection, code: str) -> int | None:
    """The minor units by which a coupon makes an order cheaper; None where there is none."""
    row = connection.execute(text("SELECT off FROM coupons WHERE code = :code"), {"code": code})
    found = row.first()
    return None if found is None else int(found.off)


def take_coupon(connection: Connection, code: str) -> bool:
    """Use a coupon once, in one statement that asks for its limit; False where it is met."""
    result = connection.execute(
        text("UPDATE coupons SET used = used + 1 WHERE code = :code AND used < most"),
        {"code": code},
    )
    return result.rowcount == 1


def read_and_take_coupon(connection: Connection, code: str, *, locked: bool) -> bool:
    """Use a coupon once, after looking at its limit; False where it is met.

    Between the two statements somebody else may do the same, unless the row is ``locked`` or the
    isolation of the transaction forbids it.
    """
    lock = " FOR UPDATE" if locked else ""
    row = connection.execute(
        text(f"SELECT used, most FROM coupons WHERE code = :code{lock}"), {"code": code}
    ).one()
    if row.used >= row.most:
        return False
    connection.execute(
        text("UPDATE coupons SET used = :used WHERE code = :code"),
        {"code": code, "used": row.used + 1},
    )
    return True


def _order_values(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "amount": order.amount,
        "payment_status": str(order.payment_status),
        "payment_id": order.payment_id,
        "refunded_amount": order.refunded_amount,
        "version": order.version,
        "attempt_no": order.attempt_no,
        "pending_attempt": order.pending_attempt,
    } | (_sold_values(order) if _set(order) is _SET_SOLD else {})


def _sold_values(order: Order) -> dict[str, Any]:
    return {
        "checkout_id": order.checkout_id,
        "checkout_over": order.checkout_over,
        "subscription_id": order.subscription_id,
        "renewals": list(order.renewals),
        "coupon": order.coupon,
    }


def _attempt_values(attempt: Attempt) -> dict[str, Any]:
    return {
        "a_id": attempt.id,
        "a_kind": attempt.kind,
        "a_seq": attempt.seq,
        "a_state": str(attempt.state),
        "a_stripe_key": attempt.stripe_key,
        "a_client_key": attempt.client_key,
        "a_params": json.dumps(attempt.params),
        "a_exclusive": attempt.exclusive,
        "a_lease": attempt.lease_s,
    } | _answer_values(attempt.answer)


def _answer_values(answer: OrderAnswer | None) -> dict[str, Any]:
    return {
        "a_status": None if answer is None else answer.status,
        "a_answer": None if answer is None else json.dumps(answer.body),
    }
