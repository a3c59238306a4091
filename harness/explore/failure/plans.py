"""Plans of failures: which there are after a search, without those that come to the same.

A plan is a set of failures. Where a search below a plan is complete, its executions show every
failure that can come next: up to there an execution with one failure more is one of them. So plans
grow by one failure at a time, and none is missed.

Crashes that come to the same are planned once. A process that dies takes its memory with it, so
what it did since it last changed anything outside makes no difference to anybody:

* killed before step n + 1 is killed before step n if step n never published nor locked anything,
  nor took a number from a sequence, which no rollback gives back;
* killed after step n, before the service is told, is killed before step n + 1; where no step comes
  after it, it is killed before the client is answered.

This does not hold where attempts meet in that memory: one of them may have been answered by what
another left there. All crashes are planned then.

What it has locked matters as long as somebody may have met it: who is refused since a row is locked
(NOWAIT) may tell of it before the process dies. Of an attempt with nobody else there a crash ends
what was locked, and nobody has seen it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.failures import Offer, Place, PlannedFailure
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.service.script import Script
from paidonce.harness.taps.faults import Crash, LostAnswer, TimePasses

Plan = frozenset[PlannedFailure]


class Chosen(Protocol):
    """Chooses the failures that are planned."""

    def offered(self, offer: Offer) -> bool:
        """Tell whether a failure that was possible is to be planned."""
        ...

    def together(self, plan: Plan) -> bool:
        """Tell whether failures are to be in one plan."""
        ...


class Usual:
    """Chooses the failures that are made unless others are asked for."""

    def offered(self, offer: Offer) -> bool:
        return offer.usual

    def together(self, plan: Plan) -> bool:
        return True


@dataclass(frozen=True)
class AsSaid:
    """Chooses the failures that a script names, so many of each."""

    choices: Sequence[FailureChoice]

    def offered(self, offer: Offer) -> bool:
        return any(_means(choice, offer.failure) for choice in self.choices)

    def together(self, plan: Plan) -> bool:
        return all(
            sum(_means(choice, failure) for failure in plan) <= choice.at_most
            for choice in self.choices
        )


def chosen_by(script: Script) -> Chosen:
    """Return the choice of ``script``, or the usual one where it makes none."""
    return Usual() if script.failures is None else AsSaid(script.failures)


def _means(choice: FailureChoice, failure: PlannedFailure) -> bool:
    if isinstance(failure.fault, TimePasses):
        return False
    return choice.means(failure.fault, failure.on)


def grown(
    plan: Plan,
    offers: Offers,
    likeness: Mapping[str, Hashable],
    chosen: Chosen,
    *,
    every_crash: bool = False,
    alone: bool = False,
) -> list[Plan]:
    """Return the plans with one failure more than ``plan``, after a search below that.

    ``likeness`` is equal for attempts that do the same: of plans that differ in which of those
    fails there is one; ``alone`` if there is one attempt and nobody else. The most likely to find
    anything come first.
    """
    seen = offers.publishing if alone else offers.changing
    ordered = sorted(offers.offers.values(), key=_rank)
    found: dict[Plan, None] = {}
    for offer in ordered:
        failure = offer.failure
        if failure in plan or not chosen.offered(offer):
            continue
        crashes = isinstance(failure.fault, Crash) and not every_crash
        if crashes and _as_another(failure, seen, offers.last):
            continue
        if chosen.together(plan | {failure}):
            found[_of_first(plan | {failure}, likeness)] = None
    return list(found)


def _as_another(
    crash: PlannedFailure, seen: Collection[tuple[str, int]], last: Collection[tuple[str, int]]
) -> bool:
    """Return whether a crash comes to the same as another one; ``seen`` are the steps that somebody
    else may have seen, ``last`` those that were the last of their attempt."""
    before = (crash.attempt, crash.step - 1)
    here = (crash.attempt, crash.step)
    match crash.place:
        case Place.REQUEST:
            return crash.step > 1 and before not in seen
        case Place.COMMIT:
            return True  # what is not committed is as if it had not begun
        case Place.ANSWER:
            return here not in seen or here not in last


def _of_first(plan: Plan, likeness: Mapping[str, Hashable]) -> Plan:
    """Return ``plan`` with what goes wrong for attempts that do the same given to the first of
    them, then the second, in one order."""
    alike: dict[Hashable, list[str]] = {}
    for attempt, like in likeness.items():
        alike.setdefault(like, []).append(attempt)
    renamed: dict[str, str] = {}
    for attempts in alike.values():
        theirs = sorted(
            attempts,
            key=lambda name: sorted(
                _told(planned_failure)[1:]
                for planned_failure in plan
                if planned_failure.attempt == name
            ),
            reverse=True,
        )
        renamed.update(zip(theirs, attempts, strict=True))
    return frozenset(_renamed(plan, renamed))


def _renamed(plan: Plan, names: Mapping[str, str]) -> Iterator[PlannedFailure]:
    for planned_failure in plan:
        yield PlannedFailure(
            attempt=names.get(planned_failure.attempt, planned_failure.attempt),
            step=planned_failure.step,
            fault=planned_failure.fault,
            place=planned_failure.place,
            on=planned_failure.on,
        )


def in_words(plan: Iterable[PlannedFailure]) -> str:
    """Return what goes wrong by a plan, in words."""
    return " and ".join(planned_failure.label for planned_failure in sorted(plan, key=_told))


def _told(failure: PlannedFailure) -> tuple[str, int, str, str]:
    return failure.attempt, failure.step, failure.place.value, failure.possible.label


def _rank(offer: Offer) -> tuple[int, int, str, str, str]:
    failure = offer.failure
    kinds = (Crash, LostAnswer)
    kind = next((n for n, one in enumerate(kinds) if isinstance(failure.fault, one)), len(kinds))
    attempt, step, place, label = _told(failure)
    return kind, step, attempt, place, label
