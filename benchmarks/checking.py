"""What judging a long load run costs: seconds and memory for a million operations.

    python benchmarks/checking.py [--operations 1000000] [--out FOLDER]

Writes histories as a load run leaves them (four clients on each order, one of whom pays; the orders
and Stripe's ledger as they were in the end), of a tenth, a third and all of the operations. Each is
read and judged by every checker of load in a process of its own, whose peak memory is the figure.
The cost of an operation should not grow with their number.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import judge, load_checkers
from paidonce.harness.history import (
    Action,
    ChargeObserved,
    Completed,
    Ended,
    Event,
    Header,
    IntentObserved,
    Invoked,
    OrderCreated,
    OrderObserved,
    Outcome,
    read_history,
)
from paidonce.harness.history.lines import encoded, numbered
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.verdict import Status

CLIENTS = 4
AMOUNT = 1000
STEP_NS = 1000
AIM_SECONDS, AIM_MIB = 30.0, 1024.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--operations", type=int, default=1_000_000)
    options.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.judge is not None:
        print(json.dumps(judged(chosen.judge)))
        return
    table = Table(title="Judging histories of load", title_justify="left")
    for name in ("operations", "MB on disk", "read s", "judged s", "µs an operation", "peak MiB"):
        table.add_column(name, justify="right")
    with TempFolder() as folder:
        for operations in (chosen.operations // 10, chosen.operations // 3, chosen.operations):
            path = folder.path / f"{operations}.jsonl"
            write(path, operations)
            found = json.loads(
                subprocess.run(
                    [sys.executable, __file__, "--judge", str(path)],
                    check=True,
                    capture_output=True,
                ).stdout
            )
            seconds = found["read"] + found["judged"]
            table.add_row(
                f"{operations:,}",
                f"{path.stat().st_size / 1e6:.0f}",
                f"{found['read']:.1f}",
                f"{found['judged']:.1f}",
                f"{seconds / operations * 1e6:.1f}",
                f"{found['mib']:.0f}",
            )
            path.unlink()
    Console().print(table)
    print(f"seconds of processor time; aim for 1,000,000: {AIM_SECONDS:g} s and {AIM_MIB:g} MiB")


def judged(path: Path) -> dict[str, float]:
    """Processor seconds for reading and judging, and the most memory that took."""
    began = time.process_time()
    history = read_history(path)
    read = time.process_time()
    verdicts = judge(history, load_checkers())
    ended = time.process_time()
    wrong = [verdict for verdict in verdicts if verdict.status is not Status.VALID]
    if wrong:
        raise SystemExit(f"{wrong[0].checker}: {wrong[0].status}, {wrong[0].reason}")
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"read": read - began, "judged": ended - read, "mib": mib}


def write(path: Path, operations: int) -> None:
    """A history of that many operations, every one of them as it should be."""
    lines = itertools.count(1)
    with path.open("wb") as file:

        def record(event: Event) -> None:
            file.write(numbered(next(lines), encoded(event)))

        capabilities = (Capability.ORDER_STATE, Capability.STRIPE_LEDGER)
        record(
            Header(
                run="benchmark",
                scenario="load-many",
                target="reference",
                checkers=load_checkers(),
                capabilities=tuple(sorted(capabilities)),
            )
        )
        t, orders = 0, operations // CLIENTS
        for number in range(orders):
            order, first = _order(number), number * CLIENTS + 1
            record(OrderCreated(t=t, order=order, amount=AMOUNT, currency="usd"))
            for client in range(CLIENTS):
                t += STEP_NS
                record(
                    Invoked(
                        t=t,
                        op=first + client,
                        attempt=f"user {number % 100 + client}",
                        action=Action.PAY,
                        order=order,
                    )
                )
            for client in range(CLIENTS):
                t += STEP_NS
                record(_answer(t, first + client, number, won=client == 0))
        for number in range(orders):
            for event in _ended(t, number):
                record(event)
        record(Ended(t=t))


def _order(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _answer(t: int, op: int, number: int, *, won: bool) -> Completed:
    if not won:
        return Completed(
            t=t, op=op, outcome=Outcome.REJECTED, status=409, code="payment_in_progress"
        )
    value = {"payment_id": f"pi_{number}", "amount": AMOUNT, "currency": "usd"}
    return Completed(t=t, op=op, outcome=Outcome.OK, status=200, value=value)


def _ended(t: int, number: int) -> tuple[Event, ...]:
    """The order, its intent and its charge, as they were found in the end."""
    order, intent = _order(number), f"pi_{number}"
    return (
        OrderObserved(
            t=t,
            order=order,
            payment_status="paid",
            payment_id=intent,
            amount=AMOUNT,
            currency="usd",
            refunded_amount=0,
        ),
        IntentObserved(
            t=t,
            id=intent,
            order=order,
            status="succeeded",
            amount=AMOUNT,
            amount_received=AMOUNT,
            currency="usd",
        ),
        ChargeObserved(
            t=t,
            id=f"ch_{number}",
            intent=intent,
            order=order,
            status="succeeded",
            amount=AMOUNT,
            amount_refunded=0,
            currency="usd",
        ),
    )


if __name__ == "__main__":
    main()
