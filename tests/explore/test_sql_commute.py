"""Footprints of SQL say never too little: asked of a real server.

Sessions run in a random order. Wherever two neighbouring steps of different sessions are said to
commute, everything is run again with these two the other way round, and nothing may differ: not
what anybody was answered, not who failed, not the state in the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from dataclasses import dataclass, field

import psycopg
import pytest
from real_sessions import Connection, Sessions, sessions
from shop import RESET, SCHEMA, STATE, program

from harness.explore.footprint import Footprint
from harness.explore.sql.catalog import Catalog
from harness.explore.sql.changed import ChangedColumns
from harness.explore.sql.read import read_catalog
from harness.explore.sql.statement import Footprints
from harness.explore.sql.transaction import Query, TransactionTracker

NAMES = ("a", "b")
Scripts = dict[str, tuple[str, ...]]
PROGRAMS = range(300)
LOCAL_SWAPS = 0.1
"""The share of swaps with a local step (BEGIN, say) that are tried too."""


@dataclass
class Run:
    """One execution: the steps made, who was told what, and where steps might be swapped."""

    made: list[str] = field(default_factory=list)
    answers: dict[str, list[Hashable]] = field(default_factory=dict)
    swaps: list[tuple[int, Footprint, Footprint]] = field(default_factory=list)
    state: Hashable = None


class Player:
    """Runs scripts on a real server, with a tracker beside each session."""

    def __init__(self, real: Sessions, footprints: Footprints) -> None:
        self._real = real
        self._footprints = footprints

    async def run(self, scripts: Scripts, order: list[str], rng: random.Random) -> Run:
        """Make the steps in ``order`` as far as they can be made, then others at random."""
        await self._real.watch.execute(RESET.encode())
        run = Run(answers={name: [] for name in scripts})
        left = {name: list(script) for name, script in scripts.items()}
        changed = ChangedColumns()
        trackers = {name: TransactionTracker(self._footprints, changed=changed) for name in scripts}
        blocked: set[str] = set()
        expected: dict[str, Footprint] = {}
        before: tuple[str, dict[str, Footprint]] | None = None
        try:
            while free := [name for name in scripts if left[name] and name not in blocked]:
                expected = {name: trackers[name].expect([Query(left[name][0])]) for name in free}
                wanted = order[len(run.made)] if len(run.made) < len(order) else rng.choice(free)
                assert wanted in free, f"{wanted} cannot move where it could before: {run.made}"
                if before is not None and before[0] != wanted and wanted in before[1]:
                    one, other = before[1][before[0]], before[1][wanted]
                    if not one.conflicts(other):
                        run.swaps.append((len(run.made) - 1, one, other))
                before = (wanted, expected)
                run.made.append(wanted)
                self._real.start(wanted, self._send(wanted, left[wanted].pop(0), run, trackers))
                blocked = set(await self._real.rest())
            run.state = await self._state(self._real.watch)
        finally:
            await self._real.end()
        return run

    async def _send(
        self, name: str, sql: str, run: Run, trackers: dict[str, TransactionTracker]
    ) -> None:
        session = self._real[name]
        trackers[name].expect([Query(sql)])
        failed = False
        try:
            cursor = await session.execute(sql.encode())
            rows = await cursor.fetchall() if cursor.description is not None else None
            found: Hashable = cursor.rowcount if rows is None else tuple(rows)
        except psycopg.Error as error:
            found, failed = error.sqlstate, True
        run.answers[name].append((sql, found))
        status = session.info.transaction_status
        letter = {
            psycopg.pq.TransactionStatus.IDLE: "I",
            psycopg.pq.TransactionStatus.INTRANS: "T",
            psycopg.pq.TransactionStatus.INERROR: "E",
        }[status]
        trackers[name].done(failed=failed, status=letter)

    async def _state(self, watch: Connection) -> Hashable:
        cursor = await watch.execute(STATE.encode())
        return tuple(sorted(str(row) for row in await cursor.fetchall()))


@pytest.fixture
def shop(explore_url: str) -> tuple[str, Catalog]:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    return explore_url, read_catalog(explore_url)


def test_steps_that_are_said_to_commute_do(shop: tuple[str, Catalog]) -> None:
    url, catalog = shop

    async def compare(player: Player, number: int) -> int:
        scripts = program(random.Random(number), NAMES)
        first = await player.run(scripts, [], random.Random(number))
        rng = random.Random(number)
        swaps = [swap for swap in first.swaps if _telling(swap) or rng.random() < LOCAL_SWAPS]
        for at, one, other in swaps:
            order = list(first.made)
            order[at], order[at + 1] = order[at + 1], order[at]
            told = f"program {number}: {scripts}\n{first.made}, {order}\n{one}\n{other}"
            second = await player.run(scripts, order, random.Random(number))
            assert second.answers == first.answers, told
            assert second.state == first.state, told
        return sum(map(_telling, swaps))

    async def run() -> int:
        async with sessions(url, NAMES) as real:
            player = Player(real, Footprints(catalog))
            return sum([await compare(player, number) for number in PROGRAMS])

    assert asyncio.run(run()) > len(PROGRAMS) / 4


def _telling(swap: tuple[int, Footprint, Footprint]) -> bool:
    """Whether both steps do something."""
    return not swap[1].empty and not swap[2].empty
