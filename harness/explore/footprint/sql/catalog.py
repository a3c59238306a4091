"""A database's catalog as plain data: enough to tell what a statement touches.

The schema is taken to stay as it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal, TypeVar

import msgspec

from paidonce.harness.explore.footprint.sql.timeouts import mentioned
from paidonce.harness.explore.footprint.sql.types import ColumnType

_T = TypeVar("_T")

Event = Literal["insert", "update", "delete", "truncate"]
Action = Literal["no action", "restrict", "cascade", "set null", "set default"]
Kind = Literal["table", "view", "foreign", "sequence"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """``default`` is the expression's text. ``identity`` values come from a sequence."""

    name: str
    type: ColumnType = ColumnType()
    default: str | None = None
    identity: bool = False
    generated: bool = False


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A unique index or an exclusion constraint.

    ``columns`` has None for an expression, and for a column whose values it compares otherwise than
    their type does; ``depends`` names all columns that decide what its
    entries are, those of expressions and of a partial index's condition among them. ``plain``
    means neither partial nor with a None there: other tables may refer to its columns.
    ``nulls_collide`` is NULLS NOT DISTINCT; ``exclusion`` that something else than equality is
    forbidden. ``predicate`` is the text of a partial index's condition.
    """

    name: str
    columns: tuple[str | None, ...]
    depends: frozenset[str]
    plain: bool = True
    nulls_collide: bool = False
    exclusion: bool = False
    constraint: str | None = None
    predicate: str | None = None


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """``table`` refers to ``target``; both with their schema."""

    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: Action = "no action"
    on_update: Action = "no action"


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger of the user's. ``columns`` are those of UPDATE OF, empty for all.

    ``before`` if it is run before the statement has looked for rows to change, ``deferred`` if at
    COMMIT unless the transaction says otherwise.
    """

    name: str
    function: str
    events: frozenset[Event]
    columns: frozenset[str] = frozenset()
    before_row: bool = False
    before: bool = False
    instead: bool = False
    deferrable: bool = False
    deferred: bool = False


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the user's or of an extension; ``name`` is with its schema.

    ``source`` is its body, ``definition`` the whole CREATE FUNCTION (for SQL and PL/pgSQL).
    ``parts`` are functions that it calls without its body saying so: those an aggregate is made
    of, those in defaults of its parameters.
    """

    name: str
    volatility: Literal["immutable", "stable", "volatile"]
    language: str
    source: str = ""
    definition: str = ""
    extension: str | None = None
    procedure: bool = False
    aggregate: bool = False
    parts: tuple[str, ...] = ()
    search_path: str | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table, view, foreign table or sequence; ``name`` is with its schema.

    ``family`` is the name under which its rows are known: the topmost table of a partitioning or
    inheritance tree, since rows of a partition are seen in the whole. ``calls`` are functions of
    the user's that writing runs (defaults, checks, indexes, generated columns).
    """

    name: str
    kind: Kind = "table"
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    unique: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    calls: tuple[str, ...] = ()
    family: str = ""
    related: bool = False
    rules: bool = False
    row_security: bool = False
    policies: tuple[str, ...] = ()
    """Functions of the user's that its policies call."""
    view: str | None = None
    """The query of a view."""

    @property
    def place(self) -> tuple[str, str]:
        """The place of its rows in footprints."""
        return ("pg", self.family or self.name)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def key_columns(self) -> frozenset[str]:
        """Those others may refer to: an UPDATE of any other leaves FOR KEY SHARE alone."""
        return frozenset(
            column for index in self.unique if index.plain for column in index.columns if column
        )


def with_families(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables, those of a tree with what any of them has: a row that is put into the whole
    meets the triggers and indexes of its partition."""
    trees: dict[str, list[Table]] = {}
    for table in tables.values():
        if table.related:
            trees.setdefault(table.family, []).append(table)
    families = dict(tables)
    for members in trees.values():
        for table in members:
            families[table.name] = msgspec.structs.replace(
                table,
                unique=_all(table.unique, (member.unique for member in members)),
                foreign_keys=_all(table.foreign_keys, (m.foreign_keys for m in members)),
                triggers=_all(table.triggers, (member.triggers for member in members)),
                calls=_all(table.calls, (member.calls for member in members)),
            )
    return families


def _all(own: tuple[_T, ...], others: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    """Its own, and those of others that it has not."""
    return tuple(dict.fromkeys([*own, *(one for each in others for one in each)]))


class Catalog(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """A database. Functions are those outside of ``pg_catalog``.

    ``builtin`` maps the functions in ``pg_catalog`` to the worst volatility among those of one
    name. ``operators`` maps operators to functions of the user's that they call, ``conversions``
    types to those that turning a value into one calls (casts, checks of domains); ``everywhere``
    are those of casts that no statement shows. ``enums`` are names of enumeration types. All
    without schema, but for the functions. ``search_path`` and ``isolation`` are what a new session
    has of the role that read it; ``roles`` is what others begin with (see ``roles``).
    """

    tables: Mapping[str, Table] = msgspec.field(default_factory=dict)
    functions: Mapping[str, tuple[Function, ...]] = msgspec.field(default_factory=dict)
    builtin: Mapping[str, str] = msgspec.field(default_factory=dict)
    operators: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    conversions: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    everywhere: tuple[str, ...] = ()
    enums: frozenset[str] = frozenset()
    search_path: tuple[str, ...] = ("public",)
    isolation: str = "read committed"
    user: str = ""
    roles: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    timeouts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Those of a new session of the role that read it; see ``timeouts``."""

    @cached_property
    def timing(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The functions that may set when the server gives up, without schema, and which of those
        times. The empty name stands for a trigger's, which any statement may call."""
        called = {trigger.function for table in self.tables.values() for trigger in table.triggers}
        return tuple(
            ("" if name in called else name.rpartition(".")[2], names)
            for name, functions in self.functions.items()
            if (
                names := mentioned(
                    " ".join(f"{function.definition} {function.source}" for function in functions)
                )
            )
        )

    @cached_property
    def referring(self) -> Mapping[str, tuple[ForeignKey, ...]]:
        """The foreign keys that refer to a table."""
        found: dict[str, dict[ForeignKey, None]] = {}
        for table in self.tables.values():
            for key in table.foreign_keys:
                found.setdefault(key.target, {})[key] = None
        return {target: tuple(keys) for target, keys in found.items()}

    @cached_property
    def families(self) -> Mapping[str, tuple[Table, ...]]:
        """The tables of each partitioning or inheritance tree."""
        found: dict[str, tuple[Table, ...]] = {}
        for table in self.tables.values():
            if table.related:
                found[table.family] = (*found.get(table.family, ()), table)
        return found

    @cached_property
    def entered(self) -> dict[str, Any]:
        """The entries that texts add to its unique indexes, as they were read, by the text: kept
        here, since they last as long as the catalog."""
        return {}

    def has_schema(self, name: str) -> bool:
        """Return whether a schema of that name has any table."""
        return any(table.startswith(f"{name}.") for table in self.tables)

    def table(self, schema: str | None, name: str, path: tuple[str, ...]) -> Table | None:
        """The table a statement means by this name."""
        for where in (schema,) if schema else path:
            if found := self.tables.get(f"{where}.{name}"):
                return found
        return None

    def function(
        self, schema: str | None, name: str, path: tuple[str, ...]
    ) -> tuple[Function, ...]:
        """All functions of the user's a statement may mean by this name.

        Which of several it is depends on the arguments' types, more than on the path (manual,
        section 10.3).
        """
        return tuple(
            function
            for where in ((schema,) if schema else path)
            for function in self.functions.get(f"{where}.{name}", ())
        )
