"""Small programs over a few rows and a unique key, as a service would send them to Postgres.

They run against two tables::

    rows (id int PRIMARY KEY, value int NOT NULL)
    keys (key int PRIMARY KEY, row int REFERENCES rows, owner text NOT NULL)

Each step says in ``sql`` which statement it stands for, so that a program can be run against a
real server as well as in ``rowlocks``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = (
    "CREATE TABLE rows (id int PRIMARY KEY, value int NOT NULL)",
    'CREATE TABLE keys (key int PRIMARY KEY, "row" int REFERENCES rows, owner text NOT NULL)',
)

Mode = Literal["KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"]
Wait = Literal["", "NOWAIT", "SKIP LOCKED"]

Answer = int | str | None | tuple[int | str, ...]
"""What an actor is told: a value, a number of rows, values of rows, or an error's code."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Open a transaction; READ COMMITTED."""

    sql = "BEGIN"


class Commit(msgspec.Struct, frozen=True, tag=True):
    """End the transaction and publish what it wrote."""

    sql = "COMMIT"


class Rollback(msgspec.Struct, frozen=True, tag=True):
    """End the transaction and take back what it wrote."""

    sql = "ROLLBACK"


class Read(msgspec.Struct, frozen=True, tag=True):
    """Look at a row without locking it; the answer is its value."""

    row: int

    @property
    def sql(self) -> str:
        return f"SELECT value FROM rows WHERE id = {self.row}"


class Lock(msgspec.Struct, frozen=True, tag=True):
    """Lock rows in the order of their ids; the answer is their values.

    With ``when``, only rows that have this value.
    """

    rows: tuple[int, ...]
    mode: Mode = "UPDATE"
    wait: Wait = ""
    when: int | None = None

    @property
    def sql(self) -> str:
        ids = ", ".join(map(str, self.rows))
        only = "" if self.when is None else f" AND value = {self.when}"
        text = f"SELECT value FROM rows WHERE id IN ({ids}){only} ORDER BY id FOR {self.mode}"
        return f"{text} {self.wait}".rstrip()


class Write(msgspec.Struct, frozen=True, tag=True):
    """Give a row a value, or with ``add`` raise it; the answer is the number of rows changed.

    With ``when``, only if it has this value (compare and set).
    """

    row: int
    value: int
    add: bool = False
    when: int | None = None

    @property
    def sql(self) -> str:
        new = f"value + {self.value}" if self.add else str(self.value)
        only = "" if self.when is None else f" AND value = {self.when}"
        return f"UPDATE rows SET value = {new} WHERE id = {self.row}{only}"


class Insert(msgspec.Struct, frozen=True, tag=True):
    """Claim a unique key; the answer is 1, or 0 if it is taken and ``skip``, else 23505.

    ``row`` is the row it refers to by a foreign key, if any.
    """

    key: int
    row: int | None = None
    skip: bool = False

    @property
    def sql(self) -> str:
        row = "NULL" if self.row is None else str(self.row)
        text = f"""INSERT INTO keys (key, "row", owner) VALUES ({self.key}, {row}, '$OWNER')"""
        return f"{text} ON CONFLICT DO NOTHING" if self.skip else text


class Remove(msgspec.Struct, frozen=True, tag=True):
    """Give a unique key back; the answer is the number of rows removed."""

    key: int

    @property
    def sql(self) -> str:
        return f"DELETE FROM keys WHERE key = {self.key}"


class Call(msgspec.Struct, frozen=True, tag=True):
    """Call something outside of Postgres; the answer is how many such calls it has had by now."""

    thing: str

    @property
    def sql(self) -> str:
        return f"-- call {self.thing}"


class StopIf(msgspec.Struct, frozen=True, tag=True):
    """Roll back and do nothing more if the last answer was this one; not a step of its own."""

    answer: Answer

    @property
    def sql(self) -> str:
        return f"-- stop if {self.answer}"


Step = Begin | Commit | Rollback | Read | Lock | Write | Insert | Remove | Call | StopIf


class Program(msgspec.Struct, frozen=True):
    """What each actor does, and the rows (id to value) and keys it all begins with."""

    actors: dict[str, tuple[Step, ...]]
    rows: dict[int, int]
    keys: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, steps in self.actors.items():
            _check(name, steps)


def _check(name: str, steps: tuple[Step, ...]) -> None:
    """Transactions do not nest, and are not ended before they begin."""
    inside = False
    for step in steps:
        if isinstance(step, Begin | Commit | Rollback):
            if inside is isinstance(step, Begin):
                raise ValueError(f"{name}: {step.sql} {'inside' if inside else 'outside'} of one")
            inside = not inside


def owned(sql: str, actor: str) -> str:
    """The statement as ``actor`` sends it."""
    return sql.replace("$OWNER", actor)
