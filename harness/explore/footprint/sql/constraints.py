"""The effects of a change of rows by way of foreign keys, triggers, checks and defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.sql.calls import named_effects
from paidonce.harness.explore.footprint.sql.catalog import Event, ForeignKey, Table
from paidonce.harness.explore.footprint.sql.effects import Context, Effects, Key
from paidonce.harness.explore.footprint.sql.routines import assigned_columns
from paidonce.harness.explore.footprint.sql.symbols import Match, Symbol, pattern


@dataclass(frozen=True)
class Change:
    """An UPDATE or DELETE of the rows with ``key``; ``modified`` is None for a DELETE.

    ``values`` has the new values, as far as they are known.
    """

    table: Table
    key: Key
    modified: frozenset[str] | None = None
    values: dict[str, Symbol] = field(default_factory=dict)

    @property
    def event(self) -> Event:
        """Return the event by which triggers know it."""
        return "delete" if self.modified is None else "update"

    @property
    def kept(self) -> Key:
        """Return what is known of the rows before the change and still holds after it."""
        gone = self.modified or frozenset()
        return {column: match for column, match in self.key.items() if column not in gone}

    def new(self, column: str) -> Match | None:
        """The value a column has afterwards."""
        if self.modified is None or column not in self.modified:
            return self.key.get(column)
        symbol, found = self.values.get(column), self.table.column(column)
        return None if symbol is None or found is None else Match(symbol, found.type, stored=True)


def modified_columns(ctx: Context, table: Table, columns: frozenset[str]) -> frozenset[str]:
    """The columns an UPDATE of these changes: generated ones and those of triggers too."""
    found = set(columns) | {column.name for column in table.columns if column.generated}
    for trigger in table.triggers:
        if trigger.before_row and "update" in trigger.events:
            assigned = assigned_columns(ctx, trigger)
            if assigned is None:
                return frozenset(column.name for column in table.columns)
            found |= assigned
    return frozenset(found)


def as_assigned(ctx: Context, table: Table, values: dict[str, Symbol]) -> dict[str, Symbol]:
    """The values an UPDATE assigns that no trigger puts others in the place of."""
    for trigger in table.triggers:
        if trigger.before_row and "update" in trigger.events:
            assigned = assigned_columns(ctx, trigger)
            if assigned is None:
                return {}
            values = {name: value for name, value in values.items() if name not in assigned}
    return values


def apply(ctx: Context, change: Change) -> None:
    """Read what a change of rows does, to them and to others."""
    table, effects = change.table, ctx.effects
    modified = change.modified
    effects.write(table, change.kept, modified)
    _come_and_go(effects, change)
    if modified is not None:
        effects.modifies |= {(table.place[1], column) for column in modified}
        for index in table.unique:
            if modified & index.depends:
                depends = {*index.depends, *(c for c in index.columns if c)}
                row = {c: m for c in sorted(depends) if (m := change.new(c)) is not None}
                effects.enter(table, index, row)
        for key in table.foreign_keys:
            if modified & set(key.columns):
                refer(ctx, key, {c: m for c in key.columns if (m := change.new(c)) is not None})
        for name in table.calls:
            named_effects(ctx, name)
    _follow_references(ctx, change)
    fire(ctx, table, change.event, modified)
    if modified is not None and table.related:  # into another partition
        fire(ctx, table, "delete")
        fire(ctx, table, "insert")


def _come_and_go(effects: Effects, change: Change) -> None:
    """Add that rows are gone under their old key, and are there under a new one."""
    table, modified = change.table, change.modified
    keys = {column for index in table.unique for column in index.depends} | table.key_columns()
    if modified is not None:
        row = {c.name: m for c in table.columns if (m := change.new(c.name)) is not None}
        effects.arrives[pattern(table.place, row)] = None
    if modified is None or table.related or modified & keys:
        effects.goes[pattern(table.place, change.key)] = None
    if modified is not None and (table.related or modified & keys):
        effects.adds[pattern(table.place, change.kept)] = None


def refer(ctx: Context, key: ForeignKey, values: Key) -> None:
    """A row with these values in the referring columns needs the row they refer to."""
    target = ctx.catalog.tables[key.target]
    wanted: Key = {}
    for column, target_column in zip(key.columns, key.target_columns, strict=True):
        found = target.column(target_column)
        if found is not None and (match := values.get(column)) is not None:
            wanted[target_column] = Match(match.symbol, found.type, stored=True)
    ctx.effects.refer(target, wanted)


def fire(ctx: Context, table: Table, event: Event, modified: frozenset[str] | None = None) -> None:
    """Run the triggers for an event."""
    for trigger in table.triggers:
        if event not in trigger.events:
            continue
        if modified is not None and trigger.columns and not trigger.columns & modified:
            continue
        if trigger.function not in ctx.catalog.functions:
            ctx.effects.everything()
            continue
        if not trigger.deferrable:
            fired = Effects()
            named_effects(ctx.gathering(fired), trigger.function)
            if not (trigger.before or trigger.before_row or trigger.instead):
                fired.within, fired.after = [], [*fired.within, *fired.after]
            ctx.effects.add(fired)
            continue
        # It may run at COMMIT. What it would look at then has to be let go of there.
        later = Effects()
        named_effects(ctx.gathering(later), trigger.function)
        looking = [*later.within, *later.after]
        later = later.whole()
        later.locks |= later.looks
        later.deferred |= later.looks
        ctx.effects.add(later)
        ctx.effects.after += looking


def _follow_references(ctx: Context, change: Change) -> None:
    """Add what the tables do that refer to the changed rows."""
    names = {table.name for table in ctx.catalog.families.get(change.table.family, ())}
    for name in sorted(names | {change.table.name}):
        for key in ctx.catalog.referring.get(name, ()):
            if change.modified is None or change.modified & set(key.target_columns):
                _follow(ctx, change, key)


def _follow(ctx: Context, change: Change, key: ForeignKey) -> None:
    child = ctx.catalog.tables[key.table]
    child_key: Key = {}
    for column, target_column in zip(key.columns, key.target_columns, strict=True):
        found, match = child.column(column), change.key.get(target_column)
        if found is not None and match is not None and match.type.family == found.type.family:
            child_key[column] = Match(match.symbol, found.type, stored=match.stored)
    action = key.on_delete if change.modified is None else key.on_update
    # It looks when the row is locked, and nobody can refer to that any more.
    ctx.effects.look_again(child, [child_key])
    name = f"reference {key.table} {' '.join(key.columns)} {change.event}"
    if action in ("no action", "restrict"):
        # The check looks with a snapshot of its own, perhaps at COMMIT.
        ctx.effects.locks[pattern(child.place, child_key)] = None
        return
    if name in ctx.reading:  # a tree of rows in one table: any of them
        apply(ctx, Change(child, {}, None if action == "cascade" else frozenset(key.columns)))
        return
    inner = ctx.inside(name)
    if action == "cascade" and change.modified is None:
        apply(inner, Change(child, child_key))
    else:
        columns = modified_columns(ctx, child, frozenset(key.columns))
        apply(inner, Change(child, child_key, columns))
