"""Tries what a complete search relied on, on the service in front of it.

Executions were left out because steps were taken to commute, statements to be single moments,
others only to wait, attempts to do the same. That was read from SQL and protocols; here each kind
of it is executed. What turns out to be otherwise is told (``Refutation``): the search then begins
again, and knows better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paidonce.harness.explore.validate.claims import Claims, Settled
from paidonce.harness.explore.validate.deferrals import Deferrals
from paidonce.harness.explore.validate.exchange import Exchanges, closed
from paidonce.harness.explore.validate.kills import Kills
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.moments import Moments
from paidonce.harness.explore.validate.pairs import Pairs
from paidonce.harness.explore.validate.trial import in_order
from paidonce.harness.explore.validate.ways import Suspicion, confirmed
from paidonce.harness.explore.validate.whole import SAMPLE, Unreduced
from paidonce.harness.results.grounds import Claim, Grounds


@dataclass(frozen=True)
class Validated:
    """The claims that were confirmed, and one that was not: then the search is to begin again."""

    grounds: Grounds
    finding: Refutation | None


async def validated(
    claims: Claims,
    lab: Lab,
    twins: Mapping[str, str],
    suspicion: Suspicion | None = None,
    *,
    reduced: bool = True,
    seed: int = 0,
    sample: int = SAMPLE,
    settled: Settled | None = None,
    beyond: bool = False,
) -> Validated:
    """Try all ``claims`` while there is time.

    What is confirmed is added to ``settled``. A search that goes ``beyond`` another on the same
    service tries only what is not in it, and no schedules without reduction.
    ``twins`` are the attempts that were taken to be interchangeable, ``suspicion`` is what gave
    reason to think that attempts share memory. A search that is not ``reduced`` relies on single
    moments alone, and on answers that may come at once where nobody shares memory. ``sample``
    schedules are drawn at random at most.
    """
    lab.known = closed(lab.known, twins, lab.exchanged)
    settled = Settled() if settled is None else settled
    if beyond:
        claims.leave_out(settled)
    pairs, moments, kills = Pairs(claims, lab), Moments(claims, lab), Kills(claims, lab)
    deferrals, exchanges = Deferrals(claims, lab), Exchanges(claims, lab, twins)
    rest = Unreduced(claims, lab, seed, sample)

    async def try_again() -> Refutation | None:
        """Make an execution again; return how it is another one, None if it is the same."""
        if not claims.whole or lab.spent:
            return None
        run = claims.whole[-1].run  # the first of all may have met a service that was cold
        again = await lab.make(lambda worlds: in_order(worlds, run.schedule))
        unsteady = "" if again is None else lab.unsteady(run, again)
        return Refutation(unsteady=unsteady, found=lab.found) if unsteady else None

    async def try_memory() -> Refutation | None:
        return None if suspicion is None else await confirmed(suspicion, lab)

    parts = [try_again, try_memory, moments.try_all]
    if reduced:
        parts = [
            try_again,
            try_memory,
            pairs.try_all,
            moments.try_all,
            deferrals.try_all,
            exchanges.try_all,
            rest.try_some,
        ]
    if beyond:
        parts = [moments.try_all]
        if reduced:
            parts = [pairs.try_all, moments.try_all, deferrals.try_all, kills.try_all]
    finding = None
    for part in parts:
        finding = await part()
        if finding is not None:
            break
    if finding is None:
        settled.add(pairs.confirmed, kills.confirmed, moments.confirmed, deferrals.confirmed)
    grounds = Grounds(
        pairs=tuple(
            Claim(names=(one[0], other[0]), confirmed=(one, other) in pairs.confirmed)
            for one, other in sorted(claims.pairs)
        )
        if reduced
        else (),
        kills=tuple(
            Claim(names=(one[0], other[0]), confirmed=(one, other) in kills.confirmed)
            for one, other in sorted(claims.kills)
        ),
        moments=tuple(
            Claim(names=(name,), confirmed=name in moments.confirmed)
            for name in sorted(claims.moments)
        ),
        deferrals=tuple(
            Claim(names=(name,), confirmed=name in deferrals.confirmed)
            for name in sorted(claims.deferrals)
        )
        if reduced
        else (),
        exchanges=tuple(
            Claim(names=(other, one), confirmed=(one, other) in exchanges.confirmed)
            for one, other in exchanges.twins
        )
        if reduced and not beyond
        else (),
        schedules=rest.schedules,
        whole=rest.whole,
        executions=lab.executions,
    )
    return Validated(grounds, finding)
