"""Rounds of recovery: until one changes nothing, or the bound on them is met and named."""

from __future__ import annotations

import asyncio

import pytest

from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.history import Completed, Header, Outcome, Recovered, Recovering
from paidonce.harness.service.recovery import Progression, RecoveryBounds
from paidonce.harness.testbed.recovery import recover

DEADLINE_S = 30


class Healing:
    """A service whose state is another after each of the first ``rounds`` rounds."""

    def __init__(self, rounds, bounds=None):
        self.bounds = bounds or RecoveryBounds()
        self.rounds, self.swept, self.ways = rounds, 0, []
        self.owed, self.undelivered = ("tab 1",), ()

    async def ask_again(self):
        self.ways.append("ask")

    async def sweep(self):
        self.ways.append("sweep")
        self.swept += 1

    async def settle(self):
        self.ways.append("settle")

    async def state(self):
        return {"order": min(self.swept, self.rounds), "ledger": "the same"}


def recovered(service):
    journal = Memory(Header(run="r", scenario="s", target="t"))
    asyncio.run(asyncio.wait_for(recover(service, journal), DEADLINE_S))
    ((_, end),) = journal.history.of(Recovered)
    return end, [event.round for _, event in journal.history.of(Recovering)]


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_it_ends_with_a_round_that_changes_nothing(rounds):
    service = Healing(rounds)
    end, begun = recovered(service)
    assert (end.rounds, end.rested, end.changing) == (rounds, True, ())
    assert begun == list(range(1, rounds + 2))
    assert service.ways == ["settle", *["ask", "sweep", "settle"] * (rounds + 1)]
    assert end.owed == ("tab 1",)


def test_a_bound_that_is_met_names_what_still_changes():
    end, begun = recovered(Healing(9, RecoveryBounds(rounds=2)))
    assert (end.rounds, end.rested, end.changing) == (2, False, ("order",))
    assert begun == [1, 2, 3]


def completed(status, outcome=Outcome.REJECTED):
    return Completed(t=0, op=0, outcome=outcome, status=status)


@pytest.mark.parametrize(
    ("status", "outcome", "owed", "asks_once_more"),
    [
        (None, Outcome.UNKNOWN, True, True),
        (503, Outcome.FAILED, True, True),
        (429, Outcome.REJECTED, False, True),
        (409, Outcome.REJECTED, False, True),
        (402, Outcome.REJECTED, False, False),
        (200, Outcome.FAILED, False, False),
    ],
)
def test_who_asks_again(status, outcome, owed, asks_once_more):
    progression = Progression()
    assert not progression.asks, "it has not asked yet"
    progression.told(completed(status, outcome))
    assert progression.owed is progression.asks is owed
    progression.asked = True
    assert progression.asks is asks_once_more
    assert progression.owed is (owed or status == 429)
    progression.told(completed(status, outcome), later=True)
    assert progression.owed
    progression.through = True
    assert not progression.owed
    assert not progression.asks


def test_an_event_is_delivered_until_it_is_accepted():
    progression = Progression()
    progression.at(1, delivers=True)
    assert not progression.undelivered, "it is not there yet"
    progression.told(completed(404))
    assert progression.undelivered
    assert not progression.owed
    progression.told(completed(200, Outcome.OK))
    assert not progression.undelivered


def test_sweeps_may_come_before_clients_ask_again():
    service = Healing(1)
    journal = Memory(Header(run="r", scenario="s", target="t"))
    asyncio.run(asyncio.wait_for(recover(service, journal, sweeps_first=True), DEADLINE_S))
    assert service.ways == ["settle", *["sweep", "settle", "ask", "settle"] * 2]
