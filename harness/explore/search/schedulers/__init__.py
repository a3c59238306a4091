"""Which execution is made next: one scheduler a file, all behind ``Scheduler`` of ``search.types``.

``dfs`` makes every interleaving, ``dpor`` those that differ, ``bounded`` those with few switches,
``random_walk`` and ``pct`` some at random, ``predicted_first`` what was predicted before the rest.
``tree`` is what ``dfs`` and ``dpor`` keep of where they have been.

Imports the rest of ``search``, never the control of a service. Others choose by name from
``SCHEDULERS``. A new scheduler is a module here with its ``KIND``, and its line in ``_ALL``.
"""

from __future__ import annotations

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.search.schedulers import bounded, dfs, dpor, pct, random_walk
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind

__all__ = ["DEFAULT", "SCHEDULERS", "Extent", "SchedulerKind", "kind_of"]

_ALL: tuple[SchedulerKind, ...] = (
    dpor.KIND,
    dfs.KIND,
    random_walk.KIND,
    pct.KIND,
    bounded.KIND,
)

SCHEDULERS: dict[str, SchedulerKind] = {kind.name: kind for kind in _ALL}
"""All kinds by name, in the order in which they are offered."""

DEFAULT = dpor.KIND.name


def kind_of(name: str) -> SchedulerKind:
    """Return the kind of this name. Raises ``UsageError`` naming the choices if there is none."""
    if name not in SCHEDULERS:
        raise UsageError(f"unknown scheduler {name!r}; choose from {', '.join(SCHEDULERS)}")
    return SCHEDULERS[name]
