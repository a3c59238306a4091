"""The result of a cell's search, in words. Pure."""

from __future__ import annotations

from paidonce.harness.results.proof import Cell, Proof
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.results.words import count
from paidonce.reports.words import duration


def search_words(search: Searched) -> str:
    """A sentence with the counts, or with the reason why there are none."""
    match search.how:
        case How.COMPLETE:
            return f"Complete search: {search.claimed}; {_counts(search)}."
        case How.COUNTEREXAMPLE:
            number = search.execution
            return f"The search found a counterexample in execution {number}; {_counts(search)}."
        case How.INCOMPLETE if not search.executions:
            return f"Not searched completely: {search.reason}."
        case How.INCOMPLETE:
            covered = f" Covered: {search.coverage}." if search.coverage else ""
            return f"Not searched completely: {search.reason}; {_counts(search)}.{covered}"
        case How.NOT_SEARCHED:
            return f"Not searched: {search.reason}."


def _counts(search: Searched) -> str:
    parts = [count(search.explored, "execution") + " explored"]
    if search.pruned:
        parts.append(f"{search.pruned:,} pruned")
    if search.invalid:
        parts.append(f"{search.invalid:,} invalid")
    parts.append(f"{count(search.outcomes, 'outcome')}, {duration(search.seconds * 1e9)}")
    return ", ".join(parts)


def searched_cells(proof: Proof) -> str:
    """Return how many cells were searched and with what end, in a sentence; empty without a
    search."""
    searches = [cell.search for cell in proof.cells if cell.search is not None]
    if not searches:
        return ""
    hows = [search.how for search in searches]
    executions = sum(search.executions for search in searches)
    found = hows.count(How.COUNTEREXAMPLE)
    parts = [f"{count(hows.count(How.COMPLETE), noun_of_cells(proof))} proved by complete search"]
    if found:
        parts.append(f"{found} with a counterexample found by it")
    if How.INCOMPLETE in hows:
        parts.append(f"{hows.count(How.INCOMPLETE)} searched in part")
    if How.NOT_SEARCHED in hows:
        parts.append(f"{hows.count(How.NOT_SEARCHED)} only played")
    # The matrix is searched with two attempts; how many a target has, its file says.
    crowd = " of 2 attempts" if proof.noun == "guard" else ""
    return f"{', '.join(parts)}: {count(executions, 'execution')}{crowd} in all."


def noun_of_cells(proof: Proof) -> str:
    """Return the word for a cell: of a target, which has one scenario, it is a variant."""
    return "cell" if proof.noun == "guard" else proof.noun


def replay_command(cell: Cell) -> str | None:
    """Return how to see a cell's counterexample again."""
    if cell.search is None or cell.search.witness is None:
        return None
    return f"paidonce replay {cell.search.witness}"
