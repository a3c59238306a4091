"""Who holds what alone, from which step of an execution to which: what others may come late to.

A statement that begins by locking something another holds alone, while its own session holds
nothing, waits and does nothing else until the holder's transaction ends; what it does then is what
it would do if it were sent just after that end. So it need not be sent before: it is *deferred*.
"""

from __future__ import annotations

from collections.abc import Hashable

from paidonce.harness.explore.search.world import Tenure


class Tenures:
    """Those of one execution; things are compared by equality, steps are numbered from 0."""

    def __init__(self) -> None:
        self._open: dict[Hashable, dict[str, tuple[str, int]]] = {}
        self._over: dict[Hashable, list[Tenure]] = {}

    def acquired(self, thing: Hashable, actor: str, at: int, *, by: str) -> None:
        """``actor`` holds ``thing`` alone since its step ``at``, in which it did not wait for it.

        ``by`` names the transaction it holds it in.
        """
        self._open.setdefault(thing, {}).setdefault(by, (actor, at))

    def released(self, by: str, at: int) -> None:
        """In step ``at`` all was let go that was held by ``by``."""
        for thing, holders in self._open.items():
            if by in holders:
                actor, since = holders.pop(by)
                self._over.setdefault(thing, []).append(Tenure(actor, since, at))

    def held(self, thing: Hashable, *, but: str) -> bool:
        """Return whether another than ``but`` holds it."""
        return any(actor != but for actor, _ in self._open.get(thing, {}).values())

    def past(self, thing: Hashable, *, but: str) -> tuple[Tenure, ...]:
        """Return when others than ``but`` have held it."""
        return tuple(tenure for tenure in self._over.get(thing, ()) if tenure.actor != but)
