"""Small worlds whose behaviour is plain to see: shared variables and mutexes, in memory.

A program is a tuple of operations:

``("read", x)``            look at x and remember it
``("write", x, value)``    set x
``("add", x)``             set x to what was last read, plus one: a lost update in two steps
``("cond", x, y, value)``  set y if x is 0; touches y only then
``("scan", x, y, ...)``    look at x, then y ... up to the first that is not 0
``("branch", x)``          look at x; if it is not 0, the next operation is left out
``("local",)``             nothing
``("lock", m)``            take m or wait for it, first come first served
``("unlock", m)``          hand m on
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search import Judge, Scheduler, SearchResult, search
from paidonce.harness.explore.search.world import Pending, Taken, World, Worlds
from paidonce.harness.verdict import Status, Verdict

Program = tuple[tuple[Any, ...], ...]
Programs = Mapping[str, Program]


def _things(names: Sequence[str]) -> frozenset[Resource]:
    return frozenset(Resource(("toy",), (("name", name),)) for name in names)


def reads(*names: str) -> Footprint:
    return Footprint(looks=_things(names))


def writes(*names: str) -> Footprint:
    return Footprint(locks=_things(names), publishes=_things(names))


class ToyWorld:
    def __init__(self, programs: Programs, worlds: ToyWorlds) -> None:
        self._programs = programs
        self._worlds = worlds
        self._at = dict.fromkeys(programs, 0)
        self._values: dict[str, int] = {}
        self._seen: dict[str, list[int]] = {actor: [] for actor in programs}
        self._owner: dict[str, str] = {}
        self._waiting: dict[str, list[str]] = {}
        self._blocked: set[str] = set()
        self.taken: list[Taken] = []

    def _operation(self, actor: str) -> tuple[Any, ...] | None:
        program = self._programs[actor]
        return program[self._at[actor]] if self._at[actor] < len(program) else None

    def pending(self) -> tuple[Pending, ...]:
        return tuple(
            Pending(actor=actor, label=str(operation), footprint=_expected(operation))
            for actor in self._programs
            if actor not in self._blocked and (operation := self._operation(actor)) is not None
        )

    async def step(self, actor: str) -> Taken:
        await self._worlds.pause()
        enabled = tuple(one.actor for one in self.pending())
        operation = self._operation(actor)
        assert operation is not None
        assert actor in enabled
        footprint, blocked, woken = self._do(actor, operation)
        taken = Taken(
            actor=actor,
            label=str(operation),
            footprint=footprint,
            enabled=enabled,
            blocked=blocked,
            woken=woken,
        )
        self.taken.append(taken)
        return taken

    def _do(
        self, actor: str, operation: tuple[Any, ...]
    ) -> tuple[Footprint, bool, tuple[str, ...]]:
        kind, *names = operation
        self._at[actor] += 1
        values, seen = self._values, self._seen[actor]
        if kind == "read":
            seen.append(values.get(names[0], 0))
            return reads(names[0]), False, ()
        if kind == "write":
            values[names[0]] = names[1]
            return writes(names[0]), False, ()
        if kind == "add":
            values[names[0]] = (seen[-1] if seen else 0) + 1
            return writes(names[0]), False, ()
        if kind == "cond":
            if values.get(names[0], 0):
                seen.append(-1)
                return reads(names[0]), False, ()
            values[names[1]] = names[2]
            return reads(names[0]).union(writes(names[1])), False, ()
        if kind == "scan":
            looked = []
            for name in names:
                looked.append(name)
                seen.append(values.get(name, 0))
                if seen[-1]:
                    break
            return reads(*looked), False, ()
        if kind == "branch":
            seen.append(values.get(names[0], 0))
            self._at[actor] += bool(seen[-1])
            return reads(names[0]), False, ()
        if kind == "lock":
            if names[0] in self._owner:
                self._waiting.setdefault(names[0], []).append(actor)
                self._blocked.add(actor)
                return Footprint(locks=_things(names)), True, ()
            self._owner[names[0]] = actor
            return Footprint(locks=_things(names)), False, ()
        if kind == "unlock":
            if self._owner.get(names[0]) != actor:
                return Footprint(locks=_things(names)), False, ()
            del self._owner[names[0]]
            if not self._waiting.get(names[0]):
                return Footprint(locks=_things(names)), False, ()
            following = self._waiting[names[0]].pop(self._worlds.serves())
            self._owner[names[0]] = following
            self._blocked.discard(following)
            return Footprint(locks=_things(names)), False, (following,)
        assert kind == "local"
        return Footprint(), False, ()

    async def finish(self) -> Hashable:
        assert not self.pending()
        self._worlds.finished.append(tuple(self.taken))
        return (
            tuple(sorted(self._values.items())),
            tuple((actor, tuple(seen)) for actor, seen in self._seen.items()),
            tuple(sorted(self._blocked)),
        )

    async def close(self) -> None:
        self._worlds.open -= 1


def _expected(operation: tuple[Any, ...]) -> Footprint:
    kind, *names = operation
    if kind in ("read", "branch", "scan"):
        return reads(*names)
    if kind in ("write", "add"):
        return writes(names[0])
    if kind == "cond":
        return reads(names[0]).union(writes(names[1]))
    if kind in ("lock", "unlock"):
        return Footprint(locks=_things(names))
    return Footprint()


class ToyWorlds:
    """``yields`` lets other lanes run between steps, as many times as it says for each step;
    ``serves`` says which of those who wait is given what they wait for."""

    def __init__(
        self,
        programs: Programs,
        *,
        yields: Callable[[], int] | None = None,
        serves: Callable[[], int] = lambda: 0,
    ) -> None:
        self.programs = programs
        self.serves = serves
        self.finished: list[tuple[Taken, ...]] = []
        self.begun = 0
        self.open = 0
        self._yields = yields

    async def fresh(self) -> ToyWorld:
        self.begun += 1
        self.open += 1
        return ToyWorld(self.programs, self)

    async def pause(self) -> None:
        for _ in range(self._yields() if self._yields else 0):
            await asyncio.sleep(0)


def verdict(bad: bool) -> Verdict:
    status = Status.INVALID if bad else Status.VALID
    return Verdict(checker="toy", status=status, reason="bad" if bad else "good")


def harmless(outcome: Hashable) -> Verdict:
    return verdict(False)


def explore(
    programs: Programs, scheduler: Scheduler, judge: Judge = harmless, **more: Any
) -> tuple[SearchResult, ToyWorlds]:
    """The result, and the worlds with everything that was executed."""
    worlds = ToyWorlds(programs)
    return asyncio.run(search([worlds], judge, scheduler, **more)), worlds


Trace = frozenset[tuple[str, int, frozenset[tuple[str, int]]]]


def trace(taken: Sequence[Taken]) -> Trace:
    """A Mazurkiewicz trace by its definition: every step with all that happens before it.

    A step that conflicts with what somebody waits for, or ends the waiting, counts as touching
    that as well. Slow and plain on purpose, and written without the code under test.
    """
    touched = []
    wanted: dict[str, Footprint] = {}
    for step in taken:
        more = [
            one
            for actor, one in wanted.items()
            if actor in step.woken or one.conflicts(step.footprint)
        ]
        touched.append(reduce(Footprint.union, more, step.footprint))
        for actor in step.woken:
            wanted.pop(actor, None)
        if step.blocked:
            wanted[step.actor] = step.footprint
    pasts: list[frozenset[int]] = []
    names: list[tuple[str, int]] = []
    appeared: dict[str, int] = {}
    for index, step in enumerate(taken):
        direct = {
            other
            for other, earlier in enumerate(taken[:index])
            if earlier.actor == step.actor or touched[other].conflicts(touched[index])
        }
        if step.actor in appeared:
            direct.add(appeared.pop(step.actor))
        for actor in step.woken:
            appeared[actor] = index
        past = frozenset(direct).union(*(pasts[other] for other in direct))
        pasts.append(past)
        names.append((step.actor, sum(one.actor == step.actor for one in taken[:index])))
    return frozenset(
        (*names[index], frozenset(names[other] for other in past))
        for index, past in enumerate(pasts)
    )


def preemptions(taken: Sequence[Taken]) -> int:
    """Switches away from an actor that could have gone on; local steps are free."""
    chosen = [step for step in taken if not step.footprint.empty]
    return sum(
        one.actor != other.actor and one.actor in other.enabled for one, other in pairwise(chosen)
    )


class Recording:
    """Keeps what was executed in the worlds of another."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self.finished: list[tuple[Taken, ...]] = []

    async def fresh(self) -> World:
        return _Recorded(await self._worlds.fresh(), self.finished)


class _Recorded:
    def __init__(self, world: World, finished: list[tuple[Taken, ...]]) -> None:
        self._world = world
        self._finished = finished
        self._taken: list[Taken] = []

    def pending(self) -> tuple[Pending, ...]:
        return self._world.pending()

    async def step(self, actor: str) -> Taken:
        taken = await self._world.step(actor)
        self._taken.append(taken)
        return taken

    async def finish(self) -> Hashable:
        outcome = await self._world.finish()
        self._finished.append(tuple(self._taken))
        return outcome

    async def close(self) -> None:
        await self._world.close()
