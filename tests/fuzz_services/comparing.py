"""Holds searches of a service against each other and against what is true of it."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from programme import Path, Service
from searching import DEFAULT, Found, Searcher
from truth import Told, Truth

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.search import Budget
from paidonce.harness.explore.validate.spending import Validation

_ANSWERS = {200: "ok", 409: "rejected"}


class Agreement(enum.StrEnum):
    """What comparing a service comes to."""

    SENSELESS = "makes no sense serially"
    HOLDS = "holds, and is complete"
    BROKEN = "breaks, and is found"
    UNDECIDED_HOLDS = "holds, not complete"
    UNDECIDED_BROKEN = "breaks, not complete"
    WRONG_COMPLETE = "WRONG complete"
    WRONG_ACCUSATION = "WRONG accusation"
    MISSED = "WRONG: an outcome was missed"
    FAILED = "WRONG: the search failed"

    @property
    def wrong(self) -> bool:
        """Whether it must not be."""
        return self.value.startswith("WRONG")


@dataclass(frozen=True)
class Effort:
    """How much is tried: schedules of a search, and orders of plain threads."""

    reduced: int = 60
    full: int = 10
    """None at all where it is 0."""
    quick: int = 20
    deep: int = 60
    accused: int = 400
    """Orders that have to hold before a counterexample is called wrong."""
    validation: Validation | None = DEFAULT
    """What may be spent on trying what the reduced search relied on."""


@dataclass(frozen=True)
class Comparison:
    """A service, and how it was found to be."""

    service: Service
    agreement: Agreement
    why: str = ""
    executions: int = 0
    seconds: float = 0.0


class Comparer:
    """Compares services, one after the other."""

    def __init__(self, searcher: Searcher, truth: Truth, effort: Effort) -> None:
        self._searcher, self._truth, self._effort = searcher, truth, effort

    async def compare(self, service: Service) -> Comparison:
        """Search the service, ask for the truth, and say whether they agree."""
        if not await asyncio.to_thread(self._truth.makes_sense, service):
            return Comparison(service, Agreement.SENSELESS)
        told = await self._told(service, self._effort.quick)
        try:
            found = await self._searcher.search(
                service,
                "dpor",
                Budget(schedules=self._effort.reduced),
                self._effort.validation,
            )
            agreement, why = await self._judge(service, found, told)
        except PaidonceError as error:
            return Comparison(service, Agreement.FAILED, str(error))
        except (TimeoutError, AssertionError, OSError, ValueError, KeyError) as error:
            return Comparison(service, Agreement.FAILED, repr(error))
        return Comparison(service, agreement, why, found.executions, found.seconds)

    async def _judge(self, service: Service, found: Found, told: Told) -> tuple[Agreement, str]:
        match found.code, bool(told.broken):
            case 0, True:
                return Agreement.WRONG_COMPLETE, f"plain threads: {told.broken} by {told.order}"
            case 0, False:
                return await self._judge_complete(service, found, told)
            case 1, True:
                return Agreement.BROKEN, told.broken
            case 1, False:
                deep = await self._told(service, self._effort.accused)
                if deep.broken:
                    return Agreement.BROKEN, deep.broken
                return (
                    Agreement.WRONG_ACCUSATION,
                    f"{deep.executions} orders hold; {_told_by(found)}",
                )
            case _, True:
                return Agreement.UNDECIDED_BROKEN, found.reason
            case _:
                return Agreement.UNDECIDED_HOLDS, found.reason

    async def _judge_complete(
        self, service: Service, found: Found, told: Told
    ) -> tuple[Agreement, str]:
        if not self._effort.full:
            return await self._judge_missed(service, found, set())
        full = await self._searcher.search(
            service, "dfs", Budget(schedules=self._effort.full), None
        )
        if full.code == 1:
            deep = await self._told(service, self._effort.accused)
            if deep.broken:
                return Agreement.WRONG_COMPLETE, f"the full search and plain threads: {deep.broken}"
            return Agreement.WRONG_ACCUSATION, f"the full search alone: {_told_by(full)}"
        return await self._judge_missed(service, found, outcomes(full))

    async def _judge_missed(
        self, service: Service, found: Found, full: set[tuple[str, ...]]
    ) -> tuple[Agreement, str]:
        deep = await self._told(service, self._effort.deep)
        if deep.broken:
            return Agreement.WRONG_COMPLETE, f"plain threads: {deep.broken} by {deep.order}"
        if missed := full - outcomes(found):
            return Agreement.MISSED, f"the full search came to {sorted(missed)}"
        if missed := outcomes_told(deep) - outcomes(found):
            return Agreement.MISSED, f"plain threads came to {sorted(missed)}"
        return Agreement.HOLDS, ""

    async def _told(self, service: Service, most: int) -> Told:
        return await asyncio.to_thread(self._truth.told, service, most)

    async def shrunk(self, comparison: Comparison, most: int = 40) -> Comparison:
        """The same disagreement of a smaller service."""
        smallest, tried = comparison, 0
        better = True
        while better and tried < most:
            better = False
            for smaller in _smaller(smallest.service):
                tried += 1
                again = await self.compare(smaller)
                if again.agreement is comparison.agreement:
                    smallest, better = again, True
                    break
                if tried >= most:
                    break
        return smallest


def outcomes(found: Found) -> set[tuple[str, ...]]:
    """What a search came to, whoever of two clients it was."""
    return {
        _short(came)
        for came in found.explored.result.outcomes
        if isinstance(came, ExecutionOutcome)
    }


def outcomes_told(told: Told) -> set[tuple[str, ...]]:
    """The same of plain threads."""
    return {
        (
            *sorted(
                _ANSWERS.get(status, "failed")
                for status in (*outcome.statuses, *outcome.deliveries)
            ),
            str(outcome.charges),
            str(outcome.effects),
            outcome.state,
        )
        for outcome in told.outcomes
    }


def _short(came: ExecutionOutcome) -> tuple[str, ...]:
    values = {name: value for name, _, value in came.values}
    answers = sorted(answer[2] for answer in came.answers)
    return (*answers, values["charges"], values["effects"], values["state"])


def _told_by(found: Found) -> str:
    history = found.explored.history
    if history is None:
        return found.reason
    answers = [operation.outcome.value for operation in history.operations]
    return f"the search saw {answers}"


def _smaller(service: Service) -> Iterator[Service]:
    """The services that lack one thing that this one has."""
    for number, path in enumerate(service.paths):
        for place in range(len(path.steps)):
            yield _with(service, number, replace(path, steps=_without(path.steps, place)))
        for place in range(len(path.ends)):
            yield _with(service, number, replace(path, ends=_without(path.ends, place)))
        if path.retry:
            yield _with(service, number, replace(path, retry=False))
    if service.level != "read committed":
        yield replace(service, level="read committed")


def _with(service: Service, number: int, path: Path) -> Service:
    paths = (*service.paths[:number], path, *service.paths[number + 1 :])
    return replace(service, paths=paths)


def _without(steps: tuple, place: int) -> tuple:
    return (*steps[:place], *steps[place + 1 :])
