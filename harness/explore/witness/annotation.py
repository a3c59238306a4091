"""Annotates the steps of an execution that is watched: the unit that each let through, who holds
what after it, and who waits for whom.

What a transaction holds is read off its statements, as footprints are: Postgres keeps row locks
in the rows, not in ``pg_locks`` (manual, section 13.3.2). Who waits for whom the server says.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.lock_waits import LockWaits
from paidonce.harness.explore.footprint.model import KEY, REST, Resource
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.explore.witness.file import Lock, Waiting, WitnessStep
from paidonce.harness.history import Effect, History


class Annotator:
    """A watcher (see ``paidonce.harness.explore.control.watcher``) that remembers the unit of each
    step, and the locks after it.
    """

    def __init__(self) -> None:
        self.locks: list[tuple[Lock, ...]] = []
        self.waits: list[tuple[Waiting, ...]] = []
        self._units: list[tuple[str, int] | None] = []
        """The unit of each step by its tap and number, None where none is let through."""

    async def began(self, world: ServiceWorld) -> None:
        self._world = world
        self.locks, self.waits, self._units = [], [], []  # of an execution that is made again
        self._seen = 0
        self._workers: dict[int, str] = {}
        assert world.bench.blocking is not None
        self._blocking = LockWaits(world.bench.blocking)

    async def before(self, pending: tuple[Pending, ...], actor: str) -> None:
        player = self._world.control.players[actor]
        call = player.held[0].call if player.at is At.TAP else None
        self._units.append(None if call is None else (call.tap, call.seq))

    async def after(self, taken: Taken) -> None:
        events = self._world.memory.events
        for event in events[self._seen :]:
            if isinstance(event, Effect) and event.attempt is not None:
                pid = event.request.get("pid")
                if isinstance(pid, int):
                    self._workers[pid] = event.attempt
        self._seen = len(events)
        players = self._world.control.players.values()
        self.locks.append(tuple(lock for player in players for lock in self._held(player)))
        waits = [await self._waiting(p) for p in players if p.at is At.LOCK]
        self.waits.append(tuple(waits))

    def added_to(self, steps: tuple[WitnessStep, ...], history: History) -> tuple[WitnessStep, ...]:
        """Return the steps of the same execution with what was seen; ``history`` is its history."""
        places = {(effect.tap, effect.seq): place for place, effect in history.of(Effect)}
        return tuple(
            msgspec.structs.replace(
                step, event=None if unit is None else places.get(unit), locks=locks, waits=waits
            )
            for step, unit, locks, waits in zip(
                steps, self._units, self.locks, self.waits, strict=True
            )
        )

    def _held(self, player: Player) -> Iterator[Lock]:
        words = dict.fromkeys(
            self._words(resource)
            for resource in self._resources(player.name)
            if not resource.shared and _shows(resource)
        )
        for what in words:
            yield Lock(actor=player.name, what=what)

    def _resources(self, actor: str) -> list[Resource]:
        reader = self._world.reader
        resources: set[Resource] = set()
        for session in reader.open_sessions(actor):
            resources |= reader.held(session)
        return sorted(resources)

    async def _waiting(self, player: Player) -> Waiting:
        for arrival in player.flying:
            if arrival.pid is not None:
                self._workers[arrival.pid] = player.name
        blockers = await self._blocking.blockers(player.pids)
        pids = sorted({pid for blocker in blockers.values() for pid in blocker})
        on = tuple(dict.fromkeys(self._workers[pid] for pid in pids if pid in self._workers))
        reader = self._world.reader
        asked = [lock for arrival in player.flying for lock in reader.expected(arrival).locks]
        meeting = [
            held
            for actor in on
            for held in self._resources(actor)
            if any(held.overlaps(want) and not (held.shared and want.shared) for want in asked)
        ]
        # A row says more than the entry of an index that belongs to it.
        meeting.sort(key=lambda resource: (not resource.key, not _shows(resource), resource))
        return Waiting(
            actor=player.name, on=on, what=self._words(meeting[0]) if meeting else "a lock"
        )

    def _words(self, resource: Resource) -> str:
        names = self._world.reader.names
        where = ", ".join(f"{column} = {names.seen(value)}" for column, value in resource.key)
        kind, *rest = resource.place or ("everything",)
        if kind == "pg-advisory":
            return f"advisory lock {where}".strip()
        if kind != "pg" or not rest:
            return "anything"
        table = rest[0].removeprefix("public.")
        if len(rest) > 2:
            return f"entry of {rest[2]} in {table}" + (f" ({where})" if where else "")
        return f"row of {table} ({where})" if where else f"rows of {table}"


def _shows(resource: Resource) -> bool:
    """Return whether a person would call it a lock: a row or an advisory lock."""
    place = resource.place
    if place[:1] == ("pg-advisory",):
        return True
    return place[:1] == ("pg",) and place[2:] in ((), (REST,), (KEY,))
