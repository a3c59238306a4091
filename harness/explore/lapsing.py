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
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.leases import Lease, Leases
from paidonce.harness.explore.control.run_outs import words
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.explore.control.time_windows import LONGEST_WINDOW_S
from paidonce.harness.service.passing import EVERY_LEASE_OVER, Passing

_TIMES = """
    WITH refers (relid, attnum) AS (
        SELECT conrelid, unnest(conkey) FROM pg_constraint WHERE contype = 'f'
        UNION SELECT confrelid, unnest(confkey) FROM pg_constraint WHERE contype = 'f'
    )
    SELECT taken.of, taken.by, n.nspname, c.relname, (
        SELECT array_agg(o.attname ORDER BY o.attnum) FROM pg_attribute o
        WHERE o.attrelid = c.oid AND NOT o.attisdropped AND o.attgenerated = ''
        AND o.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
        AND (o.attrelid, o.attnum) NOT IN (SELECT relid, attnum FROM refers)
    ), a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) AND a.attgenerated = '',
    (a.attrelid, a.attnum) IN (SELECT relid, attnum FROM refers)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN unnest(%s::text[], %s::text[]) AS taken (of, by)
    ON taken.by = a.attname AND taken.of IN (c.relname, '')
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname NOT LIKE 'paidonce\\_%%' AND NOT a.attisdropped
    ORDER BY 1, 2, 3, 4
"""
# A time that is part of a reference (of one to a partitioned table, say) stays as it is: rows would
# lose each other, and references are not looked after while triggers are kept out.
_STAYS = sql.SQL("SELECT xmin::text FROM {table} WHERE false")
# Times that are further from now than any lease or window of time are left as they are. All others
# of a row are moved together, as far as one another, so that none is later than it was beside them.
_NEAR = sql.SQL(
    "{column} > now() - make_interval(secs => {longest}) "
    "AND {column} < now() + make_interval(secs => {longest})"
)
_MOVED = sql.SQL(
    "{column} = CASE WHEN {near} THEN {column} - make_interval(secs => {further}) ELSE {column} END"
)
# What was there when the statement began and is as it was, and what it has written itself (manual,
# 9.28.9): rows that others have taken anew since are none that it has left. A row has the lower 32
# bits of its transaction's number only.
_LEFT = sql.SQL(
    "SELECT {called} WHERE EXISTS (SELECT FROM {table} AS kept, LATERAL (SELECT"
    " kept.xmin::text::bigint AS low, pg_snapshot_xmax(%(before)s::text::pg_snapshot)::text::bigint"
    " + 2147483648 AS most) AS written WHERE ({near}) AND (kept.xmin::text = %(by)s"
    " OR pg_visible_in_snapshot((most - (most - low) %% 4294967296)::text::xid8,"
    " %(before)s::text::pg_snapshot)))"
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
    leases = {lease for each in _known(worlds, elsewhere) for lease in each.found.values()}
    return _not_ended(leases, worlds)


def stayed(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> frozenset[str]:
    """The columns whose times stayed what they were when all leases were to be over."""
    return frozenset(column for each in _known(worlds, elsewhere) for column in each.stayed)


def _known(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> list[Leases]:
    here = [each.leases for each in worlds]
    return here if elsewhere is None else [*here, elsewhere.leases]


def _not_ended(leases: Collection[Lease], worlds: Sequence[ServiceWorlds]) -> frozenset[Lease]:
    passing = [
        attempt.passing for attempt in worlds[0].scenario.attempts if attempt.passing is not None
    ]
    return frozenset(lease for lease in leases if not any(map(lease.ended_by, passing)))


async def time_to_end(
    leases: Collection[Lease],
    connection: psycopg.AsyncConnection[Any],
    tokens: Collection[str] = (),
) -> Passing | None:
    """Return the time after which all of ``leases`` are over, by whatever they are kept; None where
    there is none, or where a sure one does not end by time that passes around the service.

    ``connection`` is to the service's database, whose tables are looked up. ``tokens`` are columns
    by whose very times rows are known: they stay as they are, as they would.
    """
    kept = [
        LONGEST_S if lease.seconds is None else lease.seconds
        for lease in leases
        if lease.row is None
    ]
    rows = {lease.row for lease in leases if lease.row is not None}
    sure = {lease.row for lease in leases if lease.row is not None and lease.sure}
    put_back = await _put_back(rows, sure, tokens, connection) if rows else ()
    passing = Passing(
        max(kept, default=0.0),
        tuple(statement for statement, _ in put_back),
        left=tuple(asked for _, asked in put_back),
    )
    ends = all(lease.ended_by(passing) for lease in leases if lease.sure)
    return passing if ends and passing != Passing() else None


async def in_schema(
    spoken: Collection[str], connection: psycopg.AsyncConnection[Any]
) -> frozenset[Lease]:
    """Return the columns that functions, triggers, views and policies speak of together with the
    clock, of those whose names are ``spoken`` of: what is compared there is in no statement."""
    leases: set[Lease] = set()
    for name, source in await (await connection.execute(_SOURCES)).fetchall():
        if name.lower() in spoken and _CLOCKS.search(source or ""):
            said = words(source)
            leases |= {
                Lease(f"{name} speaks of {word} and the time", row=("", word), sure=False)
                for word in said
            }
    return frozenset(leases)


async def _put_back(
    rows: Collection[tuple[str, str]],
    sure: Collection[tuple[str, str]],
    tokens: Collection[str],
    connection: psycopg.AsyncConnection[Any],
) -> tuple[tuple[str, str], ...]:
    """Return statements that end what rows are taken for, one a table, by table and column of their
    times (any table where that is not known), each with the query for what it has left; none for
    what is no time or is a token, and of what is ``sure`` for what is no time in some table, or is
    part of a reference there. What is not sure and part of a reference is left by a statement that
    changes nothing."""
    names = [list(names) for names in zip(*sorted(rows), strict=True)]
    places: dict[tuple[str, str], list[tuple[str, str, list[str]]]] = {}
    others: set[tuple[str, str]] = set()
    referring: dict[tuple[str, str], set[str]] = {}
    for of, column, schema, table, times, is_time, refers in await (
        await connection.execute(_TIMES, names)
    ).fetchall():
        if is_time and refers and (of, column) not in sure and column not in tokens:
            referring.setdefault((schema, table), set()).add(column)
        elif is_time and not refers:
            places.setdefault((of, column), []).append((schema, table, times))
        elif (of, column) in sure:
            others.add((of, column))
    taken: dict[tuple[str, str], set[str]] = {}
    beside: dict[tuple[str, str], list[str]] = {}
    for (of, column), found in places.items():
        if column in tokens or (of, column) in others:
            continue
        for schema, table, times in found:
            taken.setdefault((schema, table), set()).add(column)
            beside[schema, table] = [one for one in times if one not in tokens]
    asked = [
        (_moving(place, sorted(columns), beside[place]), _left(place, sorted(columns)))
        for place, columns in sorted(taken.items())
    ]
    asked += [
        (_STAYS.format(table=sql.Identifier(*place)), _left(place, sorted(columns)))
        for place, columns in sorted(referring.items())
    ]
    return tuple((moves.as_string(connection), left.as_string(connection)) for moves, left in asked)


def _moving(place: tuple[str, str], taken: Sequence[str], times: Sequence[str]) -> sql.Composed:
    """Return an UPDATE of the rows of a table in which one of the columns ``taken`` is near now."""
    further = sql.Literal(2 * LONGEST_WINDOW_S)
    near = {
        one: _NEAR.format(column=sql.Identifier(one), longest=sql.Literal(LONGEST_WINDOW_S))
        for one in times
    }
    moved = [
        _MOVED.format(column=sql.Identifier(one), near=near[one], further=further) for one in times
    ]
    return sql.SQL("UPDATE {table} SET {moved} WHERE {near} RETURNING xmin::text").format(
        table=sql.Identifier(*place),
        moved=sql.SQL(", ").join(moved),
        near=sql.SQL(" OR ").join(near[one] for one in taken),
    )


def _left(place: tuple[str, str], taken: Sequence[str]) -> sql.Composed:
    """Return a query for those of the columns ``taken`` of a table in which a time is near now that
    such an UPDATE has met, or has written itself: a trigger has put it back, or skipped the row."""
    longest = sql.Literal(LONGEST_WINDOW_S)
    return sql.SQL(" UNION ").join(
        _LEFT.format(
            called=sql.Literal(f"{place[1]}.{one}"),
            table=sql.Identifier(*place),
            near=_NEAR.format(column=sql.Identifier("kept", one), longest=longest),
        )
        for one in taken
    )


async def lapsing(
    worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None = None
) -> list[ServiceWorlds]:
    """The same worlds with time that passes until all leases are over, and whatever else may run
    out; none where leases are known not to matter, where nothing runs out, or where a lease does
    not end so."""
    leases, bench = leases_left(worlds, elsewhere), worlds[0].bench
    named = any(attempt.name == EVERY_LEASE_OVER for attempt in worlds[0].scenario.attempts)
    if bench.subject.leases_hold or named:
        return []
    known = _known(worlds, elsewhere)
    possible = {lease for each in known for lease in (*each.possible.values(), *each.times_set())}
    texts = {text for each in known for text in each.texts}
    if texts:
        possible |= await in_schema(frozenset().union(*map(words, texts)), bench.eyes)
    tokens = {column for each in known for column in each.tokens}
    lapse = await time_to_end(leases | _not_ended(possible, worlds), bench.eyes, tokens)
    if lapse is None:
        return []
    lapsed = [each.telling(each.scenario) for each in worlds]
    for each in lapsed:
        each.lapse(lapse)
        # Rows that are not made anew for each execution would be over from the first one on.
        each.mode = replace(each.mode, put_back=each.mode.put_back or bool(lapse.sql))
    return lapsed
