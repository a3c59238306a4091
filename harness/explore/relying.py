"""A search that tries what it relies on, and begins again where that turns out not to be so."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere, InMode, in_mode, parted
from paidonce.harness.explore.control.alarms import RAISING, SILENT
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.lessons import (
    ListsInOrder,
    MindedAtOnce,
    MustHoldApart,
    MustNotDefer,
    OneKeyTwice,
    SharesMemory,
    TriesWithoutEnd,
)
from paidonce.harness.explore.control.mode import Mode, what_is_known
from paidonce.harness.explore.control.outcome import (
    differing,
    exchanged,
    judge_outcome,
    told,
    without,
)
from paidonce.harness.explore.never_found import never_found
from paidonce.harness.explore.search import (
    Budget,
    Ending,
    FoundExecution,
    Judge,
    Progress,
    Recheck,
    Scheduler,
    SearchResult,
    search,
)
from paidonce.harness.explore.search.unnamed import Unnamed
from paidonce.harness.explore.search.words import tap_steps
from paidonce.harness.explore.validate.claims import Claims, Settled
from paidonce.harness.explore.validate.lab import Lab, Lane, Refutation
from paidonce.harness.explore.validate.noting import Noting
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.explore.validate.validating import Validated, validated
from paidonce.harness.explore.validate.ways import Suspicion, Ways
from paidonce.harness.results.grounds import Grounds, Lesson, Wrong


@dataclass
class Relying:
    """One search of a service, with all its beginnings."""

    worlds: Sequence[ServiceWorlds]
    scheduler: Callable[[], Scheduler]
    budget: Budget
    reduces: bool
    memory: bool = False
    """True if attempts are taken to share memory from the start."""
    seed: int = 0
    recheck: float = 0.0
    stop_at_first: bool = True
    validation: Validation | None = None
    progress: Callable[[Progress], None] | None = None
    elsewhere: Elsewhere | None = None
    judge: Judge = judge_outcome
    """The question put to what executions came to."""
    watch_again: Callable[[], Awaitable[object]] | None = None
    """Called before the search begins again because attempts share memory."""
    looks_back: bool = True
    """True if it is looked whether executions began equal to the end; who says no looks later."""
    known: Mode | None = None
    """The mode in which it begins, where another search on these lanes has learnt already."""
    mode: Mode = field(default_factory=Mode)
    settled: Settled = field(default_factory=Settled)
    """The claims that were confirmed, by it and by searches on these lanes before it."""
    beyond: bool = False
    """True if only others than those are tried."""
    lessons: list[Lesson] = field(default_factory=list)
    executions: int = 0
    """Of all searches so far, that of the last one included."""
    began: float = field(default_factory=time.monotonic)
    waited_at_lock: bool = False
    """True if attempts were found to wait for locks of the database's."""
    called_stripe: bool = False
    """True if attempts were found to call Stripe, and to wait for its answers."""
    waited_inside: bool = False
    """True if attempts were found to wait for each other inside the service."""
    beside: float = 0.0
    """Seconds spent on trying claims that are no part of the budget."""

    async def result(self) -> SearchResult:
        """Return the result of the search that began last; what it had learnt is in ``lessons``."""
        self.mode = self._beginning() if self.known is None else self.known
        try:
            while True:
                result = await self._settled()
                if result is not None:
                    return result
        finally:
            for each in self.worlds:
                each.alarms = SILENT
                each.mode = replace(each.mode, in_turn=False, late_locks=False, hold_all=False)

    def _beginning(self) -> Mode:
        known = what_is_known(each.mode for each in self.worlds)
        return replace(
            known,
            shared_memory=self.memory or known.shared_memory,
            late_answers=self.memory or known.late_answers,
            in_turn=self.reduces,
            late_locks=self.reduces,
        )

    async def _settled(self) -> SearchResult | None:
        """The result; None if the search is to begin again."""
        claims = Claims(self.reduces, wanted=self.validation is not None)
        ways = Ways(told, self._twins())
        try:
            result = await self._search(claims, ways)
            if result.ending is not Ending.COMPLETE:
                return self._with_grounds(result, None)
            if self.looks_back and (parted := await self.parted()):
                return self._left_behind(result, parted)
            if self.validation is None:
                return self._with_grounds(result, None)
            if self.beyond:
                claims.leave_out(self.settled)
            if self.beyond and claims.nothing:
                return self._with_grounds(result, Grounds())
            # A kill makes attempts go other ways, with no memory that they share.
            suspicion = None if self.beyond else ways.suspicion
            tried = await self._validated(result, claims, suspicion)
            if tried.finding is None and self.beyond:
                return self._with_grounds(result, tried.grounds)
            if tried.finding is None:
                return await self._each_try(self._with_grounds(result, tried.grounds), result)
        except SharesMemory:
            self.waited_inside = True
            await self._shares_memory()
            return None
        except MustNotDefer:
            self.mode = replace(self.mode, late_locks=False)
            return None
        except MustHoldApart as overtaken:
            self.mode = replace(self.mode, apart=self.mode.apart | overtaken.units)
            return None
        except OneKeyTwice as sent:
            self.mode = replace(self.mode, split=self.mode.split | sent.calls)
            return None
        except ListsInOrder as looked:
            self.mode = replace(self.mode, lists=self.mode.lists | looked.collections)
            return None
        except MindedAtOnce:
            for each in self.worlds:
                each.warmth.forget()  # what was played in the other order is no measure any more
            return None
        except TriesWithoutEnd as tries:
            self.mode = replace(self.mode, endless=self.mode.endless | {tries.label})
            return None
        except Unnamed as found:
            self.mode = replace(self.mode, unnamed=self.mode.unnamed | found.columns)
            return None
        return await self._learnt(result, tried.finding)

    async def _each_try(self, known: SearchResult, searched: SearchResult) -> SearchResult:
        """Return ``known`` once every try of a step that is tried over and over was a step of its
        own, if several were made at once and there is time for that.

        Raises what is learnt on the way, as a search does.
        """
        assert self.validation is not None
        before, merged = self.mode, self._merged()
        if not merged:
            return known
        began = time.monotonic()
        budget = self._left()
        seconds = self.validation.each_try(searched.seconds, budget.seconds)
        self.mode = replace(before, each_try=before.each_try | merged)
        try:
            result = await self._search(
                Claims(wanted=False), Ways(told), msgspec.structs.replace(budget, seconds=seconds)
            )
        finally:
            if self.validation.beside:
                self.beside += time.monotonic() - began
            self.mode = before
        if result.ending is Ending.COUNTEREXAMPLE:
            return self._with_grounds(result, None)
        if result.ending is not Ending.COMPLETE:
            return known
        assert known.grounds is not None
        return msgspec.structs.replace(
            known, grounds=msgspec.structs.replace(known.grounds, tried_at_once=())
        )

    async def _search(
        self, claims: Claims, ways: Ways, budget: Budget | None = None
    ) -> SearchResult:
        for each in self.worlds:
            each.alarms = RAISING if self.reduces else replace(RAISING, listed=None)
        if self.elsewhere is not None:
            self.elsewhere.mode = self.mode
        noted = claims.wanted and not self.mode.late_answers
        result = await search(
            [in_mode(each, self.mode) for each in self.worlds],
            self.judge,
            Noting(self.scheduler(), claims, ways if noted else None),
            budget=budget or self._left(),
            progress=self.progress,
            stop_at_first=self.stop_at_first,
            recheck=Recheck(self.recheck, self.seed) if self.recheck else None,
            steps=tap_steps(self.worlds[0].bench.subject.copies),
            besides=self.worlds[0].besides,
            elsewhere=self.elsewhere,
            learns=True,
        )
        self.executions += result.counts.executions
        self.waited_at_lock = self.waited_at_lock or claims.waited
        self.called_stripe = self.called_stripe or claims.called_stripe
        return result

    async def _validated(
        self, result: SearchResult, claims: Claims, suspicion: Suspicion | None
    ) -> Validated:
        assert self.validation is not None
        left = self._left().seconds
        lab = Lab(
            lanes=[self._lane(each) for each in self.worlds],
            judge=self.judge,
            told=told,
            exchanged=exchanged,
            differing=differing,
            without=without,
            known=frozenset(result.outcomes),
            deadline=self.validation.deadline(result.seconds, left),
            most=self.validation.executions,
        )
        began = time.monotonic()
        tried = await validated(
            claims,
            lab,
            self._twins(),
            suspicion,
            reduced=self.reduces,
            seed=self.seed,
            sample=self.validation.sample,
            settled=self.settled,
            beyond=self.beyond,
        )
        if self.validation.beside:
            self.beside += time.monotonic() - began
        return tried

    def _twins(self) -> Mapping[str, str]:
        """For each attempt another that is taken to do the same."""
        return self.worlds[0].twins if self.mode.in_turn else {}

    def _lane(self, worlds: ServiceWorlds) -> Lane:
        plain = replace(self.mode, in_turn=False, late_locks=False)
        return Lane(InMode(worlds, plain), InMode(worlds, replace(plain, hold_all=True)))

    async def parted(self) -> str:
        """Return how what was played once a service was warm goes another way by now; empty if
        not."""
        return await parted(self.worlds, self.elsewhere)

    def _left_behind(self, result: SearchResult, parted: str) -> SearchResult | None:
        """Begin again with tables that are put back for each execution (None); or, where that has
        been done, what there is to say."""
        if not self.mode.put_back:
            self._learn(Wrong.BEGINNING, parted)
            self.mode = replace(self.mode, put_back=True)
            return None
        return self._undecided(
            result,
            "executions do not begin equal: after the search the attempts, one after the other, go "
            f"another way than once the service was warm: {parted}",
        )

    # --- what is learnt --------------------------------------------------------------------------

    async def _learnt(self, result: SearchResult, finding: Refutation) -> SearchResult | None:
        """Know better, and begin again (None); or what there is to say at once."""
        before = self.mode
        if finding.unsteady:
            reason = f"not deterministic: {finding.unsteady}"
            return self._undecided(result, reason)
        if finding.pair is not None and finding.memory is None:
            self._learn(Wrong.PAIR, *finding.pair)
            self.mode = replace(self.mode, pairs=self.mode.pairs | {finding.pair})
        if finding.memory is not None:
            self._learn(Wrong.MEMORY, finding.memory.actor, finding.memory.after or "start")
            await self._shares_memory()
            self.mode = replace(self.mode, late_answers=True)
        if finding.apart:
            self._learn(Wrong.MOMENT, finding.apart)
            self.mode = replace(self.mode, apart=self.mode.apart | {finding.apart})
        if finding.deferral:
            self._learn(Wrong.DEFERRAL, finding.deferral)
            self.mode = replace(self.mode, late_locks=False)
        if finding.kill:
            self._learn(Wrong.KILL, *(kind for kind, _ in finding.kill))
            self.mode = replace(self.mode, every_crash=True)
        if finding.exchange:
            self._learn(Wrong.EXCHANGE, *finding.exchange)
            self.mode = replace(self.mode, in_turn=False)
        if finding.unexplained:
            self._learn(Wrong.UNKNOWN)
            self.mode = replace(self.mode, shared_memory=True)
        if finding.found is not None and not finding.apart:
            # What was held open is found again by a search that knows what to hold open.
            execution = msgspec.structs.replace(
                finding.found, number=self.executions + finding.found.number
            )
            found = FoundExecution(execution=execution, seconds=time.monotonic() - self.began)
            return self._with_grounds(
                msgspec.structs.replace(
                    result,
                    ending=Ending.COUNTEREXAMPLE,
                    reason="stopped at a counterexample",
                    found=(found,),
                ),
                None,
            )
        if self.mode == before:
            reason = finding.unexplained or "what was tried came to something else"
            return self._undecided(result, reason)
        return None

    def _learn(self, wrong: Wrong, *names: str) -> None:
        self.lessons.append(Lesson(wrong=wrong, names=names))

    async def _shares_memory(self) -> None:
        self.mode = replace(self.mode, shared_memory=True)
        if self.watch_again is not None:
            await self.watch_again()

    def _undecided(self, result: SearchResult, reason: str) -> SearchResult:
        undecided = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        return self._with_grounds(undecided, None)

    def _with_grounds(self, result: SearchResult, grounds: Grounds | None) -> SearchResult:
        polled, merged = self.mode.endless, self._merged()
        pieces = self.mode.late_answers or any(
            lesson.wrong is Wrong.UNKNOWN for lesson in self.lessons
        )
        # Where that was found by a search before this one, it is known by now.
        inside = self.waited_inside or (self.mode.shared_memory and not pieces)
        answering = self.worlds[0].bench.subject.answering
        nothing = never_found(self.worlds[0].bench.subject.picked_at_stripe, result)
        waited = self.waited_at_lock or self.called_stripe
        taken = (self.lessons, polled, merged, pieces, waited, inside, answering, nothing)
        if grounds is None and not any(taken):
            return result
        known = grounds or Grounds()
        known = msgspec.structs.replace(
            known,
            lessons=tuple(self.lessons),
            polled=tuple(sorted(polled)),
            tried_at_once=tuple(sorted(merged)),
            waited_at_lock=self.waited_at_lock,
            waited_for_stripe=self.called_stripe,
            waited_inside=inside,
            pieces=pieces,
            answering=answering,
            never_found=nothing,
        )
        return msgspec.structs.replace(result, grounds=known, seconds=time.monotonic() - self.began)

    def _merged(self) -> frozenset[str]:
        """Labels of steps of which several tries were made in one step."""
        merged = frozenset().union(*(each.merged for each in self.worlds))
        if self.elsewhere is not None:
            merged |= self.elsewhere.merged
        return merged - self.mode.endless - self.mode.each_try

    def _left(self) -> Budget:
        """Return what is left of the budget."""
        left = self.budget.spent(time.monotonic() - self.began - self.beside)
        if left.schedules is None:
            return left
        return msgspec.structs.replace(left, schedules=max(0, left.schedules - self.executions))
