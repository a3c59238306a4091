"""Postgres's row locks and unique keys at READ COMMITTED, as a world to be searched.

A reference to check searches against: small, deterministic, and tested to agree with a real
server. The rules are those of the PostgreSQL manual, sections 13.2.1 (READ COMMITTED: a
statement that had to wait looks again at the newest version of the row), 13.3.2 (row locks and
which of them conflict) and 13.3.4 (deadlocks), and of ``src/backend/access/heap/README.tuplock``
(who wants a row that is locked queues for it; who is compatible with the holders does not).

Where a real server leaves it to chance, the model decides: the one whose request closes a cycle
is the deadlock's victim, and whoever waited longest is served first.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass, field

from harness.explore.footprint import LOCAL, Footprint
from harness.explore.world import InvalidRun, Pending, Taken
from harness.models.rowlock_footprints import ending, held_by, statement_footprint
from harness.models.rowlock_table import Locks, Name, Waits
from harness.models.rowprograms import (
    Answer,
    Begin,
    Call,
    Commit,
    Insert,
    Lock,
    Program,
    Read,
    Remove,
    Rollback,
    Step,
    StopIf,
    Write,
    owned,
)

UNIQUE_VIOLATION = "23505"
DEADLOCK = "40P01"
LOCK_NOT_AVAILABLE = "55P03"

_Waiting = Generator[Waits, None, Answer]


class _Failed(Exception):
    """A statement failed; ``args[0]`` is the code."""


@dataclass(eq=False)
class _Actor:
    name: str
    steps: list[Step]
    inside: bool = False
    """A transaction is open."""
    writes: dict[int, int] = field(default_factory=dict)
    inserted: dict[int, int] = field(default_factory=dict)
    """Keys claimed, and the number of the entry."""
    removed: set[int] = field(default_factory=set)
    """Numbers of the entries removed."""
    held: Footprint = LOCAL
    """All that was locked since the transaction began."""
    written: Footprint = LOCAL
    waiting: _Waiting | None = None
    doing: Footprint = LOCAL
    """What the statement it is waiting in touches."""
    answers: list[Answer] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)


class RowLocks:
    """One execution of a program. It is a ``World``."""

    def __init__(self, program: Program) -> None:
        self._actors = {
            name: _Actor(name, [*steps, *_closing(steps)]) for name, steps in program.actors.items()
        }
        self._rows = dict(program.rows)
        self._keys = {key: number for number, key in enumerate(program.keys, start=1)}
        """Committed entries: the number tells one from a later one with the same key."""
        self._owners = dict.fromkeys(self._keys.values(), "")
        self._locks = Locks()
        self._calls: dict[str, list[str]] = {}
        for actor in self._actors.values():
            self._pass_local(actor)

    # --- the world ----------------------------------------------------------------------------

    def pending(self) -> tuple[Pending, ...]:
        """Who can move: those with steps left who do not wait."""
        return tuple(
            Pending(actor=actor.name, label=self._label(actor), footprint=self._with_waiting(actor))
            for actor in self._actors.values()
            if actor.steps and actor.waiting is None
        )

    @property
    def blocked(self) -> tuple[str, ...]:
        """Who waits for a lock."""
        return tuple(a.name for a in self._actors.values() if a.waiting is not None)

    @property
    def queued(self) -> int:
        """The most that wait for one thing: with two, a real server leaves it to chance."""
        return self._locks.longest()

    async def step(self, actor: str) -> Taken:
        """See ``World.step``."""
        return self.advance(actor)

    def advance(self, actor: str) -> Taken:
        """The same without a loop to run in."""
        enabled = tuple(pending.actor for pending in self.pending())
        if actor not in enabled:
            raise InvalidRun(f"{actor} cannot move; those that can: {', '.join(enabled) or 'none'}")
        mover = self._actors[actor]
        label = self._label(mover)
        touched = self._execute(mover)
        woken, more = self._wake()
        return Taken(
            actor=actor,
            label=label,
            footprint=touched.union(more),
            enabled=enabled,
            blocked=mover.waiting is not None,
            woken=tuple(sorted(woken)),
        )

    async def finish(self) -> Hashable:
        """See ``World.finish``."""
        return self.outcome()

    def outcome(self) -> Hashable:
        """The rows, the keys and their owners, what each was told, and who called what.

        The order in which one thing was called is part of it (the callers were told), the order
        of calls to different things is not.
        """
        if self.blocked:
            raise InvalidRun(f"still waiting for a lock: {', '.join(self.blocked)}")
        return (
            tuple(sorted(self._rows.items())),
            tuple(sorted((key, self._owners[entry]) for key, entry in self._keys.items())),
            tuple((actor.name, tuple(actor.answers)) for actor in self._actors.values()),
            tuple(sorted((thing, tuple(callers)) for thing, callers in self._calls.items())),
        )

    async def close(self) -> None:
        """Forget the waiting statements."""
        for actor in self._actors.values():
            if actor.waiting is not None:
                actor.waiting.close()

    def blockers(self, actor: str) -> frozenset[str]:
        """Whom ``actor`` waits for; empty if it does not wait."""
        return self._locks.blockers(actor)

    def answers(self, actor: str) -> tuple[Answer, ...]:
        """What ``actor`` was told so far."""
        return tuple(self._actors[actor].answers)

    def sent(self, actor: str) -> tuple[str, ...]:
        """All the SQL ``actor`` has sent, with what was no choice."""
        return tuple(self._actors[actor].sent)

    # --- footprints ---------------------------------------------------------------------------

    def _label(self, actor: _Actor) -> str:
        return owned(actor.steps[0].sql, actor.name)

    def _footprint(self, actor: _Actor) -> Footprint:
        step = actor.steps[0]
        if isinstance(step, Commit | Rollback):
            return ending(actor.held, actor.written, commit=isinstance(step, Commit))
        return statement_footprint(step, actor.name, actor.inside, actor.held)

    def _with_waiting(self, actor: _Actor) -> Footprint:
        """What a step touches with what it may let others do, who may let others do more."""
        found = self._footprint(actor)
        waiting = [a.doing for a in self._actors.values() if a.waiting is not None]
        grown = True
        while grown:
            grown = False
            for doing in list(waiting):
                if found.conflicts(doing):
                    found, grown = found.union(doing), True
                    waiting.remove(doing)
        return found

    # --- execution ----------------------------------------------------------------------------

    def _execute(self, actor: _Actor) -> Footprint:
        touched = self._footprint(actor)
        step = actor.steps.pop(0)
        actor.sent.append(owned(step.sql, actor.name))
        if isinstance(step, Commit | Rollback):
            self._end(actor, commit=isinstance(step, Commit))
            actor.inside = False
            self._pass_local(actor)
            return touched
        statement = statement_footprint(step, actor.name, inside=False, held=LOCAL)
        actor.held = actor.held.union(held_by(statement))
        actor.written = actor.written.union(Footprint(publishes=statement.publishes))
        actor.doing = touched
        actor.waiting = self._statement(actor, step)
        self._resume(actor)
        return touched

    def _resume(self, actor: _Actor) -> None:
        """Let a statement go on until it waits or is over."""
        assert actor.waiting is not None
        try:
            waits = next(actor.waiting)
            if self._locks.in_a_cycle(waits):
                actor.waiting.throw(_Failed(DEADLOCK))
        except StopIteration as over:
            actor.waiting = None
            actor.answers.append(over.value)
            if not actor.inside:
                self._end(actor, commit=True)
        except _Failed as failure:
            actor.waiting = None
            actor.answers.append(str(failure.args[0]))
            self._fail(actor)
        else:
            return
        self._pass_local(actor)

    def _fail(self, actor: _Actor) -> None:
        """A failed statement takes its transaction with it, and its locks, at once."""
        self._end(actor, commit=False)
        if actor.inside:
            actor.inside = False
            actor.sent.append(Rollback.sql)
            while not isinstance(actor.steps.pop(0), Commit | Rollback):
                pass

    def _end(self, actor: _Actor, *, commit: bool) -> None:
        if commit:
            self._rows.update(actor.writes)
            gone = actor.removed
            self._keys = {key: e for key, e in self._keys.items() if e not in gone}
            self._keys.update(actor.inserted)
        actor.writes, actor.inserted, actor.removed = {}, {}, set()
        actor.held = actor.written = LOCAL
        self._locks.release(actor.name)

    def _pass_local(self, actor: _Actor) -> None:
        """Make the steps that are not choices: they commute with every other."""
        while actor.steps:
            match actor.steps[0]:
                case Begin() as step:
                    actor.inside = True
                    actor.sent.append(step.sql)
                case Commit() | Rollback() as step if self._footprint(actor).empty:
                    actor.sent.append(step.sql)
                    self._end(actor, commit=False)
                    actor.inside = False
                case StopIf(answer=answer):
                    if actor.answers and actor.answers[-1] == answer:
                        actor.steps = [actor.steps[0], *([Rollback()] if actor.inside else [])]
                case _:
                    return
            actor.steps.pop(0)

    def _wake(self) -> tuple[set[str], Footprint]:
        """Let go on who can, longest waiting first, until nobody can."""
        woken: set[str] = set()
        touched = LOCAL
        while (name := self._locks.next_served()) is not None:
            actor = self._actors[name]
            touched = touched.union(actor.doing)
            self._resume(actor)
            if actor.waiting is None:
                woken.add(name)
        return woken, touched

    # --- statements -----------------------------------------------------------------------------

    def _statement(self, actor: _Actor, step: Step) -> _Waiting:
        match step:
            case Read(row=row):
                return self._sees(actor, row)
            case Lock():
                return (yield from self._lock(actor, step))
            case Write():
                return (yield from self._write(actor, step))
            case Insert():
                return (yield from self._insert(actor, step))
            case Remove(key=key):
                return (yield from self._remove(actor, key))
            case Call(thing=thing):
                callers = self._calls.setdefault(thing, [])
                callers.append(actor.name)
                return len(callers)
            case _:
                raise AssertionError(f"{step} is not a statement")

    def _sees(self, actor: _Actor, row: int) -> int | None:
        return actor.writes.get(row, self._rows.get(row))

    def _lock(self, actor: _Actor, step: Lock) -> _Waiting:
        rows = [row for row in sorted(step.rows) if self._matches(actor, row, step.when)]
        found: list[int | str] = []
        for row in rows:
            name: Name = ("row", row)
            if step.wait and not self._locks.free(actor.name, name, step.mode):
                if step.wait == "NOWAIT":
                    raise _Failed(LOCK_NOT_AVAILABLE)
                continue
            yield from self._locks.take(actor.name, name, step.mode)
            if self._matches(actor, row, step.when):
                value = self._sees(actor, row)
                assert value is not None
                found.append(value)
        return tuple(found)

    def _matches(self, actor: _Actor, row: int, when: int | None) -> bool:
        value = self._sees(actor, row)
        return value is not None and when in (None, value)

    def _write(self, actor: _Actor, step: Write) -> _Waiting:
        if not self._matches(actor, step.row, step.when):
            return 0
        yield from self._locks.take(actor.name, ("row", step.row), "NO KEY UPDATE")
        if not self._matches(actor, step.row, step.when):
            return 0
        before = self._sees(actor, step.row)
        assert before is not None
        actor.writes[step.row] = before + step.value if step.add else step.value
        return 1

    def _insert(self, actor: _Actor, step: Insert) -> _Waiting:
        # Who inserts waits for the end of whoever inserted or removed the same key before, not
        # in a queue with others: hence not for a place in the row's line.
        name: Name = ("key", step.key)
        had = self._locks.holds(actor.name, name)
        yield from self._locks.take(actor.name, name, "UPDATE", queue=False)
        if self._entry(actor, step.key) is not None:
            if step.skip:
                if not had:
                    self._locks.drop(actor.name, name)
                return 0
            raise _Failed(UNIQUE_VIOLATION)
        entry = len(self._owners) + 1
        self._owners[entry] = actor.name
        actor.inserted[step.key] = entry
        if step.row is not None:
            yield from self._locks.take(actor.name, ("row", step.row), "KEY SHARE")
        return 1

    def _remove(self, actor: _Actor, key: int) -> _Waiting:
        entry = self._entry(actor, key)
        if entry is None:
            return 0
        name: Name = ("key", key)
        had = self._locks.holds(actor.name, name)
        yield from self._locks.take(actor.name, name, "UPDATE")
        if self._entry(actor, key) != entry:
            if not had:
                self._locks.drop(actor.name, name)  # there is no row left to be locked
            return 0
        if key in actor.inserted:
            del actor.inserted[key]
        else:
            actor.removed.add(entry)
        return 1

    def _entry(self, actor: _Actor, key: int) -> int | None:
        """The number of the entry for ``key`` that ``actor`` sees."""
        if key in actor.inserted:
            return actor.inserted[key]
        entry = self._keys.get(key)
        return None if entry in actor.removed else entry


def _closing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Who goes away inside a transaction rolls it back."""
    last = next((s for s in reversed(steps) if isinstance(s, Begin | Commit | Rollback)), None)
    return (Rollback(),) if isinstance(last, Begin) else ()


class RowLocksWorlds:
    """Fresh executions of one program. It is a ``Worlds``."""

    def __init__(self, program: Program) -> None:
        self.program = program

    async def fresh(self) -> RowLocks:
        """A new execution."""
        return RowLocks(self.program)
