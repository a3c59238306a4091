"""How long it takes to judge long histories, and how that grows.

    python benchmarks/linearizability.py [--operations 100000] [--per-order 10] [--check NAME ...]

Writes a history of concurrent attempts (winners, losers, reads, refunds, lost answers) to a file,
then measures, each size in a process of its own so that peak memory is its own: reading the
file, and the checkers on it. Two sizes are measured, the second ten times the first; in the
last line, a growth near 10 means time linear in the number of operations.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import judge
from paidonce.harness.history import Action, read_history
from paidonce.harness.history.builder import HistoryBuilder, Pending
from paidonce.harness.verdict import Status


def write(path: Path, operations: int, per_order: int, seed: int) -> None:
    """A history in which orders run side by side and their operations overlap."""
    random_ = random.Random(seed)
    h = HistoryBuilder(capabilities=[Capability.ORDER_STATE])
    amount = 5000 + per_order  # enough for every refund of one
    orders = [f"order-{n}" for n in range(max(1, operations // per_order))]
    for order in orders:
        h.order(order, amount)
    # Twenty orders at a time, their events shuffled together as clients would.
    for start in range(0, len(orders), 20):
        scripts = [
            _script(_Order(h, order, amount), per_order, random_)
            for order in orders[start : start + 20]
        ]
        while scripts:
            script = random_.choice(scripts)
            if not script:
                scripts.remove(script)
                continue
            script.pop()()
    h.save(path)


class _Order:
    """Plays one order's operations: a burst of payments, then refunds and reads."""

    def __init__(self, h: HistoryBuilder, name: str, amount: int) -> None:
        self.h, self.name, self.amount = h, name, amount
        self.pending: list[Pending] = []
        self.refunded = 0

    def invoke(self, action: Action, **more: object) -> None:
        attempt = f"client {len(self.pending)}"
        pending = self.h.invoke(action, attempt, order=self.name, **more)  # type: ignore[arg-type]
        self.pending.append(pending)

    def lose(self, number: int) -> None:
        self.pending[number].rejected("order_already_paid")

    def win(self, number: int) -> None:
        self.pending[number].ok(payment_id=f"pi_{self.name}", amount=self.amount)

    def give_up(self, number: int) -> None:
        self.pending[number].unknown()

    def refund(self) -> None:
        self.invoke(Action.REFUND, amount=1)
        self.refunded += 1
        self.pending[-1].ok(amount=1)

    def read(self) -> None:
        self.invoke(Action.READ)
        self.pending[-1].ok(payment_id=f"pi_{self.name}", refunded_amount=self.refunded)

    def rest(self) -> None:
        status = "partially_refunded" if self.refunded else "paid"
        self.h.observed(self.name, status, payment_id=f"pi_{self.name}", refunded=self.refunded)


def _script(order: _Order, operations: int, random_: random.Random) -> list[Callable[[], None]]:
    burst = min(operations, 6)
    answers: list[Callable[[], None]] = [partial(order.lose, n) for n in range(1, burst)]
    if burst > 2 and random_.random() < 0.2:
        answers[-1] = partial(order.give_up, burst - 1)
    answers.append(partial(order.win, 0))
    random_.shuffle(answers)
    later: list[Callable[[], None]] = [
        order.refund if random_.random() < 0.3 else order.read for _ in range(operations - burst)
    ]
    script: list[Callable[[], None]] = [partial(order.invoke, Action.PAY)] * burst
    script += [*answers, *later, order.rest]
    script.reverse()  # played from its end
    return script


def measure(path: str, names: list[str], results: multiprocessing.Queue[dict[str, object]]) -> None:
    """Read and judge one file; runs in a process of its own."""
    began = time.perf_counter()
    history = read_history(Path(path))
    operations = len(history.operations)
    read = time.perf_counter()
    verdicts = judge(history, names)
    judged = time.perf_counter()
    memory = psutil.Process().memory_info()
    results.put(
        {
            "operations": operations,
            "orders": len(history.by_order),
            "read_seconds": round(read - began, 3),
            "check_seconds": round(judged - read, 3),
            "operations_per_second": round(operations / (judged - read)),
            "peak_megabytes": round(getattr(memory, "peak_wset", _peak(memory.rss)) / 1e6),
            "statuses": {verdict.checker: verdict.status.value for verdict in verdicts},
        }
    )


def _peak(resident: int) -> int:
    try:
        import resource
    except ImportError:  # no such thing on Windows, which tells peak_wset instead
        return resident
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024 if psutil.LINUX else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--per-order", type=int, default=10)
    parser.add_argument("--check", nargs="+", default=["linearizable"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    seconds = []
    with tempfile.TemporaryDirectory(prefix="paidonce-") as folder:
        for operations in (options.operations // 10, options.operations):
            path = Path(folder) / f"{operations}.jsonl"
            write(path, operations, min(options.per_order, operations), options.seed)
            results: multiprocessing.Queue[dict[str, object]] = spawn.Queue()
            child = spawn.Process(target=measure, args=(str(path), options.check, results))
            child.start()
            found = results.get(timeout=600)
            child.join()
            print(json.dumps(found), flush=True)
            statuses = found["statuses"]
            assert isinstance(statuses, dict)
            if set(statuses.values()) != {Status.VALID.value}:
                raise SystemExit("the history written should have been valid")
            seconds.append(float(str(found["check_seconds"])))
    print(json.dumps({"growth_for_10x": round(seconds[1] / max(seconds[0], 1e-9), 1)}))


if __name__ == "__main__":
    main()
