"""Plays one scenario once, on a bench, and leaves a history file."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import Sequence
from pathlib import Path

from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Ended, Header, Journal, Note, Outcome, Recorder
from paidonce.harness.http.client import NoAnswer, Wire
from paidonce.harness.scenario.choreography import Stage
from paidonce.harness.scenario.client import Actor, Cast, OrderContext, play
from paidonce.harness.scenario.model import TOGETHER, Scenario, Step
from paidonce.harness.service.description import creation_request
from paidonce.harness.service.responses import UnexpectedAnswer, order_id
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import at_rest, observe

REST_DEADLINE_S = 30.0
START_DEADLINE_S = 60.0


def missing(scenario: Scenario, bench: Bench) -> str | None:
    """Why the scenario cannot be told on this bench, or None if it can."""
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
    service cannot even create or show an order, ``DeadlineExceeded`` when an attempt's start
    does not come.
    """
    run_id = run or uuid.uuid4().hex[:12]
    with Journal(path, header_of(scenario, bench, run_id, seed)) as journal:
        cast = Cast(bench=bench, journal=journal, run_id=run_id)
        if bench.reset is not None:
            await bench.reset()
        bench.bind(journal, None)
        try:
            contexts = [
                await create_order(scenario, bench, journal) for _ in range(scenario.orders)
            ]
            await _alone(cast, contexts, scenario.prepare, "preparation")
            await _attempts(scenario, cast, contexts)
            await _rest(cast, contexts)
            await _alone(cast, contexts, scenario.afterwards, "afterwards")
            if scenario.afterwards:
                await _rest(cast, contexts)
            for event in await observe(bench, journal, [c.order for c in contexts]):
                journal.record(event)
            journal.record(Ended(t=journal.now()))
        finally:
            bench.bind(None, None)
            await _give_up(cast)
    return path


def header_of(scenario: Scenario, bench: Bench, run_id: str, seed: int) -> Header:
    """The header of a history of ``scenario`` on ``bench``."""
    capabilities = bench.capabilities | {Capability.STRIPE_CALLS, Capability.ORDER_STATE}
    return Header(
        run=run_id,
        scenario=scenario.name,
        target=bench.target.name,
        variant=bench.variant,
        backends=bench.backends,
        capabilities=tuple(sorted(capabilities)),
        checkers=scenario.checkers,
        seed=seed,
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        settings=dict(scenario.settings),
    )


async def create_order(scenario: Scenario, bench: Bench, journal: Recorder) -> OrderContext:
    """A new unpaid order, recorded. Raises ``UnexpectedAnswer``."""
    wire = Wire(bench.service_url)
    try:
        await wire.send(creation_request(bench.target, scenario.amount, scenario.currency))
        answer = await wire.receive()
    except NoAnswer as error:
        raise UnexpectedAnswer(
            f"the service did not answer the creation of an order: {error}"
        ) from error
    finally:
        await wire.close()
    if not 200 <= answer.status < 300:
        raise UnexpectedAnswer(
            f"the service answered {answer.status} to the creation of an order, expected 201: "
            f"{answer.body[:200].decode('utf-8', 'replace')}"
        )
    order = order_id(bench.target, answer.body)
    context = OrderContext(order=order, amount=scenario.amount, currency=scenario.currency)
    journal.record(context.created(journal.now()))
    return context


async def _alone(
    cast: Cast, contexts: Sequence[OrderContext], steps: Sequence[Step], name: str
) -> None:
    """Do steps with nobody else about."""
    for context in contexts:
        actor = Actor(cast, name, context, stage=None)
        try:
            for step in steps:
                completed = await actor.step(step)
                if name == "preparation" and completed.outcome is not Outcome.OK:
                    raise UnexpectedAnswer(
                        f"the preparation {step.action.value} was answered "
                        f"{completed.status or completed.error} {completed.code or ''}".rstrip()
                    )
        finally:
            await actor.close()


async def _attempts(scenario: Scenario, cast: Cast, contexts: Sequence[OrderContext]) -> None:
    bench, journal = cast.bench, cast.journal
    stage = Stage(scenario, journal, lock_waiters=bench.lock_waiters, leases=bench.leases)
    together = sum(attempt.start == TOGETHER for attempt in scenario.attempts)
    if together == 0:
        raise UsageError(f"scenario {scenario.name}: no attempt starts by itself")
    burst = asyncio.Barrier(together)
    bench.bind(journal, stage)
    watch = asyncio.ensure_future(stage.watch())
    try:
        async with asyncio.TaskGroup() as group:
            for attempt in scenario.attempts:
                actor = Actor(cast, attempt.name, contexts[attempt.order], stage)
                group.create_task(play(actor, attempt, stage, burst, START_DEADLINE_S))
        if cast.late:
            await asyncio.wait(cast.late, timeout=REST_DEADLINE_S)
    except* (UnexpectedAnswer, UsageError, NoAnswer) as failures:
        raise failures.exceptions[0] from None
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        stage.close()
        for text in stage.unexpected:
            journal.record(Note(t=journal.now(), text=text))


async def _rest(cast: Cast, contexts: Sequence[OrderContext]) -> None:
    orders = [context.order for context in contexts]
    if await at_rest(cast.bench, cast.journal, orders, REST_DEADLINE_S) is None:
        text = f"not at rest after {REST_DEADLINE_S:g} s: an order is still being worked on"
        cast.journal.record(Note(t=cast.journal.now(), text=text))


async def _give_up(cast: Cast) -> None:
    """Stop listening for answers that never came."""
    for task in list(cast.late):
        task.cancel()
    await asyncio.gather(*cast.late, return_exceptions=True)
