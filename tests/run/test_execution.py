"""One execution, whoever gates it: which ways it goes, and how it ends if it cannot go them all."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.history import Action, Ended, Header, History, Journal, Note, read_history
from paidonce.harness.scenario import choreography
from paidonce.harness.scenario.choreography import Stage
from paidonce.harness.scenario.model import Attempt, Scenario, Step, when_held
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.service.script import ClientState, NotAtRest
from paidonce.harness.targets.check.bursts import RealTime
from paidonce.harness.testbed.execution import Execution, in_real_time

DEADLINE_S = 30
PAY = (Step(Action.PAY),)


class Performance:
    """Writes down which ways it was asked to go; ``rests`` says how each wait for rest ends."""

    left = None
    recovery = SimpleNamespace(bounds=RecoveryBounds())

    def __init__(self, ways, rests=(True, True), *, asks_again=False, fails=""):
        self.ways, self.rests = ways, list(rests)
        self.asks_again, self.fails = asks_again, fails

    async def join(self, surroundings):
        self.surroundings = surroundings
        self.ways.append("join")

    async def may_begin(self, attempt):
        return True

    async def play(self, attempt, released=None):
        if attempt == self.fails:
            raise NotImplementedError(f"{attempt} cannot make its request")
        if released is not None:
            await released()
        self.ways.append(f"play {attempt}")
        self.surroundings.tell(attempt, ClientState.DONE)

    async def rest(self, over):
        over()
        self.ways.append("rest")
        if not self.rests.pop(0):
            raise NotAtRest("not at rest after 1 s")

    async def ask_again(self):
        self.ways.append("ask again")

    async def look(self):
        self.ways.append("look")


class Clients:
    def __init__(self, performance):
        self.performance = performance

    async def begin(self, script, journal):
        self.performance.ways.append("begin")
        return self.performance


class Recorded:
    """A record in memory, and taps that write down what they are bound to."""

    def __init__(self, **performance):
        self.ways = []
        self.events = [Header(run="r", scenario="s", target="t")]
        self.performance = Performance(self.ways, **performance)
        self.execution = Execution(Clients(self.performance), None, self)

    def now(self):
        return 0

    def record(self, event):
        self.events.append(event)

    def bind(self, journal, gate):
        bound = "nothing" if journal is None else "gate" if gate is not None else "record"
        self.ways.append(f"bind {bound}")

    def of(self, kind):
        return [event for _, event in History(self.events).of(kind)]


def bounded(main):
    return asyncio.run(asyncio.wait_for(main, DEADLINE_S))


def test_a_burst_goes_all_the_ways_and_its_record_ends():
    made = Recorded()
    bounded(in_real_time(made.execution, made, RealTime(["a", "b"])))
    plays = made.ways[3:5]
    assert sorted(plays) == ["play a", "play b"]
    assert [way for way in made.ways if way not in plays] == [
        "bind record",
        "begin",
        "join",
        "rest",
        "look",
        "bind nothing",
    ]
    assert len(made.of(Ended)) == 1


def test_what_is_asked_again_is_waited_for_again_and_a_search_is_told_when():
    made, over = Recorded(asks_again=True), []

    async def main():
        await made.execution.begin()
        await made.execution.end(lambda **what: over.append(what))

    bounded(main())
    assert made.ways == ["begin", "rest", "ask again", "rest", "look"]
    assert over == [{}, {"asked": True}, {}, {"stripe": True}]


def test_who_is_not_at_rest_is_not_looked_at_and_the_record_has_no_end():
    made = Recorded(rests=[False])
    with pytest.raises(NotAtRest):
        bounded(in_real_time(made.execution, made, RealTime(["a"])))
    assert made.ways[-2:] == ["rest", "bind nothing"]
    assert made.of(Ended) == []


def test_in_any_case_it_is_looked_at_and_noted():
    made = Recorded(rests=[False])
    bounded(in_real_time(made.execution, made, RealTime(["a"]), in_any_case=True))
    assert made.ways[-2:] == ["look", "bind nothing"]
    assert [note.text for note in made.of(Note)] == ["not at rest after 1 s"]
    assert len(made.of(Ended)) == 1


def test_one_whose_request_cannot_be_made_does_not_leave_the_others_waiting():
    made = Recorded(fails="a")
    with pytest.raises(NotImplementedError, match="a cannot make its request"):
        bounded(in_real_time(made.execution, made, RealTime(["a", "b"])))
    assert made.ways[-1] == "bind nothing"


def test_a_start_that_does_not_come_is_told_by_its_own_error(tmp_path, monkeypatch):
    monkeypatch.setattr(choreography, "START_DEADLINE_S", 0.05)
    attempts = (Attempt("a", PAY), Attempt("b", PAY, start=when_held(1)))
    story = Scenario(name="s", title="", story="", attempts=attempts, checkers=())

    async def none():
        return 0

    class Lasting(Performance):
        async def play(self, attempt, released=None):
            await asyncio.Event().wait()

    async def main():
        with Journal(tmp_path / "h.jsonl", Header(run="r", scenario="s", target="t")) as journal:
            stage = Stage(story, journal, lock_waiters=none, leases=none)
            execution = Execution(Clients(Lasting([])), story, journal)
            taps = SimpleNamespace(bind=lambda journal, gate: None)
            await in_real_time(execution, taps, stage)

    with pytest.raises(DeadlineExceeded, match="b to start, 1 held call"):
        bounded(main())
    assert not list(read_history(tmp_path / "h.jsonl").of(Ended))
