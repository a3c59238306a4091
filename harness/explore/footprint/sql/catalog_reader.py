"""Reads the catalog of a live database, once (manual, part VII, chapter "System Catalogs")."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from paidonce.harness.explore.footprint.sql import catalog_queries
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
        text = query.replace("{nulls_collide}", known(*catalog_queries.NULLS_COLLIDE))
        text = text.replace("{source}", known(*catalog_queries.SOURCE))
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(text).fetchall()

    # The text of expressions depends on the path; with an empty one all names have a schema.
    session = rows(catalog_queries.SESSION)[0]
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        relations = rows(catalog_queries.TABLES)
        names = {row["oid"]: row["name"] for row in relations}
        tables = _tables(relations, names, rows)
        functions: dict[str, tuple[Function, ...]] = {}
        for row in rows(catalog_queries.FUNCTIONS):
            row |= {"volatility": _VOLATILITY[row["volatility"]], "parts": tuple(row["parts"])}
            functions[row["name"]] = (*functions.get(row["name"], ()), Function(**row))
        builtin = {
            row["name"]: _VOLATILITY[row["volatility"]] for row in rows(catalog_queries.BUILTIN)
        }
        operators = _functions_of(rows(catalog_queries.OPERATORS))
        conversions = rows(catalog_queries.CONVERSIONS)
        enums = frozenset(row["name"] for row in rows(catalog_queries.ENUMS))
    mine = dict(connection.execute(catalog_queries.TIMEOUTS, (list(NAMES),)).fetchall())
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
    columns = _grouped(rows(catalog_queries.COLUMNS))
    indexes = _grouped(rows(catalog_queries.INDEXES))
    foreign = _grouped(
        [row for row in rows(catalog_queries.FOREIGN_KEYS) if row["target"] in names]
    )
    triggers = _grouped(rows(catalog_queries.TRIGGERS))
    calls = _grouped(rows(catalog_queries.CALLS))
    families = _families([(row["child"], row["parent"]) for row in rows(catalog_queries.PARENTS)])
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
    functions: dict[str, tuple[str, ...]] = {}
    for row in sorted(rows, key=lambda row: (row["name"], row["function"])):
        functions[row["name"]] = tuple(
            dict.fromkeys((*functions.get(row["name"], ()), row["function"]))
        )
    return functions


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
