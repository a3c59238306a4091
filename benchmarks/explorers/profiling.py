"""Where the time of our executions goes: spans, processor time by process, and a profile.

Spans are wall-clock time in named parts of an execution; on one lane nothing else runs meanwhile,
so they add up, apart from those that are part of another (indented in the table). Processor time
is read from the system for each process. Both are measured without the profiler, which slows
everything down unevenly; then the same search is made once more under cProfile, for the
functions.
"""

from __future__ import annotations

import cProfile
import functools
import inspect
import io
import os
import pstats
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil

from explorers.ours import once
from paidonce.harness.explore.control import controller as control
from paidonce.harness.explore.control import execution as service_world
from paidonce.harness.explore.control import executions as service_worlds
from paidonce.harness.explore.control import lock_waits as blocking
from paidonce.harness.explore.control import reader as reading
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.naming import names
from paidonce.harness.explore.search.schedulers import tree
from paidonce.harness.scenario import performance as scenario_clients
from paidonce.harness.scenario.client import Actor
from paidonce.harness.scenario.model import Scenario

_LINES = 30

# (what it is called, where it is, its name); two spaces for each span it is a part of.
_SPANS: tuple[tuple[str, Any, str], ...] = (
    ("a fresh world", service_worlds.ServiceWorlds, "fresh"),
    ("  reset: Stripe, Redis, SQL", scenario_clients.ScenarioClients, "_orders"),
    ("  connections of the attempts warmed", Actor, "warm"),
    ("steps", service_world.ServiceWorld, "step"),
    ("  until all is at rest", control.Control, "rest"),
    ("    pg_blocking_pids", blocking.LockWaits, "blockers"),
    ("  arrivals read (SQL footprints)", reading.TapReader, "read"),
    ("  answers read", reading.TapReader, "answered"),
    ("  names given in footprints", names.Names, "footprint"),
    ("who can move", service_world.ServiceWorld, "pending"),
    ("the end", service_world.ServiceWorld, "finish"),
    ("  orders at rest", scenario_clients, "at_rest"),
    ("  orders and Stripe looked at", scenario_clients, "observe"),
    ("  judged", service_world, "judge"),
    ("closed", service_world.ServiceWorld, "close"),
    ("plans", tree.TreeScheduler, "upcoming"),
    ("learnt", tree.TreeScheduler, "commit"),
)


class Spans:
    """Seconds and calls by span."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure every span as long as this lasts."""
        kept = [
            (place, name, getattr(place, name)) for _, place, name in _SPANS if hasattr(place, name)
        ]
        for label, place, name in _SPANS:
            if hasattr(place, name):
                setattr(place, name, self._timed(label, getattr(place, name)))
        try:
            yield
        finally:
            for place, name, original in kept:
                setattr(place, name, original)

    def _timed(self, label: str, work: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(work):

            @functools.wraps(work)
            async def waited(*args: Any, **kwargs: Any) -> Any:
                began = time.perf_counter()
                try:
                    return await work(*args, **kwargs)
                finally:
                    self._add(label, began)

            return waited

        @functools.wraps(work)
        def called(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                self._add(label, began)

        return called

    def _add(self, label: str, began: float) -> None:
        self.seconds[label] += time.perf_counter() - began
        self.calls[label] += 1


async def profile(
    worlds: ServiceWorlds, scenario: Scenario, guard: str, rounds: int, most: int
) -> str:
    """A full search with ``guard``, as text."""
    await once([worlds], scenario, guard, "dfs", most)
    spans = Spans()
    before, made, took = processor_time([worlds]), 0, 0.0
    with spans.watching():
        for _ in range(rounds):
            sample = await once([worlds], scenario, guard, "dfs", most)
            made, took = made + sample.schedules, took + sample.seconds
    after = processor_time([worlds])
    lines = [
        f"## {guard}: {made} executions on one lane, {took / made * 1000:.1f} ms each, "
        f"load {os.getloadavg()[0]:.1f}",
        "",
        "| part | ms | calls | ms a call |",
        "|---|---:|---:|---:|",
    ]
    for label, _, _ in _SPANS:
        calls = spans.calls[label]
        if calls:
            ms = spans.seconds[label] * 1000
            shown = label.replace("  ", "&nbsp;&nbsp;")
            lines.append(f"| {shown} | {ms / made:.2f} | {calls / made:.1f} | {ms / calls:.2f} |")
    lines += ["", "| processor time of | ms |", "|---|---:|"]
    for name, seconds in after.items():
        lines.append(f"| {name} | {(seconds - before.get(name, 0.0)) / made * 1000:.1f} |")
    return "\n".join(
        [*lines, "", "```", await _functions(worlds, scenario, guard, most), "```", ""]
    )


async def _functions(worlds: ServiceWorlds, scenario: Scenario, guard: str, most: int) -> str:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        await once([worlds], scenario, guard, "dfs", most)
    finally:
        profiler.disable()
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).strip_dirs().sort_stats("tottime").print_stats(_LINES)
    return out.getvalue().strip()


def processor_time(lanes: Sequence[ServiceWorlds]) -> dict[str, float]:
    """Processor seconds so far, by what a process is for."""
    me = psutil.Process()
    found: dict[str, float] = {"this process": 0.0, "the service": 0.0, "Postgres": 0.0}
    family = {me.pid: me} | {child.pid: child for child in me.children(recursive=True)}
    services = [psutil.Process(pid) for lane in lanes for pid in lane.bench.pids]
    served = {one.pid for each in services for one in (each, *each.children(recursive=True))}
    for process in family.values():
        try:
            name = " ".join(process.cmdline())
            times = process.cpu_times()
        except psutil.Error:
            continue
        if process.pid == me.pid:
            role = "this process"
        elif process.pid in served:
            role = "the service"
        elif "simulator" in name:
            role = "Stripe (simulator)"
        elif "valkey" in name or "redis" in name:
            role = "Redis"
        elif "postgres" in name:
            role = "Postgres"
        else:
            role = "others"
        found[role] = found.get(role, 0.0) + times.user + times.system
    return found
