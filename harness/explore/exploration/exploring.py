"""Explores one scenario on one variant: opens benches, searches, and keeps what it found."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.caveats import honest, learnt, notes
from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.crashes import crashes_of
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.execution import Judged
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.control.watcher import WatchedWorlds, Watcher
from paidonce.harness.explore.failure.loop import FailureLoop, Found
from paidonce.harness.explore.failure.plans import Chosen, chosen_by
from paidonce.harness.explore.lapsing import lapsing, leases_left
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import (
    Ahead,
    Budget,
    Ending,
    Expected,
    Foretold,
    Progress,
    Replayed,
    Scheduler,
    SearchResult,
    replay,
)
from paidonce.harness.explore.search.clock import Clock
from paidonce.harness.explore.search.replay import expectations
from paidonce.harness.explore.search.schedulers import DEFAULT, Extent, kind_of
from paidonce.harness.explore.search.shrink import Shrunk
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.explore.shrinking import broken_in_turn, shrunk
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.explore.witness.annotation import Annotator
from paidonce.harness.explore.witness.file import (
    Witness,
    broken_of,
    steps_of,
    unstable_values,
    write_witness,
)
from paidonce.harness.history import History, Journal
from paidonce.harness.service.passing import EVERY_LEASE_OVER
from paidonce.harness.service.script import Script
from paidonce.harness.taps.changes import Change
from paidonce.harness.testbed.stack import Lane, Stack
from paidonce.harness.verdict import Status

WATCH_S = 0.5
NO_CRASH = (
    "no process of the service was killed: one of them is not ours to start again, which of "
    "several a connection is of is not known, or attempts run commands"
)
ALWAYS_BEFORE_RECOVERY = (
    "what must hold always was looked at after each step of the attempts, and of recovery once it "
    "was over"
)
SHRUNK_IN_ANY_CASE_S = 2.0
"""The least time for making a counterexample smaller."""
KEPT = (
    "keys that run out, or columns that are compared with the time, are taken to stay as they are"
)
LEAST_S, TIMES = 20.0, 1.0
"""The time for a search with times over of which nobody knows whether anybody goes by them: so many
seconds, or so many times as long as the search without, if that is more."""
DEFAULT_RUNS = 100
"""How many executions random walks and PCT make when no budget says so."""


@dataclass(frozen=True)
class SearchRequest:
    """The order for an exploration: what to search, how, and for how long."""

    scenario: Script
    variant: str
    search: str = DEFAULT
    """The scheduler's name among ``SCHEDULERS``."""
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    lanes: int = 1
    recheck: float = 0.0
    switches: int = 2
    """For ``bounded``: how many context switches at most."""
    stop_at_first: bool = True
    noise: tuple[str, ...] = ()
    watch: float = WATCH_S
    """Seconds for which the service is watched, to learn what it does by itself."""
    patience: Patience = field(default_factory=Patience)
    shrink: Budget | None = None
    """The budget for making a counterexample smaller; None leaves it as it was found."""
    validation: Validation | None = field(default_factory=Validation)
    """The budget for trying what a complete search relied on; None for nothing."""
    warm_beside: bool = False
    """True if watching the service and warming it up is no part of the budget."""
    memory: bool = False
    """True if attempts are taken to share memory from the start."""
    faults: int = 0
    """How many failures there are in an execution at most."""
    every_crash: bool = False
    """True if crashes that come to the same are made each."""
    both_orders: bool = True
    """True if one attempt alone recovers from each failure with sweeps first as well."""
    failing: Chosen | None = None
    """The failures that are made, of those that are possible; None for those the script says."""
    first: tuple[Ahead, ...] = ()
    """Orders to try before all others; what is complete does not depend on them."""


@dataclass(frozen=True)
class Explored:
    """The result of an exploration: that of the search and, for a counterexample, how it can be
    shown."""

    request: SearchRequest
    result: SearchResult
    witness: Witness | None = None
    history: History | None = None
    notes: tuple[str, ...] = ()
    """More that is to be known of the service, a sentence each."""
    shrunk: Shrunk | None = None
    """The counterexample made smaller, where that was asked for."""
    backends: dict[str, str] = field(default_factory=dict)
    """The backends it ran with, and their versions, by role."""


def scheduler(request: SearchRequest) -> Scheduler:
    """Return the scheduler that was asked for, after the orders to be tried first.

    Raises ``UsageError`` where there is none of that name.
    """
    extent = Extent(
        seed=request.seed,
        runs=request.budget.schedules or DEFAULT_RUNS,
        switches=request.switches,
    )
    asked = kind_of(request.search).make(extent)
    return Foretold(request.first, asked) if request.first else asked


@asynccontextmanager
async def opened(
    stack: Stack,
    scenario: Script,
    variant: str,
    lanes: int | Sequence[Lane] = 1,
    noise: tuple[str, ...] = (),
    patience: Patience | None = None,
    learnt: Collection[str] = (),
    mode: Mode | None = None,
    changes: Collection[Change] = (),
) -> AsyncIterator[list[ServiceWorlds]]:
    """Worlds on up to ``lanes`` services side by side, or on these lanes.

    ``noise`` and ``learnt`` are what a service is known to send by itself, ``mode`` what executions
    of it are known to need, ``changes`` those that the taps make.
    """
    known = mode or Mode()
    settings = dict(scenario.settings)
    async with AsyncExitStack() as exits:
        worlds = []
        if isinstance(lanes, int):
            lanes = [await stack.lane() for _ in range(stack.choice.lanes(lanes))]
        for lane in lanes:
            bench = await exits.enter_async_context(
                stack.bench(lane, variant, settings, controlled_by=openers(), changes=changes)
            )
            remembers = known.late_answers or bench.subject.keeps_state_unseen
            made = ServiceWorlds(
                scenario,
                bench,
                patience or Patience(),
                background=Background(noise, learnt=set(learnt)),
                mode=replace(known, shared_memory=remembers, late_answers=remembers),
            )
            exits.push_async_callback(made.close)
            worlds.append(made)
        yield worlds


@asynccontextmanager
async def opened_as(
    witness: Witness, stack: Stack, scenario: Script, variant: str
) -> AsyncIterator[ServiceWorlds]:
    """Open one service as the search had it that made ``witness``; it says what that knew of it."""
    async with opened(
        stack,
        scenario,
        variant,
        noise=witness.noise,
        learnt=witness.learnt,
        mode=Mode(
            late_answers=witness.late_answers,
            sweeps_first=witness.sweeps_first,
            apart=frozenset(witness.apart),
            split=frozenset(witness.split),
            endless=frozenset(witness.endless),
            each_try=frozenset(witness.each_try),
            lapse=witness.lapse,
            put_back=bool(witness.lapse and witness.lapse.sql),
            failures=frozenset(witness.failures),
        ),
        changes=witness.changes,
    ) as worlds:
        yield worlds[0]


async def explore(
    worlds: list[ServiceWorlds],
    request: SearchRequest,
    progress: Callable[[Progress], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> Explored:
    """Search, and if something was found make it once more for its history and witness.

    Lanes ``elsewhere`` take part in the search; the rest is done here. The budget's seconds are for
    all of it, but for making a counterexample again that was found; it is made smaller in what is
    left of them, and a little longer where there is nothing left.
    """
    clock = Clock(request.budget)
    for each in worlds:
        each.offers.wanted = request.faults > 0
    await _watched(worlds, request)
    if request.warm_beside:
        with contextlib.suppress(InvalidRun):  # the search meets that again, and says so
            await asyncio.gather(*(each.warm() for each in worlds))
        clock = Clock(request.budget)
    relying = _relying(worlds, request, clock, progress, elsewhere)
    result = await relying.result()
    if (
        result.ending is not Ending.COUNTEREXAMPLE
        and not clock.over
        and await _watched(worlds, request, elsewhere)
    ):
        # What it does by itself since it was used was taken for the attempts' doing.
        relying = _relying(worlds, request, clock, progress, elsewhere)
        result = await relying.result()
    kept: tuple[str, ...] = ()
    complete = result.ending is Ending.COMPLETE and not clock.over
    sure = bool(leases_left(worlds, elsewhere))
    # Of what only may run out nothing is claimed under failures, which take long enough.
    wanted = complete and (sure or not request.faults)
    if wanted and (lapsed := await lapsing(worlds, elsewhere)):
        further = _relying(lapsed, request, clock, progress, elsewhere)
        without = worlds
        worlds, result, kept = await _with_leases_over(worlds, result, further, sure)
        relying = relying if worlds is without else further
    told, under = worlds[0], None
    if request.faults and result.ending is not Ending.COUNTEREXAMPLE:
        result, under = await _under_failures(worlds, request, relying, result, clock, progress)
        told = worlds[0] if under is None else under.worlds[0]
    told_of = (*notes(worlds, elsewhere, result.grounds), *learnt(result.grounds), *kept)
    if request.faults and request.scenario.watched:
        told_of = (*told_of, ALWAYS_BEFORE_RECOVERY)
    if request.faults and not crashes_of(worlds[0].bench):
        told_of = (*told_of, NO_CRASH)
    if result.ending is not Ending.COUNTEREXAMPLE:
        return Explored(request, honest(worlds, result, elsewhere), notes=told_of)
    found = result.found[0].execution
    smallest = None
    if request.shrink is not None:
        left = clock.left.seconds
        seconds = None if left is None else max(left, SHRUNK_IN_ANY_CASE_S)
        told, smallest = await shrunk(told, found, request.shrink.within(seconds))
        found = found if smallest is None else smallest.execution
    watcher = Annotator()
    again, judged = await play_again(told, expectations(found.taken), watcher)
    if again.divergence is not None or judged is None:
        reason = f"a counterexample did not replay: {again.divergence}"
        result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        return Explored(request, result, notes=told_of)
    if judged.came.status is not Status.INVALID:
        broke = (
            ", ".join(found.outcome.rules) if isinstance(found.outcome, ExecutionOutcome) else ""
        )
        reason = (
            f"a counterexample (broken: {broke or 'a rule without a name'}) came out otherwise "
            "when it was made again: nothing was broken"
        )
        result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        return Explored(request, result, notes=told_of)
    assert isinstance(found.outcome, ExecutionOutcome)
    witness = _witness(told, request, again, judged, unstable_values(found.outcome, judged.came))
    witness = msgspec.structs.replace(
        witness, steps=watcher.added_to(witness.steps, judged.history)
    )
    return Explored(request, result, witness, judged.history, told_of, smallest)


async def _watched(
    worlds: Sequence[ServiceWorlds], request: SearchRequest, elsewhere: Elsewhere | None = None
) -> bool:
    """Watch the service while nobody moves; whether it does something that was not known.

    Lanes ``elsewhere`` have been watched when they were opened.
    """
    if not request.watch:
        return False
    watching = [each.watch(request.watch) for each in worlds]
    if elsewhere is not None:
        watching.append(elsewhere.watch(request.watch))
    return any(await asyncio.gather(*watching))


def _relying(
    worlds: Sequence[ServiceWorlds],
    request: SearchRequest,
    clock: Clock,
    progress: Callable[[Progress], None] | None,
    elsewhere: Elsewhere | None,
    known: Mode | None = None,
) -> Relying:
    """The search, with what it relied on tried; ``known`` is the mode in which another on the same
    lanes has ended, which has tried that already."""

    async def watch_again() -> None:
        await _watched(worlds, request, elsewhere)

    return Relying(
        worlds,
        lambda: scheduler(request),
        clock.left,
        reduces=kind_of(request.search).reduces,
        memory=request.memory,
        seed=request.seed,
        recheck=request.recheck,
        stop_at_first=request.stop_at_first,
        validation=request.validation if known is None else None,
        progress=progress,
        elsewhere=elsewhere,
        watch_again=watch_again,
        known=known,
    )


def _at_most(budget: Budget, seconds: float) -> Budget:
    if budget.seconds is not None and budget.seconds <= seconds:
        return budget
    words = f"the {seconds:.0f} s are spent that this gets where nobody is known to go by the time"
    return msgspec.structs.replace(
        budget, seconds=seconds, whole=None, source="", spent_words=words
    )


async def _with_leases_over(
    worlds: list[ServiceWorlds], result: SearchResult, lapsed: Relying, sure: bool
) -> tuple[list[ServiceWorlds], SearchResult, tuple[str, ...]]:
    """Search on the lanes of ``lapsed``, where leases end, what was complete on ``worlds``.

    Where that does not come to its end nothing is complete, if there are leases for ``sure``; if
    there are only times and keys of which nobody knows whether anybody goes by them, a note says
    that they were not let run out, and less time is spent.
    """
    if not sure:
        lapsed.budget = _at_most(lapsed.budget, max(LEAST_S, TIMES * result.seconds))
    try:
        further = await lapsed.result()
    except UsageError as error:  # nobody has asked for what cannot be done
        further = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=str(error))
    if further.ending is Ending.COUNTEREXAMPLE and await _over_is_enough(lapsed, further):
        reason = "once that time is over attempts are refused one after the other as well"
        further = msgspec.structs.replace(further, ending=Ending.INCOMPLETE, reason=reason)
    if further.ending is not Ending.INCOMPLETE:
        return list(lapsed.worlds), further, ()
    reason = f"with leases over at any place: {further.reason}"
    if not sure:
        return worlds, result, (f"{KEPT}; {reason}",)
    result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
    return worlds, result, ()


async def _over_is_enough(lapsed: Relying, result: SearchResult) -> bool:
    """Return whether the counterexample breaks no more than attempts do that come one after the
    other once the time is over: then a session has ended, say, and nobody has raced."""
    outcome = result.found[0].execution.outcome
    assert isinstance(outcome, ExecutionOutcome)
    broken = await broken_in_turn(lapsed.worlds[0], (EVERY_LEASE_OVER,))
    return broken is not None and broken >= set(outcome.rules)


async def _under_failures(
    worlds: Sequence[ServiceWorlds],
    request: SearchRequest,
    relying: Relying,
    result: SearchResult,
    clock: Clock,
    progress: Callable[[Progress], None] | None,
) -> tuple[SearchResult, Found | None]:
    """Search under failures, after ``relying`` came to ``result`` without any.

    What was found has the search of its plan, and the lanes to make it again on.
    """
    elsewhere, offers = relying.elsewhere, Offers()
    crashes = crashes_of(worlds[0].bench)
    for each in worlds:
        offers.add(each.offers)
    if elsewhere is not None:
        offers.add(elsewhere.offers)

    def search(lanes: Sequence[ServiceWorlds], mode: Mode, others: Elsewhere | None) -> Relying:
        return _relying(lanes, request, clock, progress, others, mode)

    loop = FailureLoop(
        worlds,
        search,
        lambda: "the time for it is over" if clock.over else "",
        request.faults,
        # What one process has looked at matters to the others once it is killed.
        replace(relying.mode, every_crash=request.every_crash or len(crashes) > 1),
        offers,
        chosen=request.failing or chosen_by(request.scenario),
        elsewhere=elsewhere,
        both_orders=request.both_orders and request.scenario.recovery.asks,
    )
    under = msgspec.structs.replace(
        await loop.run(),
        chosen=request.failing is not None or request.scenario.failures is not None,
        crashes=bool(crashes),
        orders=2 if loop.both_orders and loop.swept else 1,
        processes=max(1, len(crashes)),
        leases_held=bool(await lapsing(worlds, elsewhere)),
        replica=worlds[0].bench.replica is not None,
    )
    if loop.found is not None:
        result = msgspec.structs.replace(loop.found.result, failures=under)
        return result, loop.found
    outcomes = tuple(dict.fromkeys([*result.outcomes, *loop.outcomes]))
    result = msgspec.structs.replace(result, failures=under, outcomes=outcomes)
    if undecided := under.undecided:
        reason = f"{len(undecided)} of {len(under.plans)} plans of failures were not searched to "
        reason += f"their end, the first because: {undecided[0].reason}"
        reasons = [result.reason, reason] if result.ending is Ending.INCOMPLETE else [reason]
        result = msgspec.structs.replace(
            result, ending=Ending.INCOMPLETE, reason="; ".join(reasons)
        )
    return result, None


async def play_again(
    worlds: ServiceWorlds, steps: tuple[Expected, ...], watcher: Watcher | None = None
) -> tuple[Replayed, Judged | None]:
    """Follow a schedule; the judgement is there unless the execution went another way."""
    watched = worlds if watcher is None else WatchedWorlds(worlds, watcher)
    replayed = await replay(watched, steps)
    assert worlds.last is not None
    return replayed, worlds.last.judged


def _witness(
    worlds: ServiceWorlds,
    request: SearchRequest,
    replayed: Replayed,
    judged: Judged,
    unstable: Collection[str],
) -> Witness:
    assert worlds.last is not None
    return Witness(
        target=worlds.bench.subject.name,
        described_in=worlds.bench.subject.source,
        variant=request.variant,
        scenario=request.scenario.name,
        attempts=tuple(attempt.name for attempt in worlds.scenario.attempts),
        settings=dict(request.scenario.settings),
        deadlock_gap_ms=request.patience.deadlock_gap * 1000,
        noise=request.noise,
        learnt=tuple(sorted(worlds.background.learnt)),
        apart=tuple(sorted(worlds.mode.apart)),
        late_answers=worlds.mode.late_answers,
        sweeps_first=worlds.mode.sweeps_first,
        split=tuple(sorted(worlds.mode.split)),
        endless=tuple(sorted(worlds.mode.endless)),
        each_try=tuple(sorted(worlds.mode.each_try)),
        lapse=worlds.mode.lapse,
        failures=tuple(worlds.last.failing.happened),
        changes=worlds.bench.changes,
        status=judged.came.status,
        broken=broken_of(judged.verdicts, worlds.last.reader.names, unstable),
        steps=steps_of(replayed.run.taken),
    )


def save(explored: Explored, folder: Path) -> Path | None:
    """Write the witness, and its history beside it; returns the witness's path.

    Raises ``UsageError`` when one of the files exists.
    """
    if explored.witness is None or explored.history is None:
        return None
    stem = f"{explored.witness.variant}-{explored.witness.scenario}"
    history = folder / f"{stem}.jsonl"
    _, *events = explored.history.events
    with Journal(history, explored.history.header) as journal:
        for event in events:
            journal.record(event)
    path = folder / f"{stem}.witness.json"
    write_witness(msgspec.structs.replace(explored.witness, history=history.name), path)
    return path


def exit_code(result: SearchResult) -> int:
    """0 complete without a counterexample, 1 with one, 3 when it is not decided."""
    return result.ending.status.exit_code


def budget_of(text: str | None) -> Budget:
    """A budget as a person writes it: ``500`` schedules, ``30s`` or ``2m``.

    Raises ``UsageError``.
    """
    if text is None:
        return Budget()
    unit = text[-1:] if text.endswith(("s", "m")) else ""
    number = text.removesuffix(unit)
    try:
        value = float(number)
    except ValueError:
        raise UsageError(
            f"--budget: expected a number of schedules (500) or a time (30s, 2m), got {text!r}"
        ) from None
    if unit:
        return Budget(seconds=value * (60 if unit == "m" else 1))
    return Budget(schedules=int(value))


__all__ = [
    "WATCH_S",
    "Explored",
    "SearchRequest",
    "budget_of",
    "exit_code",
    "explore",
    "opened",
    "play_again",
    "save",
    "scheduler",
]
