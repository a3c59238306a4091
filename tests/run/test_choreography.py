"""The stage: holds, starts, and the notion of quiet, with the clock out of the picture."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.history import Action, Fault, Header, Journal, Note, read_history
from paidonce.harness.scenario.choreography import Stage
from paidonce.harness.scenario.model import (
    HUNG_UP,
    LEASES_OVER,
    Attempt,
    Hold,
    Scenario,
    Side,
    Step,
    Until,
    after,
    when_held,
)
from paidonce.harness.service.script import ClientState
from paidonce.harness.taps.stripe.calls import StripeCall

PAY = (Step(Action.PAY),)
DEADLINE_S = 120.0
INTENTS = Hold("payment_intent.*", limit_s=DEADLINE_S)
EVERYTHING = Hold("*", limit_s=DEADLINE_S)
UNTIL_HUNG_UP = Hold("*", until=Until.HUNG_UP, limit_s=DEADLINE_S)


class Line:
    """A connection that can be told to have been closed."""

    def __init__(self):
        self.gone = False

    def hung_up(self):
        return self.gone


class Bench:
    """A stage with what it asks of servers in the test's hands."""

    def __init__(self, path, attempts, holds):
        self.waiters = 0
        self.expiring = 0
        self.path = path
        self.journal = Journal(path, Header(run="r", scenario="s", target="t"))
        scenario = Scenario(
            name="s", title="", story="", attempts=attempts, checkers=(), holds=holds
        )
        self.stage = Stage(
            scenario, self.journal, lock_waiters=self.lock_waiters, leases=self.leases
        )
        self.attempts = {attempt.name: attempt for attempt in attempts}

    async def lock_waiters(self):
        return self.waiters

    async def leases(self):
        return self.expiring

    def events(self, kind):
        return [event for _, event in read_history(self.path).of(kind)]


def call(label="payment_intent.create", seq=1):
    return StripeCall(seq=seq, method="POST", path="/", label=label)


@contextlib.asynccontextmanager
async def watched(tmp_path, attempts, holds):
    bench = Bench(tmp_path / "h.jsonl", attempts, holds)
    watch = asyncio.ensure_future(bench.stage.watch())
    try:
        yield bench
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        bench.journal.close()


async def settles(seconds=0.1):
    """Let the stage look around several times."""
    await asyncio.sleep(seconds)


def bounded(main):
    return asyncio.run(asyncio.wait_for(main, DEADLINE_S))


def test_a_call_is_held_until_everybody_is_held_or_done(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            first = asyncio.ensure_future(stage.request(call(), Line()))
            await settles()
            assert not first.done(), "b is on its way and may still reach Stripe"
            stage.tell("b", ClientState.DONE)
            await first
        kinds = [fault.kind for fault in bench.events(Fault)]
        assert kinds == ["hold", "release"]
        assert bench.stage.unexpected == []

    bounded(main())


def test_two_held_calls_are_quiet_and_both_are_released(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            for name in ("a", "b"):
                bench.stage.tell(name, ClientState.RUNNING)
            calls = [bench.stage.request(call(seq=n), Line()) for n in (1, 2)]
            await asyncio.gather(*calls)

    bounded(main())


def test_waiting_for_a_lock_in_postgres_is_quiet(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            for name in ("a", "b"):
                bench.stage.tell(name, ClientState.RUNNING)
            held = asyncio.ensure_future(bench.stage.request(call(), Line()))
            await settles()
            assert not held.done()
            bench.waiters = 1
            await held

    bounded(main())


@pytest.mark.parametrize("progress", [ClientState.PARKED, ClientState.DONE])
def test_who_is_parked_or_done_does_not_keep_others_held(tmp_path, progress):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            bench.stage.tell("a", ClientState.RUNNING)
            bench.stage.tell("b", progress)
            await bench.stage.request(call(), Line())

    bounded(main())


def test_a_client_that_gave_up_still_has_its_request_in_the_service(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=after("a")))
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            held = asyncio.ensure_future(stage.request(call(), Line()))
            stage.tell("a", ClientState.ABANDONED)
            await stage.may_start(bench.attempts["b"], DEADLINE_S)
            stage.tell("b", ClientState.RUNNING)
            await settles()
            assert not held.done(), "the only held call is a's; b is still moving"
            stage.tell("b", ClientState.DONE)
            await held

    bounded(main())


def test_only_calls_the_scenario_names_are_held_and_only_so_many(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        holds = (Hold("payment_intent.confirm", at=Side.ANSWER, count=1, limit_s=DEADLINE_S),)
        async with watched(tmp_path, attempts, holds) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            await stage.request(call("payment_intent.confirm"), Line())
            await stage.answer(call("refund.create"), Line())
            first = asyncio.ensure_future(stage.answer(call("payment_intent.confirm"), Line()))
            await settles()
            assert not first.done()
            assert await stage.answer(call("payment_intent.confirm"), Line()) is None
            stage.tell("b", ClientState.DONE)
            assert await first is None

    bounded(main())


def test_a_hold_ends_at_its_limit_and_says_so(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, (Hold("*", limit_s=0.05),)) as bench:
            bench.stage.tell("a", ClientState.RUNNING)
            await bench.stage.request(call(), Line())
            assert bench.stage.unexpected == [
                "payment_intent.create was let go after 0.05 s without quiet"
            ]
        assert "limit" in bench.events(Fault)[-1].detail

    bounded(main())


def test_a_call_can_be_held_until_the_service_hangs_up(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=HUNG_UP))
        async with watched(tmp_path, attempts, (UNTIL_HUNG_UP,)) as bench:
            stage, line = bench.stage, Line()
            stage.tell("a", ClientState.RUNNING)
            held = asyncio.ensure_future(stage.request(call(), line))
            starts = asyncio.ensure_future(stage.may_start(bench.attempts["b"], DEADLINE_S))
            await settles()
            assert not held.done()
            assert not starts.done()
            line.gone = True
            await asyncio.gather(held, starts)

    bounded(main())


def test_an_attempt_starts_when_a_call_is_held(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=when_held()))
        async with watched(tmp_path, attempts, (EVERYTHING,)) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            starts = asyncio.ensure_future(stage.may_start(bench.attempts["b"], DEADLINE_S))
            await settles()
            assert not starts.done()
            held = asyncio.ensure_future(stage.request(call(), Line()))
            await starts
            stage.tell("b", ClientState.DONE)
            await held

    bounded(main())


def test_an_attempt_starts_when_every_lease_is_over(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=LEASES_OVER))
        async with watched(tmp_path, attempts, (EVERYTHING,)) as bench:
            stage = bench.stage
            bench.expiring = 1
            stage.tell("a", ClientState.RUNNING)
            held = asyncio.ensure_future(stage.request(call(), Line()))
            starts = asyncio.ensure_future(stage.may_start(bench.attempts["b"], DEADLINE_S))
            await settles()
            assert not starts.done()
            bench.expiring = 0
            await starts
            stage.tell("b", ClientState.DONE)
            await held

    bounded(main())


def test_a_moment_that_can_no_longer_come_is_not_waited_for(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=when_held()))
        async with watched(tmp_path, attempts, (EVERYTHING,)) as bench:
            bench.stage.tell("a", ClientState.DONE)
            await bench.stage.may_start(bench.attempts["b"], DEADLINE_S)
        (note,) = bench.events(Note)
        assert note.text == "b starts although 1 held call(s) to Stripe never came"

    bounded(main())


def test_a_start_that_does_not_come_names_what_was_waited_for(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=after("a")))
        async with watched(tmp_path, attempts, ()) as bench:
            bench.stage.tell("a", ClientState.RUNNING)
            with pytest.raises(DeadlineExceeded, match="b to start, the end of a"):
                await bench.stage.may_start(bench.attempts["b"], 0.05)

    bounded(main())


def test_who_is_parked_wakes_up_when_somebody_is_through(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY))
        async with watched(tmp_path, attempts, ()) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            parked = asyncio.ensure_future(stage.park("b", 2 * DEADLINE_S))
            await settles()
            assert not parked.done()
            stage.tell("a", ClientState.DONE)
            await asyncio.wait_for(parked, DEADLINE_S)

    bounded(main())


def test_a_start_waits_for_those_of_the_burst_who_have_not_begun_yet(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=when_held()))
        async with watched(tmp_path, attempts, (EVERYTHING,)) as bench:
            starts = asyncio.ensure_future(bench.stage.may_start(bench.attempts["b"], DEADLINE_S))
            await settles()
            assert not starts.done(), "a was not even sent yet, and will be held"
            bench.stage.tell("a", ClientState.DONE)
            await starts

    bounded(main())


def test_nobody_is_released_before_everybody_has_started(tmp_path):
    async def main():
        attempts = (Attempt("a", PAY), Attempt("b", PAY, start=after("a")))
        async with watched(tmp_path, attempts, (EVERYTHING,)) as bench:
            stage = bench.stage
            stage.tell("a", ClientState.RUNNING)
            held = asyncio.ensure_future(stage.request(call(), Line()))
            await settles()
            assert not held.done(), "b has not started"
            stage.tell("b", ClientState.DONE)
            await held

    bounded(main())


def test_the_end_of_a_run_lets_go_and_records_nothing_after_it(tmp_path):
    async def main():
        attempts = tuple(Attempt(name, PAY) for name in "abc")
        async with watched(tmp_path, attempts, (INTENTS,)) as bench:
            stage = bench.stage
            held = [asyncio.ensure_future(stage.request(call(seq=n), Line())) for n in (1, 2)]
            await settles()
            stage.close()
            bench.journal.close()
            held[0].cancel()
            await asyncio.gather(*held, return_exceptions=True)
            await asyncio.wait_for(stage.request(call(seq=3), Line()), DEADLINE_S)
            assert not held[1].cancelled()
            assert held[1].exception() is None
        details = [fault.detail for fault in bench.events(Fault) if fault.kind == "release"]
        assert [detail.rpartition(": ")[2] for detail in details] == ["the end of the run"] * 2

    bounded(main())
