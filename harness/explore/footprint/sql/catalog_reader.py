"""Reads the catalog of a live database, once (manual, part VII, chapter "System Catalogs")."""

# ruff: noqa: S608 -- what is put into the queries here is text of our own

from __future__ import annotations

from collections import defaultdict
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from paidonce.harness.explore.footprint.sql.catalog import (
    Action,
    Catalog,
    Column,
    Event,
    ForeignKey,
    Function,
    Index,
    Kind,
    Table,
    Trigger,
    with_families,
)
from paidonce.harness.explore.footprint.sql.roles import settings_of_roles
from paidonce.harness.explore.footprint.sql.timeouts import NAMES
from paidonce.harness.explore.footprint.sql.types import FAMILIES, ColumnType, Family

_OURS = "n.nspname !~ '^pg_(catalog|toast|temp_)' AND n.nspname <> 'information_schema'"

_TABLES = f"""
SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind,
       c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_rewrite r
               WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS rules,
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS view
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {_OURS}
"""

_COLUMNS = f"""
SELECT a.attrelid AS relation, a.attname AS name, a.atttypmod AS modifier,
       b.typname AS type, b.typtype::text AS typtype, bn.nspname AS type_schema,
       t.typtypmod AS domain_modifier, t.typtype = 'd' AS domain,
       coalesce(co.collisdeterministic, true) AS deterministic,
       a.attidentity <> '' AS identity, a.attgenerated <> '' AS generated,
       coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) AS "default"
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN LATERAL (
    WITH RECURSIVE bases AS (
        SELECT t.oid, t.typtype, t.typbasetype
        UNION ALL
        SELECT u.oid, u.typtype, u.typbasetype
        FROM bases JOIN pg_type u ON u.oid = bases.typbasetype WHERE bases.typtype = 'd')
    SELECT oid FROM bases WHERE typtype <> 'd') AS base ON true
JOIN pg_type b ON b.oid = base.oid JOIN pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND {_OURS}
ORDER BY a.attrelid, a.attnum
"""

# An index may take values for equal that the type tells apart: by a collation of its own, or by an
# operator class (manual 11.10, 11.11). Those for patterns compare byte by byte.
_AS_COLUMNS_DO = """
coalesce(co.collisdeterministic, true) AND (
    oc.opcdefault OR oc.opcnamespace = 'pg_catalog'::regnamespace)
"""

_INDEXES = f"""
SELECT i.indrelid AS relation, n.nspname || '.' || c.relname AS name,
       i.indisprimary AS "primary", {{nulls_collide}} AS nulls_collide,
       i.indisexclusion AS exclusion, i.indexprs IS NULL AND i.indpred IS NULL AS plain,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT CASE WHEN {_AS_COLUMNS_DO} THEN a.attname::text END
             FROM unnest(i.indkey[0:i.indnkeyatts - 1], i.indclass::oid[], i.indcollation::oid[])
                 WITH ORDINALITY AS k(number, class, "collation", at)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             LEFT JOIN pg_opclass oc ON oc.oid = k.class
             LEFT JOIN pg_collation co ON co.oid = k."collation"
             ORDER BY k.at) AS columns,
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (
                 a.attnum = ANY (i.indkey)
                 OR EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                              AND d.refobjid = i.indrelid
                              AND d.refobjsubid = a.attnum))) AS depends,
       (SELECT conname FROM pg_constraint WHERE conindid = i.indexrelid
            AND contype IN ('p', 'u', 'x') LIMIT 1) AS "constraint"
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (i.indisunique OR i.indisexclusion) AND {_OURS}
ORDER BY name
"""

_FOREIGN_KEYS = f"""
SELECT k.conrelid AS relation, k.confrelid AS target,
       k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, at)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             ORDER BY u.at) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, at)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number
             ORDER BY u.at) AS target_columns
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE k.contype = 'f' AND {_OURS}
ORDER BY k.oid
"""

_TRIGGERS = """
SELECT t.tgrelid AS relation, t.tgname AS name, t.tgtype::int AS type,
       t.tgdeferrable AS deferrable, t.tginitdeferred AS deferred,
       n.nspname || '.' || p.proname AS function,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr)) AS columns
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
ORDER BY t.tgname
"""

# What not every supported server knows, with the first major version that does, and what stands
# for it before: NULLS NOT DISTINCT came with 15, SQL-standard function bodies with 14.
_NULLS_COLLIDE = (15, "i.indnullsnotdistinct", "false")
_SOURCE = (
    14,
    "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END",
    "p.prosrc",
)

_FUNCTIONS = """
SELECT n.nspname || '.' || p.proname AS name, p.provolatile::text AS volatility,
       l.lanname AS language, p.prokind = 'p' AS procedure, p.prokind = 'a' AS aggregate,
       {source} AS source,
       CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN pg_get_functiondef(p.oid) ELSE '' END
           AS definition,
       ARRAY(SELECT DISTINCT fn.nspname || '.' || f.proname
             FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
             JOIN pg_namespace fn ON fn.oid = f.pronamespace
             WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_proc'::regclass AND fn.nspname <> 'pg_catalog') AS parts,
       (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass) AS extension,
       (SELECT substr(setting, 13) FROM unnest(p.proconfig) AS setting
        WHERE setting LIKE 'search\\_path=%%') AS search_path
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

_BUILTIN = """
SELECT p.proname AS name, max(p.provolatile::text) AS volatility
FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace GROUP BY p.proname
"""

# Which functions of the user's a table's defaults, checks, indexes and policies call. Built-in
# functions are pinned and not recorded.
_DOMAINS = """
RECURSIVE domains(type, base) AS (
    SELECT oid, oid FROM pg_type WHERE typtype = 'd'
    UNION ALL SELECT d.type, t.typbasetype FROM domains d JOIN pg_type t ON t.oid = d.base
              WHERE t.typtype = 'd')
"""

_CALLS = f"""
WITH {_DOMAINS}
SELECT DISTINCT found.relation, n.nspname || '.' || p.proname AS function, found.policy
FROM (
    SELECT k.conrelid, 'pg_constraint'::regclass, k.oid, 0::oid, false FROM pg_constraint k
    UNION ALL SELECT adrelid, 'pg_attrdef'::regclass, oid, 0, false FROM pg_attrdef
    UNION ALL SELECT indrelid, 'pg_class'::regclass, indexrelid, 0, false FROM pg_index
    UNION ALL SELECT polrelid, 'pg_policy'::regclass, oid, 0, true FROM pg_policy
    UNION ALL SELECT tgrelid, 'pg_trigger'::regclass, oid, tgfoid, false FROM pg_trigger
              WHERE tgqual IS NOT NULL
    UNION ALL SELECT a.attrelid, 'pg_constraint'::regclass, k.oid, 0, false
              FROM pg_constraint k JOIN domains d ON d.base = k.contypid
              JOIN pg_attribute a ON a.atttypid = d.type
    UNION ALL SELECT a.attrelid, 'pg_type'::regclass, d.base, 0, false
              FROM domains d JOIN pg_attribute a ON a.atttypid = d.type
) AS found(relation, class, object, but, policy)
JOIN pg_depend d ON d.classid = found.class AND d.objid = found.object
                AND d.refclassid = 'pg_proc'::regclass AND d.refobjid <> found.but
JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE found.relation <> 0
"""

# A function that is not written in SQL and says that it depends on its arguments alone is believed.
_MAY_LOOK = """
p.pronamespace <> 'pg_catalog'::regnamespace AND NOT (p.provolatile = 'i' AND p.prolang NOT IN (
    SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')))
"""

_OPERATORS = f"""
SELECT DISTINCT o.oprname AS name, n.nspname || '.' || p.proname AS function
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {_MAY_LOOK}
"""

# Which functions of the user's are called where a value becomes one of a type: by casts, and by the
# checks of domains, also within a composite type. A cast may be one that nobody writes down.
_CONVERSIONS = f"""
WITH {_DOMAINS}, found(type, function, unseen) AS (
    SELECT casttarget, castfunc, castcontext <> 'e' FROM pg_cast
    UNION SELECT d.type, p.refobjid, false
          FROM domains d JOIN pg_constraint k ON k.contypid = d.base
          JOIN pg_depend p ON p.classid = 'pg_constraint'::regclass AND p.objid = k.oid
                          AND p.refclassid = 'pg_proc'::regclass)
SELECT DISTINCT t.typname AS name, n.nspname || '.' || p.proname AS function, f.unseen
FROM found f JOIN pg_proc p ON p.oid = f.function JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_type t ON t.oid = f.type OR t.typrelid IN (
    SELECT attrelid FROM pg_attribute WHERE atttypid = f.type AND attnum > 0)
WHERE {_MAY_LOOK}
"""

_ENUMS = "SELECT DISTINCT typname AS name FROM pg_type WHERE typtype = 'e'"

_PARENTS = "SELECT inhrelid AS child, inhparent AS parent FROM pg_inherits"

_SESSION = """
SELECT current_schemas(false)::text[] AS search_path, current_user::text AS "user",
       current_setting('default_transaction_isolation') AS isolation
"""

# What the role that reads the catalog has; ``current_setting`` refuses a name not known yet.
_TIMEOUTS = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"

_KINDS: dict[str, Kind] = {"v": "view", "f": "foreign", "S": "sequence"}
_ACTIONS: dict[str, Action] = {
    "a": "no action",
    "r": "restrict",
    "c": "cascade",
    "n": "set null",
    "d": "set default",
}
_EVENTS: dict[int, Event] = {4: "insert", 8: "delete", 16: "update", 32: "truncate"}
_ROW, _BEFORE, _INSTEAD = 1, 2, 64  # bits of pg_trigger.tgtype (src/include/catalog/pg_trigger.h)
_VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}


def read_catalog(url: str) -> Catalog:
    """The catalog of the database at ``url``, as its role sees it.

    Raises ``psycopg.Error`` when it cannot be reached.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        return catalog_of(connection)


def catalog_of(connection: psycopg.Connection[Any]) -> Catalog:
    """The catalog of the database ``connection`` is to."""

    major = connection.info.server_version // 10000

    def known(since: int, expression: LiteralString, before: LiteralString) -> LiteralString:
        return expression if major >= since else before

    def rows(query: LiteralString) -> list[dict[str, Any]]:
        text = query.replace("{nulls_collide}", known(*_NULLS_COLLIDE))
        text = text.replace("{source}", known(*_SOURCE))
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(text).fetchall()

    # The text of expressions depends on the path; with an empty one all names have a schema.
    session = rows(_SESSION)[0]
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        relations = rows(_TABLES)
        names = {row["oid"]: row["name"] for row in relations}
        tables = _tables(relations, names, rows)
        functions: dict[str, tuple[Function, ...]] = {}
        for row in rows(_FUNCTIONS):
            row |= {"volatility": _VOLATILITY[row["volatility"]], "parts": tuple(row["parts"])}
            functions[row["name"]] = (*functions.get(row["name"], ()), Function(**row))
        builtin = {row["name"]: _VOLATILITY[row["volatility"]] for row in rows(_BUILTIN)}
        operators = _functions_of(rows(_OPERATORS))
        conversions = rows(_CONVERSIONS)
        enums = frozenset(row["name"] for row in rows(_ENUMS))
    mine = dict(connection.execute(_TIMEOUTS, (list(NAMES),)).fetchall())
    return Catalog(
        tables=tables,
        functions=functions,
        builtin=builtin,
        operators=operators,
        conversions=_functions_of(conversions),
        everywhere=tuple(sorted({row["function"] for row in conversions if row["unseen"]})),
        enums=enums,
        search_path=tuple(session["search_path"]),
        isolation=session["isolation"],
        user=session["user"],
        roles=settings_of_roles(connection),
        timeouts=mine,
    )


def _tables(relations: list[dict[str, Any]], names: dict[int, str], rows: Any) -> dict[str, Table]:
    columns = _grouped(rows(_COLUMNS))
    indexes = _grouped(rows(_INDEXES))
    foreign = _grouped([row for row in rows(_FOREIGN_KEYS) if row["target"] in names])
    triggers = _grouped(rows(_TRIGGERS))
    calls = _grouped(rows(_CALLS))
    families = _families([(row["child"], row["parent"]) for row in rows(_PARENTS)])
    found = {}
    for row in relations:
        oid, name = row["oid"], row["name"]
        found[name] = Table(
            name=name,
            kind=_KINDS.get(row["kind"], "table"),
            columns=tuple(_column(column) for column in columns[oid]),
            primary_key=next((tuple(i["columns"]) for i in indexes[oid] if i["primary"]), ()),
            unique=tuple(_index(index) for index in indexes[oid]),
            foreign_keys=tuple(_foreign_key(key, names) for key in foreign[oid]),
            triggers=tuple(_trigger(trigger) for trigger in triggers[oid]),
            calls=tuple(sorted(call["function"] for call in calls[oid] if not call["policy"])),
            policies=tuple(sorted(call["function"] for call in calls[oid] if call["policy"])),
            family=names.get(families.get(oid, oid), name),
            related=oid in families,
            rules=row["rules"],
            row_security=row["row_security"],
            view=row["view"],
        )
    return with_families(found)


def _grouped(rows: list[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["relation"]].append(row)
    return found


def _functions_of(rows: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The functions of each name, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for row in sorted(rows, key=lambda row: (row["name"], row["function"])):
        found[row["name"]] = tuple(dict.fromkeys((*found.get(row["name"], ()), row["function"])))
    return found


def _families(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """For all that have a parent or a child, one of the tables they hang together with."""
    family: dict[int, int] = {}
    for child, parent in pairs:
        one, other = family.get(child, child), family.get(parent, parent)
        family.setdefault(child, one)
        family.setdefault(parent, other)
        for member, where in family.items():
            if where == one:
                family[member] = other
    return family


def _column(row: dict[str, Any]) -> Column:
    family: Family = "other"
    if row["deterministic"]:
        if row["typtype"] == "e":
            family = "text"
        elif row["type_schema"] == "pg_catalog":
            family = FAMILIES.get(row["type"], "other")
    modifier = row["domain_modifier"] if row["domain"] else row["modifier"]
    return Column(
        name=row["name"],
        type=ColumnType(family, modifier),
        default=None if row["generated"] else row["default"],
        identity=row["identity"],
        generated=row["generated"],
    )


def _index(row: dict[str, Any]) -> Index:
    return Index(
        name=row["name"],
        columns=tuple(row["columns"]),
        depends=frozenset(row["depends"]),
        plain=row["plain"] and None not in row["columns"] and not row["exclusion"],
        nulls_collide=row["nulls_collide"],
        exclusion=row["exclusion"],
        constraint=row["constraint"],
        predicate=row["predicate"],
    )


def _foreign_key(row: dict[str, Any], names: dict[int, str]) -> ForeignKey:
    return ForeignKey(
        table=names[row["relation"]],
        columns=tuple(row["columns"]),
        target=names[row["target"]],
        target_columns=tuple(row["target_columns"]),
        on_delete=_ACTIONS[row["on_delete"]],
        on_update=_ACTIONS[row["on_update"]],
    )


def _trigger(row: dict[str, Any]) -> Trigger:
    kind = row["type"]
    return Trigger(
        name=row["name"],
        function=row["function"],
        events=frozenset(event for bit, event in _EVENTS.items() if kind & bit),
        columns=frozenset(row["columns"]),
        before_row=bool(kind & _ROW) and bool(kind & _BEFORE),
        before=bool(kind & _BEFORE) and not kind & _ROW,
        instead=bool(kind & _INSTEAD),
        deferrable=row["deferrable"],
        deferred=row["deferred"],
    )
