"""Observations that found nothing in any execution: what must hold of them holds of nothing."""

from __future__ import annotations

from collections.abc import Collection

from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.search import SearchResult

_NOTHING = frozenset({"0", "0.0"})


def never_found(names: Collection[str], result: SearchResult) -> tuple[str, ...]:
    """Return those of ``names`` whose value was looked up and was 0 in every outcome."""
    seen: dict[str, set[str]] = {}
    for outcome in result.outcomes:
        if isinstance(outcome, ExecutionOutcome):
            for name, _, value in outcome.values:
                seen.setdefault(name, set()).add(value)
    return tuple(name for name in names if name in seen and seen[name] <= _NOTHING)
