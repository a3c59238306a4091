"""The problems of the second matrix: a failure that is not survived as it was declared. Pure."""

from __future__ import annotations

from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.proof import Proof, Survival
from paidonce.harness.results.words import count
from paidonce.harness.verdict import Status


def of_survivals(proof: Proof) -> list[Problem]:
    """Return a problem for each variant under an adversity that is not as declared, and a note of
    those that are open."""
    titles = {one.name: one.title for one in proof.adversities}
    found = [
        _of(one, titles.get(one.adversity, one.adversity))
        for one in proof.survivals
        if one.came not in (one.expected, Status.UNKNOWN)
    ]
    open_ones = sum(one.came is Status.UNKNOWN for one in proof.survivals)
    if open_ones:
        text = (
            f"{open_ones} of {count(len(proof.survivals), 'search')} under failures did not come "
        )
        text += "to their end; the summary says of each why"
        found.append(Problem(weight=Weight.NOTE, text=text))
    return found


def _of(one: Survival, title: str) -> Problem:
    if one.came is Status.INVALID:
        text = f"declared to survive: {title}; but the search found a counterexample"
        text += f" (paidonce replay {one.search.witness})" if one.search.witness else ""
        text += f": {one.search.broken[0].words}" if one.search.broken else ""
    else:
        text = f"declared not to survive: {title}; but a complete search found nothing"
    return Problem(weight=Weight.CONTRADICTED, text=text, variant=one.variant)
