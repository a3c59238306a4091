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

from collections.abc import Hashable
from dataclasses import dataclass, field

from rowlock_footprints import ending, held_by, statement_footprint
from rowlock_server import DEADLOCK, Failed, Server, Session, Waiting
from rowprograms import (
    Answer,
    Begin,
    Call,
    Commit,
    Lock,
    Program,
    Rollback,
    Step,
    StopIf,
    Write,
    owned,
)

from paidonce.harness.explore.control.tenures import Tenures
from paidonce.harness.explore.footprint.model import LOCAL, Footprint
from paidonce.harness.explore.search.symmetry import twins
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken

_ALONE = frozenset({"NO KEY UPDATE", "UPDATE"})
"""Modes that conflict with themselves and each other (manual, table 13.3)."""


@dataclass(eq=False)
class _Actor:
    session: Session
    steps: list[Step]
    inside: bool = False
    """A transaction is open."""
    held: Footprint = LOCAL
    """All that was locked since the transaction began."""
    written: Footprint = LOCAL
    waiting: Waiting | None = None
    doing: Footprint = LOCAL
    """What the statement it is waiting in touches."""
    answers: list[Answer] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.session.name


class RowLocks:
    """One execution of a program. It is a ``World``.

    ``defers``: it tells which steps need not be made now (see ``Pending.deferred``): statements
    that would wait for a row, and of actors that do the same the beginnings of later ones.
    """

    def __init__(self, program: Program, *, defers: bool = False) -> None:
        self.program = program
        self._twins = twins(program.actors) if defers else {}
        self._defers = defers
        self._tenures = Tenures()
        self._at = 0
        self._begun: dict[str, int] = {}
        self._actors = {
            name: _Actor(Session(name), [*steps, *_closing(steps)])
            for name, steps in program.actors.items()
        }
        self._server = Server(program)
        for actor in self._actors.values():
            self._pass_local(actor)

    # --- the world ----------------------------------------------------------------------------

    def pending(self) -> tuple[Pending, ...]:
        """Who can move: those with steps left who do not wait."""
        return tuple(
            Pending(
                actor=actor.name,
                label=self._label(actor),
                footprint=self._with_waiting(actor),
                deferred=self._deferred(actor),
            )
            for actor in self._actors.values()
            if actor.steps and actor.waiting is None
        )

    def _deferred(self, actor: _Actor) -> bool:
        twin = self._twins.get(actor.name)
        if twin is not None and actor.name not in self._begun and twin not in self._begun:
            return True
        row = self._entrance(actor)
        return row is not None and self._tenures.held(row, but=actor.name)

    def _entrance(self, actor: _Actor) -> int | None:
        """The row that the next statement begins by locking, whatever is in it, where the actor
        holds nothing yet."""
        if not self._defers or not actor.held.empty:
            return None
        match actor.steps[0]:
            case Lock(rows=(row,), mode="UPDATE" | "NO KEY UPDATE", wait="", when=None):
                return row
            case Write(row=row, when=None):
                return row
        return None

    @property
    def blocked(self) -> tuple[str, ...]:
        """Who waits for a lock."""
        return tuple(a.name for a in self._actors.values() if a.waiting is not None)

    @property
    def queued(self) -> int:
        """The most that wait for one thing: with two, a real server leaves it to chance."""
        return self._server.locks.longest()

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
        row = self._entrance(mover)
        tenures = () if row is None else self._tenures.past(row, but=actor)
        follows = self._begun.get(self._twins.get(actor, "")) if actor not in self._begun else None
        before = self._alone(actor)
        touched = self._execute(mover)
        for name in self._alone(actor) - before:
            self._tenures.acquired(name, actor, self._at, by=actor)
        woken, more = self._wake()
        self._begun.setdefault(actor, self._at)
        self._at += 1
        return Taken(
            actor=actor,
            label=label,
            footprint=touched.union(more),
            enabled=enabled,
            blocked=mover.waiting is not None,
            woken=tuple(sorted(woken)),
            tenures=tenures,
            follows=follows,
        )

    def _alone(self, actor: str) -> set[int]:
        """The rows that ``actor`` keeps others from locking in any mode that excludes others."""
        return {
            number
            for (kind, number), holder, mode in self._server.locks.held()
            if kind == "row" and holder == actor and mode in _ALONE
        }

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
            self.committed(),
            tuple((actor.name, tuple(actor.answers)) for actor in self._actors.values()),
            tuple(sorted((thing, tuple(callers)) for thing, callers in self._server.calls.items())),
        )

    async def close(self) -> None:
        """Forget the waiting statements."""
        for actor in self._actors.values():
            if actor.waiting is not None:
                actor.waiting.close()

    def committed(self) -> Hashable:
        """The rows, and the keys with their owners, as everybody sees them."""
        server = self._server
        owners = sorted((key, server.owners[entry]) for key, entry in server.keys.items())
        return tuple(sorted(server.rows.items())), tuple(owners)

    def locked(self) -> Hashable:
        """Who holds what, and in which modes."""
        return self._server.locks.held()

    def blockers(self, actor: str) -> frozenset[str]:
        """Whom ``actor`` waits for; empty if it does not wait."""
        return self._server.locks.blockers(actor)

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
        if not isinstance(step, Call):
            actor.written = actor.written.union(Footprint(publishes=statement.publishes))
        actor.doing = touched
        actor.waiting = self._server.statement(actor.session, step)
        self._resume(actor)
        return touched

    def _resume(self, actor: _Actor) -> None:
        """Let a statement go on until it waits or is over."""
        assert actor.waiting is not None
        try:
            waits = next(actor.waiting)
            if self._server.locks.in_a_cycle(waits):
                actor.waiting.throw(Failed(DEADLOCK))
        except StopIteration as over:
            actor.waiting = None
            actor.answers.append(over.value)
            if not actor.inside:
                self._end(actor, commit=True)
        except Failed as failure:
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
        self._server.end(actor.session, commit=commit)
        self._tenures.released(actor.name, self._at)
        actor.held = actor.written = LOCAL

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
        while (name := self._server.locks.next_served()) is not None:
            actor = self._actors[name]
            touched = touched.union(actor.doing)
            self._resume(actor)
            if actor.waiting is None:
                woken.add(name)
        return woken, touched


def _closing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Who goes away inside a transaction rolls it back."""
    last = next((s for s in reversed(steps) if isinstance(s, Begin | Commit | Rollback)), None)
    return (Rollback(),) if isinstance(last, Begin) else ()


class RowLocksWorlds:
    """Fresh executions of one program. It is a ``Worlds``; ``defers`` as in ``RowLocks``."""

    def __init__(self, program: Program, *, defers: bool = False) -> None:
        self.program = program
        self._defers = defers

    async def fresh(self) -> RowLocks:
        """A new execution."""
        return RowLocks(self.program, defers=self._defers)
