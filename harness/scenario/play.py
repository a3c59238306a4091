"""Plays one scenario once, in real time on a bench, and leaves a history file."""

from __future__ import annotations

import uuid
from pathlib import Path

from paidonce.harness.history import Journal
from paidonce.harness.scenario.choreography import Stage
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.performance import ScenarioClients
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.execution import Execution, in_real_time


def missing(scenario: Scenario, bench: Bench) -> str | None:
    """Return why the scenario cannot be told on this bench, or None if it can."""
    lacking = sorted(scenario.needs - bench.capabilities)
    if not lacking:
        return None
    stripe = bench.backends["stripe"].kind
    return f"needs {', '.join(lacking)}, which Stripe backend {stripe} does not have"


async def play_scenario(
    scenario: Scenario, bench: Bench, path: Path, *, seed: int = 0, run: str | None = None
) -> Path:
    """Play ``scenario`` once and record it in ``path``, which must not exist yet.

    Raises ``UsageError`` when the target has no route for a step, ``UnexpectedAnswer`` when the
    service cannot even create or show an order, ``NotReady`` when a preparation is refused,
    ``NoAnswer`` when the service does not take a connection, ``DeadlineExceeded`` when an attempt's
    start does not come.
    """
    run_id = run or uuid.uuid4().hex[:12]
    clients = ScenarioClients(bench, run=run_id)
    with Journal(path, clients.header(scenario, run_id, seed)) as journal:
        stage = Stage(scenario, journal, lock_waiters=bench.lock_waiters, leases=bench.leases)
        try:
            execution = Execution(clients, scenario, journal)
            await in_real_time(execution, bench, stage, in_any_case=True)
        finally:
            await clients.close()
    return path
