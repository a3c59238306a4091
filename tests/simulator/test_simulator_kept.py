"""What is kept across resets: a state that each reset goes back to."""

from __future__ import annotations

import pytest

from paidonce.harness.simulator.domain import agenda, customers, payment_methods
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation

CAUSE = EventRequest(id=None, idempotency_key=None)


def shape(simulation: Simulation) -> dict:
    document = saved.document(simulation)
    del document["ids"]  # they go on
    return document


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(SimulatorSettings(), clock=lambda: 1_800_000_000.0)


def test_a_reset_goes_back_to_what_is_kept_and_ids_go_on(simulation: Simulation) -> None:
    world = simulation.epoch.world
    customer = customers.create(world, {}, {}, CAUSE)
    method = payment_methods.attach(world, "pm_card_visa", customer.id, CAUSE)
    simulation.keep()
    before = shape(simulation)
    later = set()
    for _ in range(2):
        world = simulation.epoch.world
        later.add(customers.create(world, {}, {}, CAUSE).id)
        customers.delete(world, customer.id, CAUSE)
        assert shape(simulation) != before
        assert simulation.back()
        assert shape(simulation) == before
    assert len(later) == 2
    assert simulation.epoch.world.methods_of[customer.id] == [method.id]
    assert simulation.epoch.world.card_of[method.id].brand == "visa"
    agenda.run_due(simulation.epoch.world)


def test_a_whole_reset_forgets_what_is_kept(simulation: Simulation) -> None:
    customers.create(simulation.epoch.world, {}, {}, CAUSE)
    simulation.keep()
    simulation.reset()
    assert not simulation.back()
    assert not len(simulation.epoch.world.customers)
