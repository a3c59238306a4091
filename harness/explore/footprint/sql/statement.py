"""The footprint of one statement: what it looks at, locks and writes.

Rules of locking are those of the manual, chapter 13 and section 62.5 (unique indexes), checked
against a real server by tests that run pairs of statements in both orders.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec

from paidonce.harness.explore.footprint.model import MADE, Resource
from paidonce.harness.explore.footprint.sql import changes, queries, timeouts
from paidonce.harness.explore.footprint.sql.calls import ADVISORY, NOTIFY, SESSION_SETTINGS, unnamed
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.effects import (
    ANYTHING,
    Context,
    Effects,
    Lasting,
    Modified,
    Outputs,
)
from paidonce.harness.explore.footprint.sql.glances import glances
from paidonce.harness.explore.footprint.sql.looks import Look
from paidonce.harness.explore.footprint.sql.routines import anonymous, body_effects
from paidonce.harness.explore.footprint.sql.scope import Scope
from paidonce.harness.explore.footprint.sql.symbols import Const, Match, Params, Pattern, pattern
from paidonce.harness.explore.footprint.sql.trees import NotParsed, TreeReader, parsed
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast, enums

Kind = Literal[
    "begin",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "rollback to",
    "set",
    "select",
    "insert",
    "update",
    "delete",
    "merge",
    "copy",
    "truncate",
    "lock",
    "ddl",
    "listen",
    "unlisten",
    "notify",
    "prepare",
    "execute",
    "declare",
    "fetch",
    "discard",
    "local",
    "call",
    "constraints",
    "other",
]

_ACCESS_EXCLUSIVE = 8  # src/include/storage/lockdefs.h
_EMPTY: frozenset[Resource] = frozenset()


class StatementFootprint(msgspec.Struct, frozen=True, kw_only=True):
    """The footprint of one statement, wherever it runs.

    ``writes`` are published by the COMMIT (at once outside of a transaction), ``at_once`` even
    inside one: they keep readers out. ``session`` are locks that outlive the transaction.
    ``modifies`` are the columns of existing rows it changes, as (table, column).
    ``unsettles``: for how long names may mean something else from then on.
    ``stale``, ``sure``, ``tests``, ``deferred`` and ``commits`` are as in ``Effects``; of ``sure``
    the looks and the locks that keep them.
    ``adds``, ``arrives`` and ``goes`` are as in ``Effects``; ``several`` are its looks if
    it has more than one (see ``looks``); ``surely`` is locked for certain once it is through,
    ``surely_if_found`` if it has found a row.
    ``may_fail``: in a transaction, a failure would let go of all its locks. ``snapshot``: at
    REPEATABLE READ, the first such statement decides what the whole transaction sees. ``node`` is
    the statement's tree where the session's state is needed to know more (SET, PREPARE ...).
    """

    kind: Kind
    looks: frozenset[Resource] = _EMPTY
    locks: frozenset[Resource] = _EMPTY
    writes: frozenset[Resource] = _EMPTY
    at_once: frozenset[Resource] = _EMPTY
    session: frozenset[Resource] = _EMPTY
    modifies: frozenset[Modified] = frozenset()
    may_fail: bool = False
    snapshot: bool = False
    unsettles: Lasting = ""
    stale: frozenset[Resource] = _EMPTY
    sure: tuple[tuple[frozenset[Resource], frozenset[Resource]], ...] = ()
    tests: frozenset[Resource] = _EMPTY
    deferred: frozenset[Resource] = _EMPTY
    commits: bool = False
    adds: frozenset[Resource] = _EMPTY
    arrives: frozenset[Resource] = _EMPTY
    goes: frozenset[Resource] = _EMPTY
    several: tuple[Look, ...] = ()
    surely: frozenset[Resource] = _EMPTY
    surely_if_found: frozenset[Resource] = _EMPTY
    node: Any = None


_ALL = frozenset({Resource(())})
UNKNOWN = StatementFootprint(
    kind="other",
    looks=_ALL,
    locks=_ALL,
    writes=_ALL,
    at_once=_ALL,
    modifies=frozenset({ANYTHING}),
    may_fail=True,
    snapshot=True,
    stale=_ALL,
    tests=_ALL,
    adds=_ALL,
    arrives=_ALL,
    goes=_ALL,
    several=(Look(free=_ALL), Look(free=_ALL)),
)
"""The footprint of a statement that could not be understood: it commutes with nothing."""


class Template:
    """A statement that was read, to be completed with parameters."""

    def __init__(
        self,
        kind: Kind,
        effects: Effects,
        *,
        snapshot: bool,
        node: Any = None,
        surely: Iterable[Pattern] = (),
    ) -> None:
        self._several = glances(effects)
        self._found = [lock for lock in effects.fresh.values() if lock in effects.certain]
        self._surely = tuple(surely)
        effects = effects.whole()
        self._groups: list[Iterable[Pattern]] = [
            *(effects.looks, effects.locks, effects.writes, effects.at_once, effects.session),
            *(effects.stale, effects.tests, effects.deferred),
            *(effects.adds, effects.arrives, effects.goes),
        ]
        self._sure = tuple(effects.sure.items())
        self._commits = effects.commits
        self._kind: Kind = kind
        self._modifies = frozenset(effects.modifies)
        self._may_fail = effects.may_fail
        self._unsettles = effects.unsettles
        self._snapshot = snapshot
        self._node = node
        patterns = [found for group in self._groups for found in group]
        patterns += [found for pair in self._sure for found in pair]
        patterns += [found for glance in self._several for found in glance.patterns]
        same: dict[Pattern, Pattern] = {}
        self._groups = [[same.setdefault(one, one) for one in group] for group in self._groups]
        self._distinct = tuple(same)
        constant = all(found.constant for found in patterns)
        self._only = self._bound(Params()) if constant else None

    def bound(self, params: Params) -> StatementFootprint:
        """The footprint with these parameters."""
        return self._only or self._bound(params)

    def _bound(self, params: Params) -> StatementFootprint:
        made = {id(one): one.bound(params) for one in self._distinct}
        looks, locks, writes, at_once, session, stale, tests, deferred, adds, arrives, goes = (
            frozenset([resource for one in group for resource in made[id(one)]])
            for group in self._groups
        )
        return StatementFootprint(
            kind=self._kind,
            looks=looks,
            locks=locks,
            writes=writes,
            at_once=at_once,
            session=session,
            modifies=self._modifies,
            may_fail=self._may_fail,
            snapshot=self._snapshot,
            unsettles=self._unsettles,
            stale=stale,
            sure=tuple(
                (frozenset(look.bound(params)), frozenset(lock.bound(params)))
                for look, lock in self._sure
            ),
            tests=tests,
            deferred=deferred,
            commits=self._commits,
            adds=adds,
            arrives=arrives,
            goes=goes,
            several=tuple(glance.bound(params) for glance in self._several),
            surely=_just_one(self._surely, params),
            surely_if_found=_just_one(self._found, params),
            node=self._node,
        )


def is_new(row: Resource) -> bool:
    """Return whether it is a row under a key of its own that a statement makes."""
    return row.key[:1] == ((MADE, ""),)


def without_maker(row: Resource) -> Resource:
    """The same as one that may be any other."""
    return Resource(row.place, row.key[1:], row.shared) if is_new(row) else row


def _as_tuple(nulls: Container[int]) -> tuple[int, ...] | None:
    return tuple(nulls) if isinstance(nulls, Sequence) else None


def _just_one(patterns: Iterable[Pattern], params: Params) -> frozenset[Resource]:
    """Those of which it is known which one they are."""
    return frozenset(
        found[0]
        for one in patterns
        if len(found := one.bound(params)) == 1 and len(found[0].key) == len(one.key)
    )


_BOUND_REMEMBERED = 1024
"""Statements with their values: an execution's own come again in it, and never after it."""


class Footprints:
    """The footprints of statements on one database; each text is read once.

    With ``tells_new_rows`` a row that is made under a key of its own has ``MADE`` in its key.
    """

    def __init__(
        self, catalog: Catalog, *, remembered: int = 4096, tells_new_rows: bool = False
    ) -> None:
        self.catalog = catalog
        self._tells_new_rows = tells_new_rows
        self._reader = TreeReader(catalog.enums)
        self._templates = lru_cache(maxsize=remembered)(self._read)
        self._bound: OrderedDict[Any, tuple[StatementFootprint, ...]] = OrderedDict()
        self.may_set_timeouts = lru_cache(maxsize=remembered)(self._may_set_timeouts)
        """Tells of a text whether it may set a timeout by calling a function."""

    def of(
        self,
        sql: str,
        params: Sequence[str | None] = (),
        *,
        nulls: Container[int] = (),
        path: tuple[str, ...] | None = None,
    ) -> tuple[StatementFootprint, ...]:
        """Those of the statements in ``sql``; none for an empty query.

        ``params`` are as text; one that is None cannot be told, or is null if its index (from 0)
        is in ``nulls``. ``path`` is the search path if it is not what sessions begin with.
        """
        where = self.catalog.search_path if path is None else path
        # An isinstance of an abstract class takes longer than all the rest, and most are tuples.
        listed = nulls if isinstance(nulls, tuple) else _as_tuple(nulls)
        key = (sql, tuple(params), listed, where)
        found = self._bound.get(key)
        if found is not None:
            self._bound.move_to_end(key)
            return found
        bound = Params(params, nulls)
        found = tuple(self._told(template.bound(bound)) for template in self._templates(sql, where))
        if listed is not None:
            self._bound[key] = found
            if len(self._bound) > _BOUND_REMEMBERED:
                self._bound.popitem(last=False)
        return found

    def _may_set_timeouts(self, sql: str) -> bool:
        if timeouts.may_set(sql):
            return True
        return any(function in sql for function, _ in self.catalog.timing)

    def of_tree(self, node: ast.Node, params: Params, path: tuple[str, ...]) -> StatementFootprint:
        """That of a statement inside another one (PREPARE, DECLARE)."""
        return self._told(self._template(node, path).bound(params))

    def _told(self, found: StatementFootprint) -> StatementFootprint:
        """``found``, with rows that are new told as such to those who ask for it."""
        if self._tells_new_rows or not any(is_new(row) for row in found.writes):
            return found
        writes = frozenset(without_maker(row) for row in found.writes)
        return msgspec.structs.replace(found, writes=writes)

    def constants(self, nodes: Sequence[ast.Node]) -> Params:
        """The arguments of EXECUTE as parameters."""
        found = [self._reader.symbol(node) for node in nodes]
        return Params([None if symbol is None else symbol.value(Params()) for symbol in found])

    def _read(self, sql: str, path: tuple[str, ...]) -> tuple[Template, ...]:
        try:
            nodes = parsed(sql)
        except NotParsed:
            everything = Effects()
            everything.everything()
            return (Template("other", everything, snapshot=True),)
        return tuple(self._template(node, path) for node in nodes)

    def _template(self, node: ast.Node, path: tuple[str, ...]) -> Template:
        effects = Effects()
        ctx = Context(self.catalog, path, effects, self._reader, statement)
        try:
            kind, snapshot = _top(ctx, node)
        except RecursionError:
            effects.everything()
            kind, snapshot = "other", True
        return Template(
            kind,
            effects,
            snapshot=snapshot,
            node=node if kind in _STATEFUL else None,
            surely=_advisory_locks(node, effects),
        )


def _advisory_locks(node: ast.Node, effects: Effects) -> list[Pattern]:
    """The advisory locks that a statement does nothing but take for its transaction."""
    only = (
        isinstance(node, ast.SelectStmt)
        and not (node.fromClause or node.whereClause or node.withClause or effects.within)
        and all(isinstance(one.val, ast.FuncCall) for one in node.targetList or ())
    )
    wanted = {"number": 1, "pair": 2}
    return [
        lock
        for lock in effects.locks
        if only
        and lock.place[:1] == (ADVISORY,)
        and lock not in effects.tests
        and len(lock.key) == wanted.get(lock.place[-1])
    ]


def footprint(
    sql: str, params: Sequence[str | None], catalog: Catalog
) -> tuple[StatementFootprint, ...]:
    """The footprints of the statements in ``sql``; see ``Footprints.of``, which is quicker."""
    return Footprints(catalog).of(sql, params)


def statement(ctx: Context, node: Any, outer: Scope | None) -> Outputs | None:
    """Read a statement that may be part of another one. See ``effects.ReadStatement``."""
    match node:
        case ast.SelectStmt() if node.intoClause is None:
            return queries.select(ctx, node, outer).outputs
        case ast.InsertStmt():
            return changes.insert_statement(ctx, node, outer)
        case ast.UpdateStmt():
            return changes.update(ctx, node, outer)
        case ast.DeleteStmt():
            return changes.delete(ctx, node, outer)
        case ast.MergeStmt():
            return changes.merge(ctx, node, outer)
        case ast.VariableSetStmt():  # in a function
            if setting(node)[0] or node.kind == enums.VariableSetKind.VAR_SET_MULTI:
                ctx.effects.everything()
                ctx.effects.unsettle("session")
            return None
        case _:
            _top(ctx, node)
            return None


_CHANGES: dict[type, Kind] = {
    ast.SelectStmt: "select",
    ast.InsertStmt: "insert",
    ast.UpdateStmt: "update",
    ast.DeleteStmt: "delete",
    ast.MergeStmt: "merge",
}
_STATEFUL = frozenset(
    {"begin", "commit", "rollback", "savepoint", "release", "rollback to", "set", "prepare"}
    | {"execute", "declare", "fetch", "discard", "constraints"}
)
_TRANSACTION = enums.TransactionStmtKind
_ENDS: dict[int, Kind] = {
    _TRANSACTION.TRANS_STMT_BEGIN: "begin",
    _TRANSACTION.TRANS_STMT_START: "begin",
    _TRANSACTION.TRANS_STMT_COMMIT: "commit",
    _TRANSACTION.TRANS_STMT_ROLLBACK: "rollback",
    _TRANSACTION.TRANS_STMT_SAVEPOINT: "savepoint",
    _TRANSACTION.TRANS_STMT_RELEASE: "release",
    _TRANSACTION.TRANS_STMT_ROLLBACK_TO: "rollback to",
}
_TEXT = ColumnType("text")


def _top(ctx: Context, node: Any) -> tuple[Kind, bool]:
    """Read a statement that is not part of another; returns its kind, and whether it is the sort
    that takes a snapshot."""
    effects = ctx.effects
    match node:
        case ast.SelectStmt() if node.intoClause is not None:
            effects.everything()
            return "ddl", True
        case (
            ast.SelectStmt()
            | ast.InsertStmt()
            | ast.UpdateStmt()
            | ast.DeleteStmt()
            | ast.MergeStmt()
        ):
            unnamed(ctx, ctx.catalog.everywhere)
            statement(ctx, node, None)
            return _CHANGES[type(node)], True
        case ast.TransactionStmt():
            if node.kind in _ENDS:
                return _ENDS[node.kind], False
        case ast.VariableSetStmt():
            return "set", False
        case ast.VariableShowStmt() | ast.DeallocateStmt() | ast.ClosePortalStmt():
            return "local", False
        case ast.CheckPointStmt() | ast.LoadStmt():
            return "local", False
        case ast.ConstraintsSetStmt():
            effects.may_fail = True  # with IMMEDIATE, what was put off is checked
            return "constraints", True
        case ast.DiscardStmt():
            return "discard", False
        case ast.PrepareStmt():
            return "prepare", False
        case ast.ExecuteStmt():
            return "execute", True
        case ast.FetchStmt():
            return "fetch", True
        case ast.DeclareCursorStmt():
            statement(ctx, node.query, None)
            return "declare", True
        case ast.ExplainStmt():
            return _explain(ctx, node)
        case ast.CopyStmt():
            return _copy(ctx, node)
        case ast.TruncateStmt():
            changes.truncate(ctx, node)
            return "truncate", False
        case ast.LockStmt():
            _lock_table(ctx, node)
            return "lock", False
        case ast.NotifyStmt() | ast.ListenStmt() | ast.UnlistenStmt():
            channel = node.conditionname
            key = {} if channel is None else {"channel": Match(Const(channel), _TEXT)}
            effects.writes[pattern((NOTIFY,), key)] = None
            if isinstance(node, ast.UnlistenStmt):
                return "unlisten", False
            return ("notify" if isinstance(node, ast.NotifyStmt) else "listen"), False
        case ast.CallStmt():
            unnamed(ctx, ctx.catalog.everywhere)
            queries.expressions(ctx, node.funccall, Scope(None))
            return "call", True
        case ast.DoStmt():
            unnamed(ctx, ctx.catalog.everywhere)
            body_effects(ctx, anonymous(node))
            return "call", True
        case ast.VacuumStmt():
            effects.everything()
            return "other", True
    effects.everything()
    return "ddl", True


def _explain(ctx: Context, node: ast.ExplainStmt) -> tuple[Kind, bool]:
    options = {option.defname for option in node.options or ()}
    if "analyze" in options:
        statement(ctx, node.query, None)
    return "select", True


def _copy(ctx: Context, node: ast.CopyStmt) -> tuple[Kind, bool]:
    if node.is_program or (node.filename and not node.is_from):
        ctx.effects.everything()
    elif node.query is not None:
        statement(ctx, node.query, None)
    elif node.relation is not None:
        source = queries.relation(ctx.apart(), node.relation)
        if source.table is None:
            ctx.effects.everything()
        elif node.is_from:
            changes.insert_unknown(ctx, source.table)
        else:
            ctx.effects.look(source.table, [{}])
    return "copy", True


def _lock_table(ctx: Context, node: ast.LockStmt) -> None:
    for name in node.relations:
        source = queries.relation(ctx.apart(), name)
        if source.table is None:
            ctx.effects.everything()
            return
        locked = Effects()
        locked.lock_table(source.table, readers=node.mode == _ACCESS_EXCLUSIVE)
        if node.nowait:
            locked.tests |= locked.locks
        ctx.effects.add(locked)


def setting(node: ast.VariableSetStmt) -> tuple[str, tuple[str, ...] | None]:
    """The name a SET is about, and its values; None for RESET, DEFAULT and the unreadable.

    Only for settings in ``SESSION_SETTINGS``; "" stands for all others.
    """
    if node.kind == enums.VariableSetKind.VAR_RESET_ALL:
        return "all", None
    name = (node.name or "").lower()
    if name not in SESSION_SETTINGS and node.kind != enums.VariableSetKind.VAR_SET_MULTI:
        return "", None
    values = [
        argument.val.sval
        for argument in node.args or ()
        if isinstance(argument, ast.A_Const) and isinstance(argument.val, ast.String)
    ]
    return name, tuple(values) if node.args and len(values) == len(node.args) else None


def isolation_option(options: Any) -> str | None:
    """The isolation level in the options of BEGIN or SET TRANSACTION; None if it is not there."""
    for option in options or ():
        if isinstance(option, ast.DefElem) and option.defname == "transaction_isolation":
            argument = option.arg
            if isinstance(argument, ast.A_Const) and isinstance(argument.val, ast.String):
                return str(argument.val.sval).lower()
    return None
