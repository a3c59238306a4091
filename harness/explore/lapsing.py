"""Leases that run out: a service that takes some is searched again, with time that ends them.

In a search nobody is slow, so a lease that attempts take holds for ever, and what comes once it has
run out is not seen. Keys of Redis end when their time has passed, which can be made to pass at any
place of an execution; a lease in a row ends when the time that it has is moved into the past. That
is one actor more, as ``[[time]]`` of a target file is. What is in the service's own hands ends by
nothing that is known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from psycopg import sql

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.leases import Lease
from paidonce.harness.explore.control.run_outs import words
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.explore.control.time_windows import LONGEST_WINDOW_S
from paidonce.harness.service.passing import EVERY_LEASE_OVER, Passing

_TIMES = """
    SELECT taken.of, a.attname, n.nspname, c.relname
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest(%s::text[], %s::text[]) AS taken (of, by)
    ON taken.by = a.attname AND taken.of IN (c.relname, '')
    WHERE a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname NOT LIKE 'paidonce\\_%%' AND NOT a.attisdropped
    ORDER BY 1, 2, 3, 4
"""
# Rows whose time is further from now than any lease or window of time are left as they are.
_ENDS = sql.SQL(
    "UPDATE {table} SET {column} = {column} - make_interval(secs => {further}) "
    "WHERE {column} > now() - make_interval(secs => {longest}) "
    "AND {column} < now() + make_interval(secs => {longest})"
)


_CLOCKS = re.compile(
    r"\b(?:now\s*\(|clock_timestamp|statement_timestamp|transaction_timestamp|current_timestamp"
    r"|localtimestamp|age\s*\()",
    re.IGNORECASE,
)
# What is run without being in a statement's text, each under the name that a statement says.
_SOURCES = """
    SELECT p.proname, pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT c.relname, pg_get_functiondef(t.tgfoid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT c.relname, pg_get_viewdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT c.relname, pg_get_expr(p.polqual, p.polrelid)
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polqual IS NOT NULL
"""


def leases_left(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> frozenset[Lease]:
    """The leases that attempts were seen to take and that no time ends in a search."""
    found = {one for each in worlds for one in each.leases.found.values()}
    found |= set() if elsewhere is None else set(elsewhere.leases.values())
    return _not_ended(found, worlds)


def _not_ended(leases: Collection[Lease], worlds: Sequence[ServiceWorlds]) -> frozenset[Lease]:
    passing = [one.passing for one in worlds[0].scenario.attempts if one.passing is not None]
    return frozenset(one for one in leases if not any(map(one.ended_by, passing)))


async def time_to_end(
    leases: Collection[Lease], connection: psycopg.AsyncConnection[Any]
) -> Passing | None:
    """Return the time after which all of ``leases`` are over, by whatever they are kept; None where
    there is none, or where a sure one does not end by time that passes around the service.

    ``connection`` is to the service's database, whose tables are looked up.
    """
    kept = [LONGEST_S if one.seconds is None else one.seconds for one in leases if one.row is None]
    rows = sorted({one.row for one in leases if one.row is not None})
    passing = Passing(max(kept, default=0.0), await _put_back(rows, connection) if rows else ())
    ends = all(one.ended_by(passing) for one in leases if one.sure)
    return passing if ends and passing != Passing() else None


async def in_schema(
    spoken: Collection[str], connection: psycopg.AsyncConnection[Any]
) -> frozenset[Lease]:
    """Return the columns that functions, triggers, views and policies speak of together with the
    clock, of those whose names are ``spoken`` of: what is compared there is in no statement."""
    found: set[Lease] = set()
    for name, source in await (await connection.execute(_SOURCES)).fetchall():
        if name.lower() in spoken and _CLOCKS.search(source or ""):
            said = words(source)
            found |= {
                Lease(f"{name} speaks of {word} and the time", row=("", word), sure=False)
                for word in said
            }
    return frozenset(found)


async def _put_back(
    rows: Sequence[tuple[str, str]], connection: psycopg.AsyncConnection[Any]
) -> tuple[str, ...]:
    """Return statements that end what rows are taken for, by table and column of their times (no
    table where that is not known); none for what is no time, or may be of several tables."""
    names = [list(names) for names in zip(*rows, strict=True)]
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for of, column, *place in await (await connection.execute(_TIMES, names)).fetchall():
        places.setdefault((of, column), []).append((place[0], place[1]))
    known = {(*found[0], column) for (_, column), found in places.items() if len(found) == 1}
    return tuple(
        _ENDS.format(
            table=sql.Identifier(schema, table),
            column=sql.Identifier(column),
            further=2 * LONGEST_WINDOW_S,
            longest=LONGEST_WINDOW_S,
        ).as_string(connection)
        for schema, table, column in sorted(known)
    )


async def lapsing(
    worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None = None
) -> list[ServiceWorlds]:
    """The same worlds with time that passes until all leases are over, and whatever else may run
    out; none where leases are known not to matter, where nothing runs out, or where a lease does
    not end so."""
    leases, bench = leases_left(worlds, elsewhere), worlds[0].bench
    named = any(one.name == EVERY_LEASE_OVER for one in worlds[0].scenario.attempts)
    if bench.subject.leases_hold or named:
        return []
    possible = {one for each in worlds for one in each.leases.possible.values()}
    possible |= {one for each in worlds for one in each.leases.times_set()}
    spoken = {word for each in worlds for word in each.leases.spoken}
    if spoken:
        possible |= await in_schema(spoken, bench.eyes)
    lapse = await time_to_end(leases | _not_ended(possible, worlds), bench.eyes)
    if lapse is None:
        return []
    lapsed = [each.telling(each.scenario) for each in worlds]
    for each in lapsed:
        each.lapse(lapse)
    return lapsed
