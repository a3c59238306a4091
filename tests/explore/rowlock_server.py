"""What the statements of ``rowprograms`` do to rows and keys, waiting where Postgres would."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from rowlock_table import Locks, Name, Waits
from rowprograms import (
    Answer,
    Call,
    Insert,
    Lock,
    Program,
    Read,
    Remove,
    Step,
    Write,
)

UNIQUE_VIOLATION = "23505"
DEADLOCK = "40P01"
LOCK_NOT_AVAILABLE = "55P03"

Waiting = Generator[Waits, None, Answer]
"""A statement that can be resumed; it returns its answer."""


class Failed(Exception):
    """A statement failed; ``args[0]`` is the code."""


@dataclass(eq=False)
class Session:
    """What a transaction has done and not committed."""

    name: str
    writes: dict[int, int] = field(default_factory=dict)
    inserted: dict[int, int] = field(default_factory=dict)
    """Keys claimed, and the number of the entry."""
    removed: set[int] = field(default_factory=set)
    """Numbers of the entries removed."""


class Server:
    """The committed rows and keys, the locks, and the outside world."""

    def __init__(self, program: Program) -> None:
        self.rows = dict(program.rows)
        self.keys = {key: number for number, key in enumerate(program.keys, start=1)}
        """Entries by key: the number tells one from a later one with the same key."""
        self.owners = dict.fromkeys(self.keys.values(), "")
        self.locks = Locks()
        self.calls: dict[str, list[str]] = {}
        """Who called what, in order."""

    def end(self, session: Session, *, commit: bool) -> None:
        """End a transaction: publish what it did, or not, and let go of its locks."""
        if commit:
            self.rows.update(session.writes)
            gone = session.removed
            self.keys = {key: entry for key, entry in self.keys.items() if entry not in gone}
            self.keys.update(session.inserted)
        session.writes, session.inserted, session.removed = {}, {}, set()
        self.locks.release(session.name)

    def statement(self, session: Session, step: Step) -> Waiting:
        """Run a statement; what is returned suspends itself wherever it has to wait.

        Raises ``Failed`` out of the generator.
        """
        match step:
            case Read(row=row):
                return self._sees(session, row)
            case Lock():
                return (yield from self._lock(session, step))
            case Write():
                return (yield from self._write(session, step))
            case Insert():
                return (yield from self._insert(session, step))
            case Remove(key=key):
                return (yield from self._remove(session, key))
            case Call(thing=thing):
                callers = self.calls.setdefault(thing, [])
                callers.append(session.name)
                return len(callers)
            case _:
                raise AssertionError(f"{step} is not a statement")

    def _sees(self, session: Session, row: int) -> int | None:
        return session.writes.get(row, self.rows.get(row))

    def _lock(self, session: Session, step: Lock) -> Waiting:
        rows = [row for row in sorted(step.rows) if self._matches(session, row, step.when)]
        found: list[int | str] = []
        for row in rows:
            name: Name = ("row", row)
            if step.wait and not self.locks.free(session.name, name, step.mode):
                if step.wait == "NOWAIT":
                    raise Failed(LOCK_NOT_AVAILABLE)
                continue
            yield from self.locks.take(session.name, name, step.mode)
            if self._matches(session, row, step.when):
                value = self._sees(session, row)
                assert value is not None
                found.append(value)
        return tuple(found)

    def _matches(self, session: Session, row: int, when: int | None) -> bool:
        value = self._sees(session, row)
        return value is not None and when in (None, value)

    def _write(self, session: Session, step: Write) -> Waiting:
        if not self._matches(session, step.row, step.when):
            return 0
        yield from self.locks.take(session.name, ("row", step.row), "NO KEY UPDATE")
        if not self._matches(session, step.row, step.when):
            return 0
        before = self._sees(session, step.row)
        assert before is not None
        session.writes[step.row] = before + step.value if step.add else step.value
        return 1

    def _insert(self, session: Session, step: Insert) -> Waiting:
        # Who inserts waits for the end of whoever inserted or removed the same key before, not
        # in a queue with others: hence not for a place in the row's line.
        name: Name = ("key", step.key)
        had = self.locks.holds(session.name, name)
        yield from self.locks.take(session.name, name, "UPDATE", queue=False)
        if self._entry(session, step.key) is not None:
            if step.skip:
                if not had:
                    self.locks.drop(session.name, name)
                return 0
            raise Failed(UNIQUE_VIOLATION)
        entry = len(self.owners) + 1
        self.owners[entry] = session.name
        session.inserted[step.key] = entry
        if step.row is not None:
            yield from self.locks.take(session.name, ("row", step.row), "KEY SHARE")
        return 1

    def _remove(self, session: Session, key: int) -> Waiting:
        entry = self._entry(session, key)
        if entry is None:
            return 0
        name: Name = ("key", key)
        had = self.locks.holds(session.name, name)
        yield from self.locks.take(session.name, name, "UPDATE")
        if self._entry(session, key) != entry:
            if not had:
                self.locks.drop(session.name, name)  # there is no row left to be locked
            return 0
        if key in session.inserted:
            del session.inserted[key]
        else:
            session.removed.add(entry)
        return 1

    def _entry(self, session: Session, key: int) -> int | None:
        """The number of the entry for ``key`` that ``actor`` sees."""
        if key in session.inserted:
            return session.inserted[key]
        entry = self.keys.get(key)
        return None if entry in session.removed else entry
