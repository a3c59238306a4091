"""The problems of the second matrix: a failure that is not survived as it was declared. Pure."""

from __future__ import annotations

from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.proof import Proof, Survival
from paidonce.harness.results.words import count
from paidonce.harness.verdict import Status


def of_survivals(proof: Proof) -> list[Problem]:
    """Return a problem for each variant under an adversity that is not as declared, and a note of
    those that are open."""
    titles = {adversity.name: adversity.title for adversity in proof.adversities}
    problems = [
        _of(survival, titles.get(survival.adversity, survival.adversity))
        for survival in proof.survivals
        if survival.came not in (survival.expected, Status.UNKNOWN)
    ]
    open_ones = sum(survival.came is Status.UNKNOWN for survival in proof.survivals)
    if open_ones:
        text = (
            f"{open_ones} of {count(len(proof.survivals), 'search')} under failures did not come "
        )
        text += "to their end; the summary says of each why"
        problems.append(Problem(weight=Weight.NOTE, text=text))
    return problems


def _of(one: Survival, title: str) -> Problem:
    if one.came is Status.INVALID:
        text = f"declared to survive: {title}; but the search found a counterexample"
        text += f" (paidonce replay {one.search.witness})" if one.search.witness else ""
        text += f": {one.search.broken[0].words}" if one.search.broken else ""
    else:
        text = f"declared not to survive: {title}; but a complete search found nothing"
    return Problem(weight=Weight.CONTRADICTED, text=text, variant=one.variant)
