"""The handler of the reference service, in one process, explored by frontrun.

    python frontrun_program.py DSN ORDER_ID none|row_lock

Runs in an environment of its own with frontrun and psycopg; knows nothing of paidonce. The SQL is
that of the service. Stripe is a list in memory, connections are opened once, and only the order
is reset: all of that is in frontrun's favour. Prints a JSON object a line: first ``ready``, then
one for each line it reads from standard input, until that ends.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import frontrun
import psycopg

STALLED_S = 2.0
MOST = 400
SECONDS = 8.0
COLUMNS = (
    "id, amount, currency, payment_status, payment_id, refunded_amount, version, attempt_no,"
    " pending_attempt, fence"
)
READ = f"SELECT {COLUMNS} FROM orders WHERE id = %(id)s"  # noqa: S608
WRITE = (
    "UPDATE orders SET amount = %(amount)s, payment_status = %(payment_status)s,"
    " payment_id = %(payment_id)s, version = %(version)s, attempt_no = %(attempt_no)s"
    " WHERE id = %(id)s AND TRUE"
)
RESET = (
    "UPDATE orders SET payment_status = 'unpaid', payment_id = NULL, refunded_amount = 0,"
    " version = 0, attempt_no = 0, pending_attempt = NULL, fence = 0"
)


@dataclass
class Stripe:
    """What was charged."""

    charges: list[str] = field(default_factory=list)

    def charge(self, order: str, amount: int) -> str:
        payment = f"pi_{len(self.charges) + 1}"
        self.charges.append(f"{order} {amount}")
        return payment


@dataclass
class State:
    order: str
    stripe: Stripe
    statuses: list[int] = field(default_factory=list)


def pay(state: State, connection: psycopg.Connection, lock: bool) -> None:
    """Read the order, refuse if it is paid, charge, write; as one transaction if it locks."""
    with connection.cursor() as cursor:
        cursor.execute(READ + (" FOR UPDATE" if lock else ""), {"id": state.order})
        row = cursor.fetchone()
        if not lock:
            connection.commit()
        if row[3] != "unpaid":
            connection.rollback()
            state.statuses.append(409)
            return
        payment = state.stripe.charge(state.order, row[1])
        cursor.execute(
            WRITE,
            {
                "id": state.order,
                "amount": row[1],
                "payment_status": "paid",
                "payment_id": payment,
                "version": row[6] + 1,
                "attempt_no": row[7] + 1,
            },
        )
    connection.commit()
    state.statuses.append(200)


def main() -> None:
    dsn, order, guard = sys.argv[1:4]
    eyes = psycopg.connect(dsn, autocommit=True)
    lock = guard == "row_lock"
    begun: list[float] = []
    kept: list[psycopg.Connection] = []

    def setup() -> State:
        begun.append(time.perf_counter())
        while len(kept) < 2:  # made here, where frontrun watches
            kept.append(psycopg.connect(dsn))
        for connection in kept:
            connection.rollback()
        eyes.execute(RESET)
        return State(order, Stripe())

    def worker(number: int) -> Callable[[State], None]:
        return lambda state: pay(state, kept[number], lock)

    def explored() -> dict[str, object]:
        begun.clear()
        kept.clear()
        result = frontrun.explore(
            setup=setup,
            workers=[worker(0), worker(1)],
            invariant=lambda state: len(state.stripe.charges) == 1,
            stop_on_first=False,
            preemption_bound=None,
            reproduce_on_failure=0,
            max_executions=MOST,
            total_timeout=SECONDS,
            timeout_per_run=STALLED_S,
            deadlock_timeout=STALLED_S,
        )
        ended = time.perf_counter()
        if result.property_holds is None and len(begun) > 1:
            # It gave up at an execution that got stuck; those before it are what it is rated by.
            ended = begun.pop()
        return {
            "schedules": len(begun),
            "seconds": ended - begun[0],
            "holds": result.property_holds,
            "why": str(getattr(result, "inconclusive_reason", "") or ""),
            "failures": len(result.failures),
        }

    print(json.dumps({"ready": True, "threads": threading.active_count()}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(explored()), flush=True)


if __name__ == "__main__":
    main()
