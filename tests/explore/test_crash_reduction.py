"""Crashes that come to the same are left out, and nothing else: against all schedules of a model.

In the model attempts read and write a store, in one process. At a step of the first one the process
is killed: who is in it goes on no more, and who has not begun begins in the next process. What is
told to commute with a crash is what the control says (``Failing.around``).
"""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from paidonce.harness.explore.control.failing import Failing
from paidonce.harness.explore.control.failures import Place, PlannedFailure
from paidonce.harness.explore.control.next_steps import AT_THE_SERVICE
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.search import DepthFirst, Reduced, search
from paidonce.harness.explore.search.world import LOST, Pending, Taken
from paidonce.harness.explore.validate.claims import Claims, Settled
from paidonce.harness.explore.validate.lab import Lab, Lane
from paidonce.harness.explore.validate.noting import Noting
from paidonce.harness.explore.validate.validating import validated
from paidonce.harness.taps.faults import Crash
from paidonce.harness.verdict import Status, Verdict

CRASH = Crash("web")
PROGRAMS = 25
LONG = 40


def thing(name):
    return frozenset({Resource(("store", name))})


class Killed:
    """Executions of ``programs`` in which the process dies at a step of the first attempt."""

    def __init__(self, programs, step, place, every_crash, counts_reads=False):
        self.counts_reads = counts_reads
        self.programs, self.step, self.place = programs, step, place
        plan = frozenset({PlannedFailure(attempt="a", step=step, fault=CRASH, place=place)})
        self.failing = Failing(None, plan, every_crash=every_crash)

    async def fresh(self):
        return _World(self)


class _World:
    def __init__(self, made):
        self.made, self.failing = made, made.failing
        self.store = dict.fromkeys("xyz", 0)
        self.at = dict.fromkeys(made.programs, -1)
        self.seen = dict.fromkeys(made.programs, 0)
        self.lost, self.told = set(), {}

    def pending(self):
        return tuple(self._pending(name) for name in self.at if name not in self.told)

    def _pending(self, name):
        label, footprint = self._next(name)
        return Pending(actor=name, label=label, footprint=footprint)

    def _crashes(self, name):
        return name == "a" and self.at[name] == self.made.step - 1

    def _next(self, name):
        at, program = self.at[name], self.made.programs[name]
        if name in self.lost:
            return LOST, self.failing.around(LOCAL, crash=False, lost=True)
        if at < 0:
            return "start", self.failing.around(AT_THE_SERVICE, crash=False, lost=False)
        kind, what = program[at]
        own = Footprint(looks=thing(what)) if kind == "read" else Footprint(publishes=thing(what))
        label, crash = f"{kind} {what}", self._crashes(name)
        if crash:
            label += f" {self.made.place}"
            own = LOCAL if self.made.place is Place.REQUEST else own
        if at == len(program) - 1:
            own = own.union(AT_THE_SERVICE)
        return label, self.failing.around(own, crash=crash, lost=False)

    async def step(self, name):
        enabled = tuple(one.actor for one in self.pending())
        label, footprint = self._next(name)
        crash = name not in self.lost and self._crashes(name)
        if name in self.lost:
            self.told[name] = "no answer"
        elif self.at[name] < 0:
            self.at[name] = 0
        else:
            self._act(name)
        fault = CRASH if crash else None
        return Taken(actor=name, label=label, footprint=footprint, enabled=enabled, fault=fault)

    def _act(self, name):
        kind, what = self.made.programs[name][self.at[name]]
        crash = self._crashes(name)
        if not (crash and self.made.place is Place.REQUEST):
            if kind == "read":
                self.seen[name] = self.store[what]
                if self.made.counts_reads:
                    self.store["reads"] = self.store.get("reads", 0) + 1
            else:
                self.store[what] = self.seen[name] * 3 + ord(name)
        self.at[name] += 1
        if crash:
            self.lost |= {one for one, at in self.at.items() if at >= 0} - self.told.keys() - {name}
            self.told[name] = "no answer"
        elif self.at[name] == len(self.made.programs[name]):
            self.told[name] = f"saw {self.seen[name]}"

    async def finish(self):
        return tuple(self.store.items()), tuple(sorted(self.told.items()))

    async def close(self):
        pass


def fine(outcome):
    return Verdict(checker="any", status=Status.VALID, reason="")


def came_to(scheduler, *how):
    result = asyncio.run(search([Killed(*how)], fine, scheduler))
    assert result.reason == ""
    return set(result.outcomes), result.counts.executions


def agree(seed, attempts="ab"):
    """Check one random program; returns how many executions each way of searching took."""
    rng = random.Random(seed)
    programs = {
        name: [(rng.choice(("read", "read", "write")), rng.choice("xyz")) for _ in range(length)]
        for name, length in zip(attempts, (rng.randint(1, 3), rng.randint(1, 3), 1), strict=False)
    }
    step, place = rng.randint(1, len(programs["a"])), rng.choice((Place.REQUEST, Place.ANSWER))
    every, all_of_them = came_to(DepthFirst(), programs, step, place, True)
    each, told = came_to(Reduced(), programs, step, place, True)
    less, reduced = came_to(Reduced(), programs, step, place, False)
    assert every == each == less, (seed, programs, step, place)
    return all_of_them, told, reduced


READS = {"a": [("write", "x"), ("write", "y")], "b": [("read", "z"), ("write", "z")]}


def tried(*how, **more):
    """What trying the kills that a search relied on has shown."""

    async def main():
        claims = Claims()
        result = await search([Killed(*how, **more)], fine, Noting(Reduced(), claims))
        plain = Killed(*how, **more)
        lab = Lab(
            lanes=[Lane(plain, plain)],
            judge=fine,
            told=lambda outcome, actor: dict(outcome[1])[actor],
            exchanged=lambda outcome, names: outcome,
            known=frozenset(result.outcomes),
            deadline=math.inf,
        )
        settled = Settled()
        found = await validated(claims, lab, {}, settled=settled, beyond=True)
        return found, settled, claims

    return asyncio.run(main())


def test_what_others_only_looked_at_is_made_after_the_kill_and_comes_to_the_same():
    found, settled, claims = tried(READS, 2, Place.REQUEST, False)
    assert found.finding is None
    assert claims.kills
    assert settled.kills == claims.kills.keys()
    assert "kinds of steps beside a kill confirmed by execution" in str(found.grounds).replace(
        "kind of step ", "kinds of steps "
    )


def test_what_leaves_something_though_it_says_it_only_looks_is_found_out():
    found, settled, _ = tried(READS, 2, Place.REQUEST, False, counts_reads=True)
    assert found.finding is not None
    assert [kind for kind, _ in found.finding.kill] == ["read z", "write y request"]
    assert not settled.kills


def test_what_was_tried_before_is_not_tried_again():
    _, settled, claims = tried(READS, 2, Place.REQUEST, False)
    assert not claims.nothing
    claims.leave_out(settled)
    assert claims.nothing


def test_what_is_left_out_comes_to_the_same():
    totals = [sum(column) for column in zip(*map(agree, range(PROGRAMS)), strict=True)]
    assert totals[0] > totals[1] > totals[2]


@pytest.mark.slow
def test_nor_does_a_third_attempt_come_to_anything_else():
    totals = [agree(seed, "abc") for seed in range(LONG)]
    assert sum(less for _, _, less in totals) < sum(told for _, told, _ in totals)
