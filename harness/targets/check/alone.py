"""One attempt alone, with something going wrong: tried by a check beside what it claims.

Most of these searches are one execution below each plan, so they take seconds. What comes of them
is told and does not count: whether a service is to survive failures is for ``--faults`` to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failures import Offer
from paidonce.harness.explore.exploration import SearchRequest, explore, save
from paidonce.harness.explore.failure.plans import Chosen, chosen_by
from paidonce.harness.explore.search import Budget
from paidonce.harness.proof.adversities import Only, crashes
from paidonce.harness.proof.cell_search import WITNESSES, searched, unusable
from paidonce.harness.results.searched import AloneUnderFailures
from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.targets.run.script import TargetAttempt, TargetScript

_SPENT = "its share of the time was spent"


def alone_under_failures(script: TargetScript) -> tuple[TargetAttempt, ...]:
    """Return the attempts of ``script`` that can be tried alone, one of each kind: none where the
    script says that nothing goes wrong, and nobody who waits for what another has Stripe raise.
    """
    if script.failures == ():
        return ()
    kinds: dict[object, TargetAttempt] = {}
    for attempt in script.clients:
        if not attempt.awaits:
            kinds.setdefault(attempt.likeness, attempt)
    return tuple(kinds.values())


async def tried_alone(
    worlds: Sequence[ServiceWorlds],
    script: TargetScript,
    attempt: TargetAttempt,
    asked: SearchRequest,
    seconds: float,
    out: Path,
) -> AloneUnderFailures | None:
    """Search ``attempt`` alone under at most one failure, for ``seconds`` at most, on lanes on
    which ``asked`` was searched; a counterexample's witness is saved below ``out``.

    None where what must hold cannot with nobody else there: nothing is to be learnt then.
    """
    part = script.keeping({attempt.name})
    request = replace(
        asked,
        scenario=part,
        first=(),
        budget=Budget(seconds=seconds, spent_words=_SPENT),
        watch=0.0,
        validation=None,
        faults=1,
        failing=_chosen(script),
    )
    try:
        explored = await explore([each.telling(part) for each in worlds], request)
    except PaidonceError as error:
        return AloneUnderFailures(attempt=attempt.name, search=unusable(error))
    if explored.witness is not None and explored.result.failures is None:
        return None
    folder = out / WITNESSES / f"alone-{script.attempts.index(attempt) + 1}"
    witness = save(explored, folder)
    return AloneUnderFailures(attempt=attempt.name, search=searched(explored, witness, out))


def _chosen(script: TargetScript) -> Chosen:
    """Return the failures that are made: those that the script names, else the two that nobody is
    spared."""
    return Only(_is_usual) if script.failures is None else chosen_by(script)


def _is_usual(offer: Offer) -> bool:
    return crashes(offer) or (offer.usual and isinstance(offer.failure.fault, LostAnswer))
