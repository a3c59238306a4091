"""Who waits for a lock that will never be let go of."""

from __future__ import annotations

import asyncio

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.standstill import standstill, verdict_on
from paidonce.harness.taps.stripe.calls import StripeCall
from paidonce.harness.verdict import Status


class Reader:
    def __init__(self, **open_sessions):
        self._open = open_sessions

    def open_sessions(self, owner):
        return self._open.get(owner, ())


class Waits:
    def __init__(self, blockers):
        self._blockers = blockers

    async def blockers(self, pids):
        return {pid: self._blockers.get(pid, ()) for pid in pids}


def player(name, at=At.DONE, session="", pid=None):
    found = Player(name, at)
    if session:
        call = StripeCall(seq=1, method="POST", path="/", label="UPDATE")
        arrival = Arrival(call, session, pid, owner=found, label="UPDATE")
        arrival.go.set()
        found.flying.append(arrival)
    return found


def found(players, pids, reader, blockers):
    return asyncio.run(standstill(players, pids, reader, Waits(blockers)))


def test_an_attempt_that_waits_for_its_own_transaction():
    one = player("payer", At.LOCK, "session 2", 12)
    (wait,) = found(
        [one, player("admin")], {"session 1": 11}, Reader(payer=("session 1",)), {12: (11,)}
    )
    assert (wait.holder, wait.held_by) == ("payer", "session 1")
    verdict = verdict_on((wait,))
    assert (verdict.checker, verdict.status) == ("progress", Status.INVALID)
    assert "payer waits for itself: session 2 ('UPDATE')" in verdict.reason
    assert "its own session 1 holds" in verdict.reason


def test_two_attempts_each_of_which_waits_for_the_other_by_a_second_connection():
    players = [player("a", At.LOCK, "a2", 12), player("b", At.LOCK, "b2", 22)]
    waits = found(
        players, {"a1": 11, "b1": 21}, Reader(a=("a1",), b=("b1",)), {12: (21,), 22: (11,)}
    )
    assert [(wait.actor, wait.holder) for wait in waits] == [("a", "b"), ("b", "a")]


def test_a_wait_that_may_end_is_none():
    one = player("payer", At.LOCK, "session 2", 12)
    reader = Reader(payer=("session 1",))
    assert found([one], {"session 1": 11}, reader, {}) == ()
    assert found([one], {"session 1": 11}, reader, {12: (99,)}) == (), "a stranger holds it"
    others = [one, player("admin", At.TAP)]
    assert found(others, {"session 1": 11}, reader, {12: (11,)}) == ()
    inside = [one, player("admin", At.INSIDE)]
    assert found(inside, {"session 1": 11}, reader, {12: (11,)}) == ()
