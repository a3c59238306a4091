"""The footprint of one statement: what it looks at, locks and writes.

Rules of locking are those of the manual, chapter 13 and section 62.5 (unique indexes), checked
against a real server by tests that run pairs of statements in both orders.
"""

from __future__ import annotations

from typing import Any

from paidonce.harness.explore.footprint.sql import changes, queries
from paidonce.harness.explore.footprint.sql.calls import NOTIFY, SESSION_SETTINGS, unnamed
from paidonce.harness.explore.footprint.sql.effects import Context, Effects, Outputs
from paidonce.harness.explore.footprint.sql.routines import anonymous, body_effects
from paidonce.harness.explore.footprint.sql.scope import Scope
from paidonce.harness.explore.footprint.sql.statement_footprint import Kind
from paidonce.harness.explore.footprint.sql.symbols import Const, Match, pattern
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast, enums

_ACCESS_EXCLUSIVE = 8  # src/include/storage/lockdefs.h


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
            read_alone(ctx, node)
            return None


_CHANGES: dict[type, Kind] = {
    ast.SelectStmt: "select",
    ast.InsertStmt: "insert",
    ast.UpdateStmt: "update",
    ast.DeleteStmt: "delete",
    ast.MergeStmt: "merge",
}
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


def read_alone(ctx: Context, node: Any) -> tuple[Kind, bool]:
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
    """Return the name a SET is about, and its values; None for RESET, DEFAULT and the unreadable.

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
    """Return the isolation level in the options of BEGIN or SET TRANSACTION; None without one."""
    for option in options or ():
        if isinstance(option, ast.DefElem) and option.defname == "transaction_isolation":
            argument = option.arg
            if isinstance(argument, ast.A_Const) and isinstance(argument.val, ast.String):
                return str(argument.val.sval).lower()
    return None
