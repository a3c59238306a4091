"""Writes trees as SQL again."""

from __future__ import annotations

from typing import Any

import postgast
from google.protobuf.descriptor import FieldDescriptor
from postgast import pg_query_pb2

from paidonce.harness.sql_trees.ast import NODES, Node

_MEMBERS = {field.message_type.name: field.name for field in pg_query_pb2.Node.DESCRIPTOR.fields}
"""By the name of a node, where it is in a message that may hold any."""
_CONSTANTS = {
    "Integer": "ival",
    "Float": "fval",
    "Boolean": "boolval",
    "String": "sval",
    "BitString": "bsval",
}


def written(tree: Node) -> str:
    """Return a statement, an expression or an item of ORDER BY as SQL.

    Raises ``paidonce.harness.sql_trees.ParseError`` where it is nothing that can be written.
    """
    name = type(tree).__name__
    if name == "RawStmt":
        return written(tree.stmt)  # type: ignore[attr-defined]
    if name.endswith("Stmt"):
        return _written(tree)
    if name == "SortBy":
        return _written(NODES["SelectStmt"](sortClause=(tree,))).removeprefix("SELECT ORDER BY ")
    target = NODES["ResTarget"](val=tree)
    return _written(NODES["SelectStmt"](targetList=(target,))).removeprefix("SELECT ")


def _written(statement: Node) -> str:
    result = pg_query_pb2.ParseResult()
    _fill(result.stmts.add().stmt, statement)
    return str(postgast.deparse(result))


def _fill(message: Any, value: Any) -> None:
    """Fill a message that may hold any node."""
    if value is None:
        return
    if isinstance(value, tuple | list):
        message.list.SetInParent()
        for one in value:
            _fill(message.list.items.add(), one)
        return
    held = getattr(message, _MEMBERS[type(value).__name__])
    held.SetInParent()
    _fill_node(held, value)


def _fill_node(message: Any, node: Node) -> None:
    """Fill a message with the fields of the node that it is for."""
    for field in message.DESCRIPTOR.fields:
        if message.DESCRIPTOR.name == "A_Const" and field.containing_oneof is not None:
            continue
        value = getattr(node, field.json_name)
        if value is None:
            _default(message, field)
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            if field.is_repeated:
                getattr(message, field.name).extend(value)
            else:
                one_more = field.type == FieldDescriptor.TYPE_ENUM
                setattr(message, field.name, value + 1 if one_more else value)
        elif field.is_repeated:
            for one in value:
                _fill_one(getattr(message, field.name).add(), one)
        else:
            held = getattr(message, field.name)
            held.SetInParent()
            _fill_one(held, value)
    if message.DESCRIPTOR.name == "A_Const" and node.val is not None:  # type: ignore[attr-defined]
        value = node.val  # type: ignore[attr-defined]
        held = getattr(message, _CONSTANTS[type(value).__name__])
        held.SetInParent()
        _fill_node(held, value)


def _fill_one(message: Any, value: Any) -> None:
    if message.DESCRIPTOR.name == "Node":
        _fill(message, value)
    else:
        _fill_node(message, value)


def _default(message: Any, field: Any) -> None:
    """An enumeration that nobody set has the first of its values, as in C."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        setattr(message, field.name, 1)
