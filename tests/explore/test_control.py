"""The control of an execution: whose a unit is, who moves, and when all is at rest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.lock_waits import in_a_cycle
from paidonce.harness.explore.control.quiescence import Quiescence
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.taps.stripe.calls import StripeCall

DEADLINE_S = 120.0
QUICK = Patience(step=DEADLINE_S, inside=0.02, tail=0.02, alone=0.05, deadlock_gap=0.001)


@dataclass(eq=False)
class Unit:
    """A call at a tap, as the control sees it."""

    seq: int
    label: str = "UPDATE"
    session: str = "s1"
    pid: int | None = None
    local: bool = False
    tap: str = "postgres"
    attempt: str | None = None


class Line:
    def hung_up(self):
        return False


@dataclass
class Reader:
    """Knows what the test tells it."""

    owners: dict = field(default_factory=dict)
    locking: set = field(default_factory=set)
    habits: dict = field(default_factory=dict)
    shared: list = field(default_factory=list)

    def told(self, call):
        return call.label != "PARSE"

    def shares(self, call):
        self.shared.append(call.label)

    def session(self, call, connection):
        return call.session, call.pid

    def owner(self, session):
        return self.owners.get(session)

    def holds_locks(self, session):
        return session in self.locking

    def open_sessions(self, owner):
        return tuple(session for session, name in self.owners.items() if name == owner)

    def read(self, arrival, owner):
        return arrival.call.label, LOCAL if arrival.call.local else EVERYTHING

    def expected(self, arrival):
        return arrival.footprint

    def passing(self, arrival):
        return self.expected(arrival)

    def raises(self, call):
        return call.label == "refund.create"

    def blocks(self, call):
        return call.label == "BLPOP jobs"

    def backs_off(self, arrival):
        return isinstance(arrival.call, StripeCall) and arrival.call.in_use

    def answered(self, arrival):
        return arrival.footprint

    async def hidden(self, arrival):
        return LOCAL

    def background(self, arrival):
        return arrival.call.label == "health check"

    def local(self, arrival):
        return arrival.call.local

    def habitual(self, arrival, players):
        able = [p for p in players if p.name == self.habits.get(arrival.call.label)]
        return able[0] if able else None

    def closed(self, session):
        return self.owners.pop(session, None), EVERYTHING


class Server:
    """Says who waits for whom."""

    def __init__(self):
        self.waits = {}
        self.sessions = set()
        self.at_work = 0

    def running(self, pids):
        self.at_work -= 1
        return self.at_work >= 0

    async def alive(self, pids):
        return self.sessions & set(pids)

    async def blockers(self, pids):
        return {pid: self.waits.get(pid, ()) for pid in pids}


class Idle:
    busy = 0

    def at_work(self):
        self.busy -= 1
        return self.busy >= 0

    def idle(self):
        return True


class Stage:
    """A control with two players and the test in the place of the service."""

    def __init__(self, patience=QUICK, **how):
        self.one, self.two = Player("one"), Player("two")
        self.reader, self.server = Reader(), Server()
        self.idle = Idle()
        self.control = Control(
            (self.one, self.two), self.reader, self.server, self.idle, patience, **how
        )
        self.tasks = []

    def sends(self, unit):
        """The service sends a unit; the answer comes as soon as it is let go."""

        async def carry():
            await self.control.request(unit, Line())
            await self.control.answer(unit, Line())

        task = asyncio.ensure_future(carry())
        self.tasks.append(task)
        return task

    async def moves(self, player):
        self.control.let_go(player)
        return await self.control.rest(player)

    def close(self):
        self.control.open()


def bounded(main):
    asyncio.run(asyncio.wait_for(main, 2 * DEADLINE_S))


def test_what_arrives_belongs_to_whoever_moves_and_is_held():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        sent = stage.sends(Unit(1))
        await stage.control.rest(stage.one)
        assert stage.one.at is At.TAP
        assert [arrival.label for arrival in stage.one.held] == ["UPDATE"]
        assert not sent.done()
        stage.close()

    bounded(main())


def test_local_units_pass_without_being_a_step():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        passed = stage.sends(Unit(1, label="BEGIN", local=True))
        stage.sends(Unit(2))
        await stage.control.rest(stage.one)
        await asyncio.wait_for(passed, DEADLINE_S)
        assert len(stage.one.held) == 1
        stage.close()

    bounded(main())


def test_a_call_that_could_not_be_dealt_with_is_raised_where_rest_is_waited_for():
    """What the service does after that, on a connection that is gone, decides nothing."""

    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        stage.sends(Unit(1))
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        stage.control.fail(ConnectionError("the server is gone"))
        with pytest.raises(ConnectionError, match="gone"):
            await resting
        stage.close()

    bounded(main())


def test_an_answer_that_may_come_late_is_held_until_its_attempt_is_let_go_again():
    async def main():
        stage = Stage(late_answers=True)
        stage.control.let_go(stage.one)
        sent = stage.sends(Unit(1))
        await stage.control.rest(stage.one)
        await stage.moves(stage.one)
        assert (stage.one.at, stage.one.able, sent.done()) == (At.ANSWER, True, False)
        stage.control.let_go(stage.two)
        other = stage.sends(Unit(2, session="s2"))
        await stage.control.rest(stage.two)
        await stage.moves(stage.two)
        stage.two.told = True
        await stage.moves(stage.two)
        assert (stage.two.at, other.done(), sent.done()) == (At.DONE, True, False)
        stage.one.told = True
        await stage.moves(stage.one)
        assert (stage.one.at, sent.done()) == (At.DONE, True)
        stage.close()

    bounded(main())


def test_where_events_are_delivered_the_answer_that_raised_one_is_held_and_no_other():
    async def main():
        stage = Stage(raised=True)
        stage.control.let_go(stage.one)
        sent = stage.sends(Unit(1, label="refund.create"))
        await stage.control.rest(stage.one)
        await stage.moves(stage.one)
        assert (stage.one.at, stage.one.able, sent.done()) == (At.ANSWER, True, False)
        assert [one.withheld for one in stage.one.flying] == [True]
        stage.control.let_go(stage.two)
        statement = stage.sends(Unit(2, session="s2"))
        await stage.control.rest(stage.two)
        stage.two.told = True
        await stage.moves(stage.two)
        assert (stage.two.at, statement.done(), sent.done()) == (At.DONE, True, False)
        stage.one.told = True
        await stage.moves(stage.one)
        assert (stage.one.at, sent.done()) == (At.DONE, True)
        stage.close()

    bounded(main())


def test_the_answer_to_a_local_unit_may_come_late_too():
    async def main():
        stage = Stage(late_answers=True)
        stage.control.let_go(stage.one)
        passed = stage.sends(Unit(1, label="BEGIN", local=True))
        await stage.control.rest(stage.one)
        assert (stage.one.at, passed.done()) == (At.ANSWER, False)
        stage.close()

    bounded(main())


def test_what_the_driver_alone_waits_for_is_not_held():
    async def main():
        stage = Stage(late_answers=True)
        stage.control.let_go(stage.one)
        stage.sends(Unit(1, label="PARSE"))
        await stage.control.rest(stage.one)
        stage.control.let_go(stage.one)
        await asyncio.wait_for(stage.tasks[0], DEADLINE_S)
        stage.sends(Unit(2, label="EXECUTE"))
        await stage.control.rest(stage.one)
        assert stage.one.at is At.TAP
        stage.close()

    bounded(main())


def test_who_has_several_answers_to_come_gets_them_when_none_is_on_its_way():
    async def main():
        stage = Stage(late_answers=True)
        stage.control.let_go(stage.one)
        first, second = stage.sends(Unit(1)), stage.sends(Unit(2, session="s2"))
        await stage.control.rest(stage.one)
        await stage.moves(stage.one)
        assert (stage.one.at, first.done(), second.done()) == (At.ANSWER, False, False)
        await stage.moves(stage.one)
        await asyncio.wait_for(first, DEADLINE_S)
        assert stage.one.at is At.TAP
        await stage.moves(stage.one)
        assert (stage.one.at, second.done()) == (At.ANSWER, False)
        stage.close()

    bounded(main())


def test_who_was_refused_because_a_key_is_in_use_is_waited_for():
    """A library of Stripe's sleeps, and asks again: it does not wait for anybody inside."""

    async def main():
        stage = Stage(Patience(step=DEADLINE_S, inside=0.02, deadlock_gap=0.001, back_off=1))
        stage.control.let_go(stage.one)
        call = StripeCall(1, "POST", "/v1/refunds", "refund.create", idempotency_key="k")
        call.session, call.pid, call.local = "stripe 1", None, False
        stage.sends(call)
        await stage.control.rest(stage.one)
        call.in_use = True
        stage.control.let_go(stage.one)

        async def asks_again():
            await asyncio.sleep(0.2)
            stage.sends(Unit(2, label="again"))

        again = asyncio.ensure_future(asks_again())
        await stage.control.rest(stage.one)
        await again
        assert (stage.one.at, stage.one.backs_off) == (At.TAP, False)
        stage.control.let_go(stage.one)
        await stage.control.rest(stage.one)
        assert stage.one.at is At.INSIDE
        stage.close()

    bounded(main())


def test_a_step_ends_with_the_answer_to_the_client():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        stage.one.told = True
        await stage.control.rest(stage.one)
        assert stage.one.at is At.DONE

    bounded(main())


def test_waiting_for_a_lock_is_what_the_server_says_it_is():
    async def main():
        stage = Stage()
        stage.server.waits = {20: (10,)}
        stage.control.let_go(stage.one)
        unit = Unit(1, pid=20)
        request = asyncio.ensure_future(stage.control.request(unit, Line()))
        await stage.control.rest(stage.one)
        stage.control.let_go(stage.one)
        await request
        await stage.control.rest(stage.one)
        assert stage.one.at is At.LOCK
        # The holder moves on, and the statement goes through: its answer waits for its turn.
        stage.control.let_go(stage.two)
        stage.server.waits = {}
        answer = asyncio.ensure_future(stage.control.answer(unit, Line()))
        stage.two.told = True
        woken = await stage.control.rest(stage.two)
        assert woken == ("one",)
        assert stage.one.at is At.ANSWER
        assert not answer.done()
        stage.control.let_go(stage.one)
        stage.one.told = True
        await stage.control.rest(stage.one)
        await asyncio.wait_for(answer, DEADLINE_S)

    bounded(main())


def test_a_command_that_waits_for_what_another_sends_is_named_and_ends_the_execution():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        request = asyncio.ensure_future(stage.control.request(Unit(1, "BLPOP jobs"), Line()))
        await stage.control.rest(stage.one)
        stage.control.let_go(stage.one)
        await request
        with pytest.raises(InvalidRun, match="one: 'BLPOP jobs' waits until another sends"):
            await stage.control.rest(stage.one)

    bounded(main())


def test_who_holds_locks_and_waits_is_at_rest_once_it_has_looked_for_deadlocks():
    async def main():
        stage = Stage()
        stage.server.waits = {20: (10,)}
        stage.reader.locking = {"s1"}
        stage.control.let_go(stage.one)
        request = asyncio.ensure_future(stage.control.request(Unit(1, pid=20), Line()))
        await stage.control.rest(stage.one)
        stage.server.at_work = 5  # its alarm went off, and it waits for a processor
        stage.control.let_go(stage.one)
        await request
        await stage.control.rest(stage.one)
        assert stage.one.at is At.LOCK
        assert stage.server.at_work < 0
        stage.close()

    bounded(main())


def test_a_time_in_which_nobody_looked_is_no_silence(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    quiet = Quiescence(Idle(), QUICK)
    quiet.change()
    now += 30  # the machine stalls
    assert quiet.silence < 0.1
    for _ in range(100):
        now += 0.01
        quiet.looked()
        assert quiet.silence > 0
    assert quiet.silence == pytest.approx(1, abs=0.1)
    quiet.change()
    assert quiet.silence == 0


def test_a_statement_that_merely_takes_long_is_waited_for():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        unit = Unit(1, pid=20)
        request = asyncio.ensure_future(stage.control.request(unit, Line()))
        await stage.control.rest(stage.one)
        stage.control.let_go(stage.one)
        await request
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        await asyncio.sleep(0.1)
        assert not resting.done(), "nobody blocks it, so it will be answered"
        answer = asyncio.ensure_future(stage.control.answer(unit, Line()))
        stage.one.told = True
        await resting
        await answer
        assert stage.one.at is At.DONE

    bounded(main())


def test_a_transaction_belongs_to_whoever_began_it():
    async def main():
        stage = Stage()
        stage.reader.owners["s9"] = "two"
        stage.two.at = At.MOVING
        stage.control.let_go(stage.one)
        stage.sends(Unit(1, session="s9"))
        stage.sends(Unit(2, session="s1"))
        await stage.control.rest(stage.one)
        assert [arrival.call.seq for arrival in stage.two.held] == [1]
        assert [arrival.call.seq for arrival in stage.one.held] == [2]
        stage.close()

    bounded(main())


def test_an_attempt_that_shows_no_sign_of_life_waits_inside_the_service():
    async def main():
        stage = Stage()
        await stage.moves(stage.one)
        assert stage.one.at is At.INSIDE
        # Another attempt's step may set it free; then what arrives is told apart by elimination.
        stage.control.let_go(stage.two)
        stage.two.told = True
        stage.sends(Unit(1))
        await stage.control.rest(stage.two)
        assert stage.two.at is At.DONE
        assert stage.one.at is At.TAP
        stage.close()

    bounded(main())


def test_what_cannot_be_told_apart_makes_the_execution_invalid():
    async def main():
        stage = Stage(Patience(step=0.2, inside=10, tail=0.02, deadlock_gap=0.001))
        stage.one.at = At.MOVING
        stage.control.let_go(stage.two)
        stage.sends(Unit(1, label="UPDATE orders"))
        with pytest.raises(InvalidRun, match="ambiguous: cannot tell whose it is: UPDATE orders"):
            await stage.control.rest(stage.two)
        stage.close()

    bounded(main())


def test_what_never_comes_to_rest_is_named():
    async def main():
        stage = Stage(Patience(step=0.1, inside=10, tail=0.02, deadlock_gap=0.001))
        with pytest.raises(InvalidRun, match=r"one did not come to rest within 0.1 s \(one moving"):
            await stage.moves(stage.one)

    bounded(main())


def test_what_the_service_does_by_itself_passes():
    async def main():
        stage = Stage()
        await asyncio.wait_for(stage.sends(Unit(1, label="health check")), DEADLINE_S)

    bounded(main())


def test_what_comes_while_nobody_moves_is_nobodys():
    async def main():
        stage = Stage()
        passed = stage.sends(Unit(1, label="BEGIN", session="s7", local=True))
        await asyncio.sleep(0)
        stage.control.let_go(stage.one)
        stage.sends(Unit(2))
        await stage.control.rest(stage.one)
        await asyncio.wait_for(passed, DEADLINE_S)
        assert [arrival.call.seq for arrival in stage.one.held] == [2]
        stage.sends(Unit(3, label="UPDATE heartbeats", session="s8"))
        await asyncio.sleep(0)
        with pytest.raises(InvalidRun, match="'UPDATE heartbeats' came while nobody was moving"):
            await stage.moves(stage.two)
        assert stage.control.surprised
        stage.close()

    bounded(main())


def test_the_statement_of_a_transaction_of_the_services_own_is_nobodys_either():
    async def main():
        stage = Stage()
        stage.reader.owners["s7"] = ""
        stage.control.let_go(stage.one)
        stage.sends(Unit(1, label="UPDATE heartbeats", session="s7"))
        await asyncio.sleep(0)
        with pytest.raises(InvalidRun, match="the service sends 'UPDATE heartbeats' by itself"):
            await stage.control.rest(stage.one)
        stage.close()

    bounded(main())


def test_two_that_move_at_once_are_told_apart_by_what_their_like_did_before():
    async def main():
        stage = Stage()
        stage.reader.habits = {"UPDATE": "two", "charge": "one"}
        stage.two.at = At.INSIDE
        stage.control.let_go(stage.one)
        stage.sends(Unit(1, label="UPDATE"))
        stage.sends(Unit(2, label="charge", tap="stripe"))
        woken = await stage.control.rest(stage.one)
        assert [arrival.label for arrival in stage.one.held] == ["charge"]
        assert [arrival.label for arrival in stage.two.held] == ["UPDATE"]
        assert woken == ("two",), "the step set it going"
        stage.close()

    bounded(main())


def test_a_service_that_runs_on_after_its_answer_is_waited_for():
    async def main():
        stage = Stage(Patience(step=DEADLINE_S, inside=1, tail=1, deadlock_gap=0.001))
        stage.idle.busy = 3
        stage.control.let_go(stage.one)
        stage.one.told = True
        await stage.control.rest(stage.one)
        assert stage.idle.busy < 0
        assert stage.one.at is At.DONE

    bounded(main())


def test_a_statement_after_the_answer_is_a_step_of_its_attempt():
    async def main():
        stage = Stage(Patience(step=DEADLINE_S, inside=1, tail=1, deadlock_gap=0.001))
        stage.idle.busy = 5
        stage.control.let_go(stage.one)
        stage.one.told = True
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        await asyncio.sleep(0)
        assert stage.one.at is At.DONE
        stage.sends(Unit(1))
        await resting
        assert stage.one.at is At.TAP
        stage.close()

    bounded(main())


def test_what_a_worker_was_told_to_do_is_waited_for():
    async def main():
        jobs = 1

        async def left():
            return jobs > 0

        stage = Stage(Patience(step=DEADLINE_S, inside=0.02, tail=0.02, alone=4), left=left)
        stage.control.let_go(stage.one)
        stage.one.told = True
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        await asyncio.sleep(0.1)
        assert not resting.done(), "somebody has to take the job"
        passed = stage.sends(Unit(1))
        await resting
        assert stage.one.at is At.TAP
        jobs = 0
        stage.control.let_go(stage.one)
        await stage.control.rest(stage.one)
        assert stage.one.at is At.DONE
        await passed
        stage.close()

    bounded(main())


def test_the_end_of_a_connection_is_a_rollback_that_the_server_has_to_make():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        unit = Unit(1, pid=20)
        stage.sends(unit)
        await stage.control.rest(stage.one)
        stage.reader.owners["s1"] = "one"
        stage.server.sessions = {20}
        stage.control.let_go(stage.one)
        stage.one.told = True
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        await asyncio.sleep(0.005)
        stage.control.gone("s1")
        await asyncio.sleep(0.05)
        assert not resting.done(), "the server has not let go of its locks yet"
        stage.server.sessions = set()
        await resting
        assert stage.one.at is At.DONE
        assert stage.one.touched.locks

    bounded(main())


def test_where_nobody_can_move_time_passes():
    async def main():
        stage = Stage(
            Patience(step=DEADLINE_S, inside=0.02, tail=0.02, alone=4, deadlock_gap=0.001)
        )
        stage.two.at = At.DONE
        stage.control.let_go(stage.one)
        resting = asyncio.ensure_future(stage.control.rest(stage.one))
        async with asyncio.timeout(DEADLINE_S):
            while stage.one.at is not At.INSIDE:
                await asyncio.sleep(0.005)
        assert not resting.done()
        stage.sends(Unit(1, label="again"))  # its timer went off
        await resting
        assert stage.one.at is At.TAP
        stage.close()

    bounded(main())


def test_an_open_control_lets_everything_through():
    async def main():
        stage = Stage()
        stage.control.let_go(stage.one)
        sent = stage.sends(Unit(1))
        await stage.control.rest(stage.one)
        stage.control.open()
        await sent
        await stage.control.request(Unit(2), Line())

    bounded(main())


@pytest.mark.parametrize(
    ("waits", "cycle"),
    [
        ({1: (2,), 2: (1,)}, True),
        ({1: (2,), 2: (3,), 3: (1,)}, True),
        ({1: (2,), 2: ()}, False),
        ({1: (2,), 2: (3,), 3: (2,)}, False),
        ({}, False),
    ],
)
def test_a_deadlock_is_a_way_back(waits, cycle):
    assert in_a_cycle(1, waits) is cycle
