"""Runs scripts on a real server, and again with neighbouring steps the other way round.

Sessions run in a random order. Wherever two neighbouring steps of different sessions are said to
commute, everything is run again with these two the other way round, and nothing may differ: not
what anybody was answered, not who failed, not the state in the end. Whether they
commute is asked before they are made, or (``made``) once it is known what they did.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from real_sessions import Connection, Sessions, sessions
from shop import RESET, STATE

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.rw_conflicts import Ends
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

Scripts = dict[str, tuple[str, ...]]
LOCAL_SWAPS = 0.1
"""The share of swaps with a local step (BEGIN, say) that are tried too."""


@dataclass
class Run:
    """One execution: the steps made, who was told what, and where steps might be swapped."""

    made: list[str] = field(default_factory=list)
    answers: dict[str, list[Hashable]] = field(default_factory=dict)
    swaps: list[tuple[int, Footprint, Footprint]] = field(default_factory=list)
    state: Hashable = None
    done: dict[int, Footprint] = field(default_factory=dict)
    """By step, what it touched, if it did not wait."""
    able: list[Collection[str]] = field(default_factory=list)
    """Before each step, who could move."""
    waiting: set[str] = field(default_factory=set)
    """Those who wait, or have waited in their last step."""

    def swaps_of_what_was_done(self) -> list[tuple[int, Footprint, Footprint]]:
        """Neighbouring steps that did not wait, and touched nothing in common."""
        found = []
        for at in range(len(self.made) - 1):
            one, other = self.done.get(at), self.done.get(at + 1)
            if one is None or other is None or self.made[at] == self.made[at + 1]:
                continue
            if self.made[at + 1] in self.able[at] and not one.conflicts(other):
                found.append((at, one, other))
        return found


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
        changed, ends = ChangedColumns(), Ends()
        trackers = {
            name: TransactionTracker(self._footprints, changed=changed, ends=ends)
            for name in scripts
        }
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
                run.able.append(free)
                self._real.start(wanted, self._send(wanted, left[wanted].pop(0), run, trackers))
                blocked = set(await self._real.rest())
                run.waiting |= blocked
            run.state = await self._state(self._real.watch)
        finally:
            await self._real.end()
        return run

    async def _send(
        self, name: str, sql: str, run: Run, trackers: dict[str, TransactionTracker]
    ) -> None:
        session = self._real[name]
        trackers[name].expect([Query(sql)])
        failed, rows, at = False, None, len(run.made) - 1
        run.waiting.discard(name)
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
        waited = name in run.waiting
        touched = trackers[name].done(
            failed=failed, status=letter, waited=waited, rows=bool(rows), found=True
        )
        if not waited:
            run.done[at] = touched

    async def _state(self, watch: Connection) -> Hashable:
        cursor = await watch.execute(STATE.encode())
        return tuple(sorted(str(row) for row in await cursor.fetchall()))


def check_swaps(
    url: str,
    catalog: Catalog,
    programs: Sequence[tuple[Scripts, int]],
    begin: str = "",
    *,
    made: bool = False,
) -> int:
    """Run programs (with the seed of their order) and all their swaps.

    Every execution begins with the steps in ``begin``. Returns how many of the swaps were of two
    steps that both do something; raises ``AssertionError`` where a swap makes a difference.
    """
    names = max((list(scripts) for scripts, _ in programs), key=len)

    async def compare(player: Player, scripts: Scripts, number: int) -> int:
        first = await player.run(scripts, list(begin), random.Random(number))
        rng = random.Random(number)
        found = first.swaps_of_what_was_done() if made else first.swaps
        swaps = [swap for swap in found if _telling(swap) or rng.random() < LOCAL_SWAPS]
        for at, one, other in swaps:
            order = list(first.made)
            order[at], order[at + 1] = order[at + 1], order[at]
            told = f"program {number}: {scripts}\n{first.made}, {order}\n{one}\n{other}"
            second = await player.run(scripts, order, random.Random(number))
            if not _same(first, second):
                # A vacuum of the server's own may be what differs: that is no matter of order.
                first = await player.run(scripts, list(first.made), random.Random(number))
                second = await player.run(scripts, order, random.Random(number))
            assert second.answers == first.answers, told
            assert second.state == first.state, told
        return sum(map(_telling, swaps))

    async def run() -> int:
        async with sessions(url, names) as real:
            player = Player(real, Footprints(catalog))
            return sum([await compare(player, *program) for program in programs])

    return asyncio.run(run())


def told_by_traces(
    url: str, catalog: Catalog, scripts: Scripts, orders: Iterable[Sequence[str]]
) -> tuple[int, int]:
    """Run scripts in these orders; raises ``AssertionError`` where two that are said to differ in
    nothing but the order of steps that commute come to something else.

    Returns how many such classes there were, and how many things they came to.
    """

    async def run() -> tuple[int, int]:
        classes: dict[Hashable, tuple[Run, Sequence[str]]] = {}
        async with sessions(url, scripts) as real:
            player = Player(real, Footprints(catalog))
            for order in orders:
                made = await player.run(scripts, list(order), random.Random(0))
                if len(made.done) < len(made.made):
                    continue  # somebody waited
                first, before = classes.setdefault(_trace(made), (made, order))
                if not _same(first, made):
                    first = await player.run(scripts, list(before), random.Random(0))
                    made = await player.run(scripts, list(order), random.Random(0))
                assert _same(first, made), f"{before} {order} {first.answers} {made.answers}"
        came = {(str(made.answers), str(made.state)) for made, _ in classes.values()}
        return len(classes), len(came)

    return asyncio.run(run())


def _trace(run: Run) -> Hashable:
    """Which steps come before which others that they conflict with."""
    counts: Counter[str] = Counter()
    names = []
    for actor in run.made:
        counts[actor] += 1
        names.append((actor, counts[actor]))
    return frozenset(
        (names[one], names[other])
        for one, other in itertools.combinations(range(len(names)), 2)
        if run.done[one].conflicts(run.done[other])
    )


def _same(one: Run, other: Run) -> bool:
    return one.answers == other.answers and one.state == other.state


def _telling(swap: tuple[int, Footprint, Footprint]) -> bool:
    """Whether both steps do something."""
    return not swap[1].empty and not swap[2].empty
