"""Holds searches under a failure against each other and against real kills and resets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from comparing import Agreement, Comparison
from kills import CRASHES, ERRORS, RESETS, Failed, Kills
from programme import Service
from searching import Found, Searcher

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.failures import Offer
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.failure.plans import Plan
from paidonce.harness.explore.search import Budget
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer, NoContact
from paidonce.harness.verdict import Status

_TAPS = ("postgres", "stripe", "redis")
KINDS = {"crash": CRASHES, "reset": RESETS, "error": ERRORS}


@dataclass(frozen=True)
class OfKind:
    """Chooses the failures of one kind, of those that plain threads have as well."""

    kind: str

    def offered(self, offer: Offer) -> bool:
        fault, on = offer.failure.fault, offer.failure.on
        match self.kind:
            case "crash":
                return isinstance(fault, Crash)
            case "reset":
                return isinstance(fault, LostAnswer | NoContact) and on in _TAPS
            case "error":
                return isinstance(fault, ErrorAnswer) and (
                    (on == "postgres" and fault.error == "40001")
                    or (on == "stripe" and fault.error == "rate_limit")
                )
            case _:
                return False

    def together(self, plan: Plan) -> bool:
        return True


@dataclass(frozen=True)
class Tries:
    """How much is tried: schedules below each plan, and executions of plain threads."""

    reduced: int = 400
    full: int = 60
    """Of the search without any reduction; none where it is 0."""
    quick: int = 60
    deep: int = 200
    accused: int = 2000
    longest: int = 7
    """Services whose attempts stop more often are passed over."""


class FailureComparer:
    """Compares services that hold as long as nothing goes wrong."""

    def __init__(
        self, searcher: Searcher, truth: Kills, tries: Tries, *, blind: bool = False
    ) -> None:
        """``blind``: the search makes no failure at all, which is to be noticed."""
        self._searcher, self._truth, self._tries = searcher, truth, tries
        self._blind = blind

    async def compare(self, service: Service, kind: str) -> Comparison:
        """Search the service under failures of ``kind``, and say whether the truth agrees."""
        if needs_its_session(service) or not await asyncio.to_thread(self._sensible, service):
            return Comparison(service, Agreement.SENSELESS)
        try:
            found = await self._search(service, "dpor", self._tries.reduced, kind)
            agreement, why = await self._judge(service, found, kind)
        except PaidonceError as error:
            return Comparison(service, Agreement.FAILED, str(error))
        except (TimeoutError, AssertionError, OSError, ValueError, KeyError) as error:
            return Comparison(service, Agreement.FAILED, repr(error))
        return Comparison(service, agreement, why, found.executions, found.seconds)

    def _sensible(self, service: Service) -> bool:
        self._truth.failing = None
        if not self._truth.makes_sense(service) or self._truth.told(service, 30).broken:
            return False
        return self._truth.stops(service, 0) <= self._tries.longest

    async def _search(self, service: Service, search: str, most: int, kind: str) -> Found:
        return await self._searcher.search(
            service, search, Budget(schedules=most), None, OfKind("" if self._blind else kind)
        )

    async def _failed(self, service: Service, kind: str, most: int) -> Failed:
        return await asyncio.to_thread(self._truth.failed, service, KINDS[kind], most)

    async def _judge(self, service: Service, found: Found, kind: str) -> tuple[Agreement, str]:
        truth = await self._failed(service, kind, self._tries.quick)
        if unsafe(found):
            if not truth.broken:
                truth = await self._failed(service, kind, self._tries.accused)
            if not truth.broken:
                why = f"{truth.executions} executions hold; {broken_by(found)}"
                return Agreement.WRONG_ACCUSATION, why
            return Agreement.BROKEN, truth.broken
        if found.code == 3:
            if truth.broken:
                return Agreement.UNDECIDED_BROKEN, found.reason
            return Agreement.UNDECIDED_HOLDS, found.reason
        truth = await self._failed(service, kind, self._tries.deep)
        if truth.broken:
            return Agreement.WRONG_COMPLETE, f"{truth.broken} by {truth.by}, {truth.order}"
        if found.code == 1:  # it does not come to rest, and nothing worse was found anywhere
            return Agreement.BROKEN, broken_by(found)
        if missed := came_to(truth) - outcomes(found):
            return (
                Agreement.MISSED,
                f"kills came to {sorted(missed)}, not {sorted(outcomes(found))}",
            )
        if self._tries.full:
            full = await self._search(service, "dfs", self._tries.full, kind)
            if unsafe(full):
                return Agreement.WRONG_COMPLETE, f"without reduction: {broken_by(full)}"
            if missed := answered(full) - answered(found):
                return Agreement.MISSED, f"without reduction it came to {sorted(missed)}"
        return Agreement.HOLDS, ""


def needs_its_session(service: Service) -> bool:
    """Whether it depends on which connection somebody has who asks again: also of Redis, where a
    client that has lost it sends the command again and not what came before it."""
    own = ("pg_advisory_lock", "pg_try_advisory_lock", '"WATCH"', '"MULTI"')
    return any(one in s.text for p in service.paths for s in (*p.steps, *p.ends) for one in own)


def unsafe(found: Found) -> bool:
    """Whether a search found what must never be."""
    (first, *_) = found.explored.result.found or (None,)
    if found.code != 1 or first is None:
        return False
    came = first.execution.outcome
    return isinstance(came, ExecutionOutcome) and came.safety is Status.INVALID


def broken_by(found: Found) -> str:
    """What a search found broken, and after which failures."""
    witness = found.explored.witness
    if witness is None:
        return found.reason
    return f"{[one.words for one in witness.broken]} by {[one.label for one in witness.failures]}"


def outcomes(found: Found) -> set[tuple[str, ...]]:
    """What executions of a search came to: charges, effects and the state of the order."""
    return {one[-3:] for one in answered(found)}


def answered(found: Found) -> set[tuple[str, ...]]:
    """The same with the answers, whoever of two clients was given them."""
    came_to = set()
    for came in found.explored.result.outcomes:
        assert isinstance(came, ExecutionOutcome)
        values = {name: value for name, _, value in came.values}
        answers = sorted({answer[2] for answer in came.answers})
        came_to.add((*answers, values["charges"], values["effects"], values["state"]))
    return came_to


def came_to(truth: Failed) -> set[tuple[str, ...]]:
    """The same of plain threads: charges, effects and state."""
    return {(str(o.charges), str(o.effects), o.state) for o in truth.outcomes}
