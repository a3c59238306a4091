"""The grounds that the verdict of a search rests on, as a list. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.results.grounds import Claim, Grounds
from paidonce.harness.results.searched import Searched


class Rested(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of one kind: ``title`` says which, ``claims`` are in words, with whether each was
    confirmed by executions of its own."""

    title: str
    claims: tuple[tuple[str, bool], ...]


def rested(search: Searched | None) -> tuple[Rested, ...]:
    """All that a search relied on and what it learnt; empty where nothing was tried."""
    grounds = None if search is None else search.grounds
    if grounds is None:
        return ()
    parts = (
        ("Steps that come to the same in either order", _pairs(grounds.pairs)),
        ("Statements that commit by themselves and are single moments", _names(grounds.moments)),
        ("Statements that would only wait for a lock", _names(grounds.deferrals)),
        ("Attempts that do the same", _names(grounds.exchanges)),
        (
            "Steps that are tried until they are granted",
            tuple((one, False) for one in grounds.polled),
        ),
        (
            "Steps of which several tries are made at once",
            tuple((one, False) for one in grounds.tried_at_once),
        ),
        ("Learnt by trying", tuple((str(lesson), True) for lesson in grounds.lessons)),
    )
    found = [Rested(title=title, claims=claims) for title, claims in parts if claims]
    return (*found, *_schedules(grounds), *_under_failures(search))


def _under_failures(search: Searched | None) -> list[Rested]:
    """Return what the searches under failures relied on beyond that."""
    failures = None if search is None else search.failures
    grounds = None if failures is None else failures.grounds
    if grounds is None:
        return []
    parts = (
        ("Under failures: steps that come to the same in either order", _pairs(grounds.pairs)),
        (
            "Under failures: steps before or after the kill of their process come to the same",
            _pairs(grounds.kills),
        ),
        (
            "Under failures: statements that commit by themselves and are single moments",
            _names(grounds.moments),
        ),
        ("Under failures: statements that would only wait for a lock", _names(grounds.deferrals)),
        (
            "Under failures: learnt by trying",
            tuple((str(lesson), True) for lesson in grounds.lessons),
        ),
    )
    return [Rested(title=title, claims=claims) for title, claims in parts if claims]


def _schedules(grounds: Grounds) -> list[Rested]:
    if not grounds.schedules:
        return []
    which = "all there are" if grounds.whole else "some of them"
    claim = (f"{grounds.schedules:,} schedules, {which}", True)
    return [Rested(title="Executed without leaving anything out", claims=(claim,))]


def _pairs(claims: Sequence[Claim]) -> tuple[tuple[str, bool], ...]:
    """Pairs by name, each once: it is confirmed if it is wherever it was met."""
    found: dict[tuple[str, ...], bool] = {}
    for claim in claims:
        found[claim.names] = found.get(claim.names, True) and claim.confirmed
    return tuple((" and ".join(names), confirmed) for names, confirmed in found.items())


def _names(claims: Sequence[Claim]) -> tuple[tuple[str, bool], ...]:
    return tuple((" and ".join(claim.names), claim.confirmed) for claim in claims)
