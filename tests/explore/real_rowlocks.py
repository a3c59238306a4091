"""Runs a program of the model of row locks on a real server, in a schedule the model chose.

After every step it is asked of the server, not of the clock, who waits for whom.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Hashable

import psycopg
from real_sessions import Sessions, sessions
from rowprograms import SCHEMA, Answer, Program

_RESET = "DELETE FROM keys; DELETE FROM rows"
_FILL = """
    WITH filled AS (INSERT INTO rows SELECT * FROM unnest(%s::int[], %s::int[]))
    INSERT INTO keys SELECT key, NULL, '' FROM unnest(%s::int[]) AS key
"""


class Server:
    """A database with the tables of the programs, and a session for each actor."""

    def __init__(self, actors: Sessions) -> None:
        self._actors = actors
        self._sent: dict[str, int] = {}
        self._calls: dict[str, list[str]] = {}
        self.answers: dict[str, list[Answer]] = {}

    async def reset(self, program: Program) -> None:
        """The initial state of ``program``."""
        self._sent = dict.fromkeys(program.actors, 0)
        self._calls = {}
        self.answers = {name: [] for name in program.actors}
        rows, values, keys = list(program.rows), list(program.rows.values()), list(program.keys)
        await self._actors.watch.execute(_RESET)
        await self._actors.watch.execute(_FILL, (rows, values, keys))

    def send(self, actor: str, sent: tuple[str, ...]) -> None:
        """Send what is new in all that ``actor`` has to have sent, unless he waits."""
        if self._actors.busy(actor):
            return
        new = sent[self._sent[actor] :]
        self._sent[actor] = len(sent)
        if new:
            self._actors.start(actor, self._send(actor, new))

    async def blocked(self) -> dict[str, frozenset[str]]:
        """Who waits for whom once all is at rest."""
        return await self._actors.rest()

    async def outcome(self) -> Hashable:
        """As the model's."""
        rows = await self._actors.watch.execute("SELECT id, value FROM rows ORDER BY id")
        found = tuple(await rows.fetchall())
        keys = await self._actors.watch.execute("SELECT key, owner FROM keys ORDER BY key")
        return (
            (found, tuple(await keys.fetchall())),
            tuple((name, tuple(answers)) for name, answers in self.answers.items()),
            tuple(sorted((thing, tuple(by)) for thing, by in self._calls.items())),
        )

    async def end(self) -> None:
        """Leave no transaction behind."""
        await self._actors.end()

    async def _send(self, actor: str, statements: tuple[str, ...]) -> None:
        for sql in statements:
            called = re.fullmatch(r"-- call (\w+)", sql)
            if called:
                callers = self._calls.setdefault(called.group(1), [])
                callers.append(actor)
                self.answers[actor].append(len(callers))
                continue
            try:
                cursor = await self._actors[actor].execute(sql.encode())
            except psycopg.Error as error:
                self.answers[actor].append(error.sqlstate)
                continue
            if sql in ("BEGIN", "COMMIT", "ROLLBACK"):
                continue
            if cursor.description is None:
                self.answers[actor].append(cursor.rowcount)
                continue
            values = tuple(int(str(value)) for (value,) in await cursor.fetchall())
            self.answers[actor].append(values if " FOR " in sql else values[0])


@contextlib.asynccontextmanager
async def server(url: str, actors: tuple[str, ...]) -> AsyncIterator[Server]:
    """Make the tables at ``url`` and connect each of ``actors``."""
    async with sessions(url, actors) as connected:
        for table in SCHEMA:
            await connected.watch.execute(table.encode())
        yield Server(connected)
