"""Measures one guard after the other, as ``paidonce load`` and ``paidonce prove`` ask for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.progress import Progress, TaskID

from paidonce.harness.capability import Capability
from paidonce.harness.load.analyse.saturation import Climb
from paidonce.harness.load.measure import Workload, measure
from paidonce.harness.load.observe.physical import measure_limit, with_limit
from paidonce.harness.load.observe.telemetry import Telemetry
from paidonce.harness.load.observe.yardstick import Yardstick
from paidonce.harness.proof.plan import HISTORIES, Findings
from paidonce.harness.results.load_observed import Alone, Limit
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Variant
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Lane, Stack

MOST_AT_ONCE = 1000
"""Requests that a service is told to work on at once, at most."""
MOST_CLIENTS = 32
"""Clients of pgbench, at most: more than a machine has processors for only wait for each other."""
MOST_CONNECTIONS = 100
"""Database connections that a service gets unless more are asked for."""
T = TypeVar("T")


async def load_all(
    stack: Stack,
    plans: Sequence[Workload],
    findings: Findings,
    progress: Progress,
    task: TaskID,
    *,
    repeat: int = 1,
    telemetry: Telemetry | None = None,
    limits: bool = False,
) -> None:
    """Measure one variant after the other, under all ``plans``: side by side they would measure
    each other.

    With ``repeat`` rounds they take turns, every round beginning with another one (and with
    another of the ``plans``), and before and after each measurement the machine is measured.
    ``telemetry`` publishes each while it runs. With ``limits`` the same SQL is measured without the
    service, once for each variant.
    """
    lane = await stack.lane()
    variants = findings.plan.variants
    with ExitStack() as exits:
        yardstick = None
        if repeat > 1:
            log = findings.plan.out / "logs" / "pgbench.log"
            made = await asyncio.to_thread(Yardstick, stack.postgres, log)
            yardstick = exits.enter_context(made)
        limited: dict[str, tuple[Alone | None, Limit]] = {}
        for number in range(1, repeat + 1):
            for variant in _turned(variants, number):
                ordered = _turned(plans, number)
                turn = f" ({number} of {repeat})" if repeat > 1 else ""
                progress.update(task, description=f"load on {variant.name}{turn}")
                if limits and number == 1:
                    limited[variant.name] = await measure_limit(
                        stack,
                        lane,
                        variant.name,
                        min(MOST_CLIENTS, *(plan.users for plan in plans)),
                        findings.plan.out / "logs" / "pgbench-same-sql.log",
                    )
                place = Path(HISTORIES) / variant.name
                if repeat > 1:
                    place /= f"round-{number}"
                async for load in _measured(
                    stack, lane, variant, ordered, findings, place, yardstick, telemetry
                ):
                    whole = with_limit(load, limited.get(variant.name))
                    findings.loads.append(msgspec.structs.replace(whole, round=number))
                    if load.bound_ms is not None:
                        words = f"load on {variant.name}, {load.rate:.0f} clients a second"
                        progress.update(task, description=words)
                progress.update(task, advance=1)


def _turned(ones: Sequence[T], number: int) -> tuple[T, ...]:
    """As they take their turns in round ``number``, which counts from 1."""
    first = (number - 1) % len(ones)
    return (*ones[first:], *ones[:first])


async def _measured(
    stack: Stack,
    lane: Lane,
    variant: Variant,
    plans: Sequence[Workload],
    findings: Findings,
    place: Path,
    yardstick: Yardstick | None,
    telemetry: Telemetry | None,
) -> AsyncIterator[Load]:
    at_once = min(max(10, *(plan.users for plan in plans)), MOST_AT_ONCE)
    connections = plans[0].connections or min(at_once, MOST_CONNECTIONS)
    plans = [replace(plan, connections=connections) for plan in plans]
    settings = {
        "workers": "1",
        "pool_size": str(connections),
        "threads": str(at_once),
        "server_timing": "1",
    }
    tapped = Capability.STRIPE_LEDGER not in lane.stripe.capabilities
    async with stack.bench(lane, variant.name, settings, tapped=tapped) as bench:
        findings.met(bench)
        slow = len({plan.stripe_latency for plan in plans}) > 1
        whole = place
        for plan in plans:
            place = whole / f"stripe-{plan.stripe_latency or 'as-it-is'}" if slow else whole
            if plan.bound_ms is None:
                out = findings.plan.out / place
                if yardstick is None:
                    yield _placed(await _watched(bench, plan, out, telemetry), place)
                    continue
                before = await asyncio.to_thread(yardstick.measure)
                load = await _watched(bench, plan, out, telemetry)
                after = await asyncio.to_thread(yardstick.measure)
                yield _placed(load, place, yardstick=math.sqrt(before * after))
                continue
            climb = Climb(plan.bound_ms)
            while (rate := climb.next()) is not None:
                at = place / f"{rate:.0f}-a-second"
                work = replace(plan, rate=rate)
                load = await _watched(bench, work, findings.plan.out / at, telemetry)
                climb.told(load)
                yield _placed(load, at, bound_ms=plan.bound_ms)


async def _watched(bench: Bench, work: Workload, out: Path, telemetry: Telemetry | None) -> Load:
    with telemetry.following(out, bench.variant, work.profile) if telemetry else nullcontext():
        load = await measure(bench, work, out)
    if work.connections is None or "pool_size" not in bench.target.settings:
        return load
    conditions = msgspec.structs.replace(load.conditions, connections=work.connections)
    return msgspec.structs.replace(load, conditions=conditions)


def _placed(load: Load, place: Path, **more: float | None) -> Load:
    return msgspec.structs.replace(load, history=(place / load.history).as_posix(), **more)
