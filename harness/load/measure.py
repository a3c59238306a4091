"""A load run on a bench: joins the blocking Locust run with the bench's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.capability import Capability
from paidonce.harness.errors import PaidonceError
from paidonce.harness.history import Journal, Note
from paidonce.harness.load.observe.stripe_latency import stripe_latency
from paidonce.harness.load.observe.watching import watch
from paidonce.harness.load.run import run_load
from paidonce.harness.process.threads import in_thread
from paidonce.harness.results.load_run import Load
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import at_rest, observe

REST_DEADLINE_S = 30.0


@dataclass(frozen=True)
class Workload:
    """The load that is made: how hard, how long (in seconds), and in which pattern ("hot", "many",
    "pay" or "shop").

    With a ``rate`` (clients a second, ``arrivals`` "poisson" or "constant") it is an open loop.
    ``contention``, ``think``, ``timeout`` and ``retries`` are those of ``LoadJob`` (there
    ``timeout`` is called ``patience``); ``stripe_latency`` is how many milliseconds Stripe takes,
    as ``paidonce.harness.load.plan.spread`` reads it, and "" leaves Stripe as it is.
    """

    profile: str = "hot"
    users: int = 16
    seconds: float = 10.0
    warmup: float = 1.0
    seed: int = 0
    processes: int = 1
    rate: float = 0.0
    arrivals: str = "poisson"
    bound_ms: float | None = None
    """The p99 under which the highest sustained rate is searched for."""
    contention: str = ""
    think: str = "0.01"
    timeout: float = 15.0
    retries: int | None = None
    stripe_latency: str = ""
    connections: int | None = None
    """To the database, of the service; None: as many as users, within reason."""


class ServiceLost(PaidonceError):
    """The service ended while it was under load: what was measured says nothing of it."""

    exit_code = 3


async def measure(bench: Bench, work: Workload, out: Path) -> Load:
    """Put load on the bench's service, measure it, and judge every operation of it.

    The history goes to ``out``. Raises what ``run_load`` raises, ``ServiceLost`` where the service
    did not live to the end, and ``UsageError`` where Stripe cannot be told how long it is to take.
    """
    loop = asyncio.get_running_loop()
    if bench.reset is not None:
        await bench.reset()

    def run(called_off: threading.Event) -> Load:
        def look(journal: Journal, orders: Sequence[str]) -> None:
            looking = asyncio.run_coroutine_threadsafe(_look(bench, journal, orders), loop)
            while not called_off.is_set():
                with contextlib.suppress(TimeoutError):
                    return looking.result(timeout=0.2)
            looking.cancel()
            return None

        with watch(bench) as watched:
            return run_load(
                target=bench.target,
                base_url=bench.service_url,
                postgres_url=bench.postgres_url,
                variant=bench.variant,
                profile=work.profile,
                users=work.users,
                seconds=work.seconds,
                warmup=work.warmup,
                out_folder=out,
                seed=work.seed,
                processes=work.processes,
                rate=work.rate,
                arrivals=work.arrivals,
                contention=work.contention,
                think=work.think,
                patience=work.timeout,
                retries=work.retries,
                stripe_latency=work.stripe_latency,
                observe=look,
                capabilities=bench.capabilities | {Capability.ORDER_STATE},
                backends=bench.backends,
                watched=watched,
                cancel=called_off,
            )

    async with stripe_latency(bench.stripe_url, work.stripe_latency):
        try:
            load = await in_thread(run)
        except PaidonceError as error:
            _check_alive(bench, str(error))
            raise
    _check_alive(bench, f"what was recorded is in {out / load.history}")
    return load


def _check_alive(bench: Bench, besides: str) -> None:
    """Raise ``ServiceLost`` unless the service runs."""
    if ended := bench.running.ended():
        wrote = bench.wrote()
        said = f"; it said last:\n{wrote}" if wrote else ""
        raise ServiceLost(f"{ended} while it was under load; {besides}{said}")


async def _look(bench: Bench, journal: Journal, orders: Sequence[str]) -> None:
    if not await at_rest(bench, journal, orders, REST_DEADLINE_S):
        text = f"not at rest after {REST_DEADLINE_S:g} s: an order is still being worked on"
        journal.record(Note(t=journal.now(), text=text))
    for event in await observe(bench, journal, orders):
        journal.record(event)
