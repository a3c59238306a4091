"""Who has locked which row, who waits for it, and who waits for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

from rowprograms import Mode

Name = tuple[str, int]
"""A row or a key: ("row", 1)."""

CONFLICTS: dict[Mode, frozenset[Mode]] = {
    "KEY SHARE": frozenset({"UPDATE"}),
    "SHARE": frozenset({"NO KEY UPDATE", "UPDATE"}),
    "NO KEY UPDATE": frozenset({"SHARE", "NO KEY UPDATE", "UPDATE"}),
    "UPDATE": frozenset({"KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"}),
}
"""PostgreSQL manual, table 13.3."""


@dataclass(frozen=True)
class Waits:
    """Somebody waits; ``queue`` tells that he stands in line, ``ticket`` who came first."""

    actor: str
    name: Name
    mode: Mode
    queue: bool
    ticket: int


class Locks:
    """All locks of one execution. Locks are held until ``release``."""

    def __init__(self) -> None:
        self._held: dict[Name, dict[str, set[Mode]]] = {}
        self._waiting: dict[str, Waits] = {}
        self._tickets = 0

    def take(
        self, actor: str, name: Name, mode: Mode, *, queue: bool = True
    ) -> Generator[Waits, None, None]:
        """Lock it, at once or after a wait during which the generator is suspended.

        It is to be resumed when ``next_served`` names the actor. An exception thrown in ends the
        wait without the lock.
        """
        if not self.free(actor, name, mode):
            self._tickets += 1
            self._waiting[actor] = waits = Waits(actor, name, mode, queue, self._tickets)
            try:
                yield waits
            finally:
                del self._waiting[actor]
        self._held.setdefault(name, {}).setdefault(actor, set()).add(mode)

    def free(self, actor: str, name: Name, mode: Mode) -> bool:
        """Whether nobody else holds it in a conflicting mode. Those in line do not count."""
        return not self._holders(actor, name, mode)

    def holds(self, actor: str, name: Name) -> bool:
        """Whether ``actor`` has it in any mode."""
        return actor in self._held.get(name, {})

    def drop(self, actor: str, name: Name) -> None:
        """Let go of one."""
        self._held.get(name, {}).pop(actor, None)

    def release(self, actor: str) -> None:
        """Let go of all."""
        for holders in self._held.values():
            holders.pop(actor, None)

    def held(self) -> frozenset[tuple[Name, str, Mode]]:
        """All locks that are held: what, by whom, in which mode."""
        return frozenset(
            (name, actor, mode)
            for name, holders in self._held.items()
            for actor, modes in holders.items()
            for mode in modes
        )

    def next_served(self) -> str | None:
        """Of those who wait and no longer need to, who has waited longest."""
        ready = [waits for waits in self._waiting.values() if not self._blockers(waits)]
        return min(ready, key=lambda waits: waits.ticket).actor if ready else None

    def in_a_cycle(self, waits: Waits) -> bool:
        """Whether following who waits for whom leads back to where it began."""
        seen: set[str] = set()
        front = self._blockers(waits)
        while front:
            actor = front.pop()
            if actor == waits.actor:
                return True
            if actor not in seen and actor in self._waiting:
                seen.add(actor)
                front |= self._blockers(self._waiting[actor])
        return False

    def blockers(self, actor: str) -> frozenset[str]:
        """Whom ``actor`` waits for; empty if it does not wait."""
        waits = self._waiting.get(actor)
        return frozenset() if waits is None else frozenset(self._blockers(waits))

    def longest(self) -> int:
        """How many wait for the one thing that most wait for."""
        return max(Counter(waits.name for waits in self._waiting.values()).values(), default=0)

    def _holders(self, actor: str, name: Name, mode: Mode) -> set[str]:
        return {
            holder
            for holder, modes in self._held.get(name, {}).items()
            if holder != actor and modes & CONFLICTS[mode]
        }

    def _blockers(self, waits: Waits) -> set[str]:
        """Holders, and those ahead in line, in a conflicting mode."""
        found = self._holders(waits.actor, waits.name, waits.mode)
        if waits.queue:
            found |= {
                other.actor
                for other in self._waiting.values()
                if other.queue
                and other.name == waits.name
                and other.ticket < waits.ticket
                and other.mode in CONFLICTS[waits.mode]
            }
        return found
