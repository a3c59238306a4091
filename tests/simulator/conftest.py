"""Fixtures: one simulator process per test module, emptied before every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe
from simulator_process import SECRET, Simulator, running

from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.state import World


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[Simulator]:
    with running("--webhook-secret", SECRET) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    # What a reset leaves as it is; which test was here before is not known.
    for settings in ("latency", "limits", "webhooks"):
        shared_simulator.control("POST", settings, {})
    shared_simulator.control("POST", "faults", {"rules": []})
    shared_simulator.control("POST", "reset")
    return shared_simulator


@pytest.fixture
def client(simulator: Simulator) -> stripe.StripeClient:
    return simulator.client()


@pytest.fixture
def world() -> World:
    """An empty one, on 15 January 2027."""
    return World(IdSource(1), clock=lambda: 1_800_000_000.5)
