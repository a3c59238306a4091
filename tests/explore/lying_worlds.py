"""Worlds whose footprints lie, or tell the truth: what a search relies on can be wrong in each.

A program is a sequence of ``Do``. What a step does is one thing, what it claims to touch another.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest
from paidonce.harness.explore.search import DepthFirst, Judge, Reduced, SearchResult, search
from paidonce.harness.explore.search.world import ANSWER, COMMITS, Pending, Taken, Tenure
from paidonce.harness.explore.validate.claims import Claims
from paidonce.harness.explore.validate.lab import Lab, Lane
from paidonce.harness.explore.validate.learnt import Learning, Pair
from paidonce.harness.explore.validate.noting import Noting
from paidonce.harness.explore.validate.validating import Validated, validated
from paidonce.harness.explore.validate.ways import Ways
from paidonce.harness.verdict import Status, Verdict

Values = dict[str, int]
_ALL = itertools.count()
Act = Callable[[Values, Values], str | None]
"""Does something with what is shared and what is the actor's own; returns what is answered."""


@dataclass(frozen=True)
class Do:
    """One step. ``first`` is done before a lock is waited for; ``ends`` what comes at its end: in
    another step where statements are held open. ``unless`` leaves it out."""

    label: str
    act: Act = lambda shared, own: None
    claims: Footprint = Footprint()  # noqa: RUF009
    moment: bool = False
    ends: Act | None = None
    takes: str = ""
    gives: str = ""
    first: Act | None = None
    unless: Callable[[Values], bool] = lambda own: False


Programs = Mapping[str, Sequence[Do]]


@dataclass
class Worlds:
    """``held`` holds open what is a moment; ``late`` defers who would only wait for a lock, and
    the beginning of an actor whose twin has not begun."""

    programs: Programs
    held: bool = False
    late: bool = False
    twins: Mapping[str, str] = field(default_factory=dict)
    counting: bool = False
    """Whether an outcome has a part that counts all executions."""
    begun: int = 0

    async def fresh(self) -> World:
        self.begun += 1
        return World(self)


class World:
    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._shared: Values = {}
        self._own: dict[str, Values] = {actor: {} for actor in worlds.programs}
        self._at = dict.fromkeys(worlds.programs, 0)
        self._open: dict[str, Do] = {}
        self._holder: dict[str, tuple[str, int]] = {}
        self._over: dict[str, list[Tenure]] = {}
        self._waits: dict[str, Do] = {}
        self._answers: dict[str, AnswerDigest] = {}
        self._begun: dict[str, int] = {}
        self._steps = 0

    def _next(self, actor: str) -> Do | None:
        program = self._worlds.programs[actor]
        while self._at[actor] < len(program) and program[self._at[actor]].unless(self._own[actor]):
            self._at[actor] += 1
        return program[self._at[actor]] if self._at[actor] < len(program) else None

    def pending(self) -> tuple[Pending, ...]:
        return tuple(found for actor in self._worlds.programs if (found := self._pending(actor)))

    def _pending(self, actor: str) -> Pending | None:
        if actor in self._waits:
            return None
        if actor in self._answers:
            return Pending(actor=actor, label=ANSWER, footprint=Footprint())
        if actor in self._open:
            return Pending(actor=actor, label=COMMITS, footprint=self._open[actor].claims)
        do = self._next(actor)
        if do is None:
            return None
        taken = do.takes in self._holder and self._holder[do.takes][0] != actor
        twin = self._worlds.twins.get(actor)
        deferred = self._worlds.late and (
            bool(do.takes and taken)
            or (twin is not None and twin not in self._begun and actor not in self._begun)
        )
        return Pending(actor=actor, label=do.label, footprint=do.claims, deferred=deferred)

    async def step(self, actor: str) -> Taken:
        pending = self._pending(actor)
        assert pending is not None
        enabled = tuple(one.actor for one in self.pending())
        do, at, woken = self._next(actor), self._steps, ()
        self._steps += 1
        twin = self._worlds.twins.get(actor)
        first = actor not in self._begun
        follows = self._begun.get(twin) if twin and first else None
        self._begun.setdefault(actor, at)
        heard, blocked, tenures = NOTHING, False, ()
        if pending.label == ANSWER:
            heard = self._answers.pop(actor)
        elif actor in self._open:
            self._act(actor, self._open.pop(actor).ends)
        else:
            assert do is not None
            self._at[actor] += 1
            heard = self._act(actor, do.first)
            if do.takes:
                tenures = tuple(self._over.get(do.takes, ()))
                blocked = do.takes in self._holder
                if blocked:
                    self._waits[actor] = do
                else:
                    self._holder[do.takes] = actor, at
            if not blocked:
                heard = heard.then(self._act(actor, do.act))
                if do.ends is not None and self._worlds.held:
                    self._open[actor] = do
                else:
                    self._act(actor, do.ends)
            if do.gives:
                woken = self._give(actor, do.gives, at)
        return Taken(
            actor=actor,
            label=pending.label,
            footprint=pending.footprint,
            enabled=enabled,
            blocked=blocked,
            woken=woken,
            tenures=tenures if self._worlds.late else (),
            follows=follows if self._worlds.late else None,
            heard=heard,
            moment=do is not None and do.moment and pending.label == do.label,
        )

    def _give(self, actor: str, lock: str, at: int) -> tuple[str, ...]:
        _, since = self._holder.pop(lock)
        self._over.setdefault(lock, []).append(Tenure(actor, since, at))
        waiting = [one for one, do in self._waits.items() if do.takes == lock]
        if not waiting:
            return ()
        next_one = waiting[0]
        do = self._waits.pop(next_one)
        self._holder[lock] = next_one, at
        self._answers[next_one] = self._act(next_one, do.act)
        self._act(next_one, do.ends)
        return (next_one,)

    def _act(self, actor: str, act: Act | None) -> AnswerDigest:
        told = None if act is None else act(self._shared, self._own[actor])
        return NOTHING if told is None else AnswerDigest(told, told)

    async def finish(self) -> Hashable:
        assert not self.pending()
        counted = {"begun": next(_ALL)} if self._worlds.counting else {}
        shared = tuple(sorted({**self._shared, **counted}.items()))
        return shared, tuple((a, tuple(sorted(own.items()))) for a, own in self._own.items())

    async def close(self) -> None:
        pass


def told(outcome: Hashable, actor: str) -> Hashable:
    assert isinstance(outcome, tuple)
    return dict(outcome[1])[actor]


def exchanged(outcome: Hashable, names: Mapping[str, str]) -> Hashable:
    assert isinstance(outcome, tuple)
    own = dict(outcome[1])
    return outcome[0], tuple((actor, own[names.get(actor, actor)]) for actor in own)


def differing(one: Hashable, other: Hashable) -> frozenset[str] | None:
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    if one[1] != other[1]:
        return None
    return frozenset(name for name, _ in {*one[0]} ^ {*other[0]})


def without(outcome: Hashable, names: frozenset[str]) -> Hashable:
    assert isinstance(outcome, tuple)
    return tuple(pair for pair in outcome[0] if pair[0] not in names), outcome[1]


def harmless(outcome: Hashable) -> Verdict:
    return Verdict(checker="toy", status=Status.VALID, reason="good")


def tried(
    programs: Programs,
    *,
    twins: Mapping[str, str] | None = None,
    late: bool = False,
    judge: Judge = harmless,
    pairs: frozenset[Pair] = frozenset(),
    most: int | None = None,
    seconds: float = 60.0,
    lanes: int = 1,
    counting: bool = False,
    reduced: bool = True,
) -> tuple[SearchResult, Validated, Claims]:
    """A search, reduced or not, and what trying its claims has shown."""

    async def run() -> tuple[SearchResult, Validated, Claims]:
        loop = asyncio.get_running_loop()
        claims, ways = Claims(), Ways(told, twins)
        late_worlds = Worlds(programs, late=late, twins=twins or {}, counting=counting)
        result = await search(
            [Learning(late_worlds, pairs)],
            judge,
            Noting(Reduced() if reduced else DepthFirst(), claims, ways),
        )
        lab = Lab(
            lanes=[
                Lane(
                    Learning(Worlds(programs, counting=counting), pairs),
                    Learning(Worlds(programs, held=True, counting=counting), pairs),
                )
                for _ in range(lanes)
            ],
            judge=judge,
            told=told,
            exchanged=exchanged,
            differing=differing,
            without=without,
            known=frozenset(result.outcomes),
            deadline=loop.time() + seconds,
            most=most,
        )
        found = await validated(claims, lab, twins or {}, ways.suspicion, reduced=reduced)
        return result, found, claims

    return asyncio.run(run())
