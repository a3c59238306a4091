"""The beginning of a transaction, made that of a SERIALIZABLE one."""

from __future__ import annotations

from paidonce.harness import sql_trees
from paidonce.harness.predict.asking import only
from paidonce.harness.sql_trees import ast


def serializable(sql: str) -> str | None:
    """Return a statement that begins a REPEATABLE READ transaction with the other level; None of
    any other statement."""
    node = only(sql)
    if not isinstance(node, ast.TransactionStmt):
        return None
    for option in node.options or ():
        if isinstance(option, ast.DefElem) and option.defname == "transaction_isolation":
            option.arg = ast.A_Const(val=ast.String(sval="serializable"))
            return sql_trees.written(node)
    return None
