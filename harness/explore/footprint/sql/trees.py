"""The trees of Postgres's own parser (``paidonce.harness.sql_trees``), read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.sql.symbols import (
    NEW,
    NULL,
    Cast,
    Const,
    Elements,
    Hashed,
    Joined,
    OneOf,
    Param,
    Symbol,
)
from paidonce.harness.explore.footprint.sql.types import FAMILIES, Family
from paidonce.harness.sql_trees import ast, enums

Tree = Any
"""A node, a tuple of trees, or None: what a field of a node may hold."""

_RANDOM = frozenset({"gen_random_uuid", "uuidv4", "uuidv7", "uuid_generate_v1", "uuid_generate_v4"})


class NotParsed(ValueError):
    """Postgres's parser refused it; so will the server."""


def parsed(sql: str) -> tuple[ast.Node, ...]:
    """The statements in ``sql``. Raises ``NotParsed``."""
    try:
        return tuple(raw.stmt for raw in sql_trees.parse_sql(sql))
    except (sql_trees.ParseError, ValueError) as error:
        raise NotParsed(str(error)) from error


def children(node: ast.Node) -> Iterator[Tree]:
    """Return the nodes, and tuples of nodes, directly below a node."""
    for field in type(node).__slots__:
        found = getattr(node, field)
        if isinstance(found, ast.Node | tuple):
            yield found


def below(node: Tree) -> Iterator[Any]:
    """Return the node and all nodes in it, those nearer the top first."""
    if isinstance(node, tuple):
        for part in node:
            yield from below(part)
    elif isinstance(node, ast.Node):
        yield node
        for part in children(node):
            yield from below(part)


def strings(nodes: object) -> tuple[str, ...]:
    """The words of a qualified name."""
    if not isinstance(nodes, tuple):
        return ()
    return tuple(node.sval for node in nodes if isinstance(node, ast.String))


def operator(node: ast.A_Expr) -> str | None:
    """The operator's name unless it is qualified with a schema of the user's."""
    words = strings(node.name)
    if len(words) == 2 and words[0] == "pg_catalog":
        return words[1]
    return words[0] if len(words) == 1 else None


class TreeReader:
    """Turns expressions into symbols. ``enums`` names the enumeration types.

    Without ``params`` the parameters are those of something that is called, and not known.
    """

    def __init__(self, enums: frozenset[str], *, params: bool = True) -> None:
        self._enums = enums
        self._params = params

    def inside_a_body(self) -> TreeReader:
        """One for the body of a function, whose parameters are its own."""
        return TreeReader(self._enums, params=False)

    def symbol(self, node: Tree) -> Symbol | None:
        """The value of an expression without columns; None if that is beyond us."""
        match node:
            case ast.A_Const():
                return constant(node)
            case ast.ParamRef():
                return Param(node.number) if self._params else None
            case ast.TypeCast():
                return self._cast(node)
            case ast.A_Expr() if node.kind == enums.A_Expr_Kind.AEXPR_OP and node.lexpr:
                if operator(node) == "||":
                    return self._joined(node)
            case ast.FuncCall():
                return self._call(node)
        return None

    def options(self, node: Tree) -> Symbol | None:
        """The value of the right side of ``= ANY (...)``: any of several."""
        match node:
            case ast.A_ArrayExpr():
                return self.one_of(node.elements or ())
            case ast.TypeCast() if node.typeName.arrayBounds:
                family = self.family(node.typeName)
                if isinstance(node.arg, ast.A_ArrayExpr):
                    inner = self.options(node.arg)
                    if not isinstance(inner, OneOf):
                        return None
                    return OneOf(tuple(Cast(option, family) for option in inner.options))
                array = self.symbol(node.arg)
                return None if array is None or node.typeName.typmods else Elements(array, family)
            case ast.ParamRef() | ast.A_Const():
                array = self.symbol(node)
                return None if array is None else Elements(array)
        return None

    def one_of(self, nodes: tuple[Tree, ...]) -> Symbol | None:
        """Any of several expressions."""
        symbols = [self.symbol(node) for node in nodes]
        known = tuple(symbol for symbol in symbols if symbol is not None)
        return OneOf(known) if len(known) == len(symbols) else None

    def family(self, name: ast.TypeName) -> Family:
        """The family of a type by its name."""
        words = strings(name.names)
        if words[-1] in self._enums:
            return "text"
        if len(words) == 1 or words[0] == "pg_catalog":
            return FAMILIES.get(words[-1], "other")
        return "other"

    def _cast(self, node: ast.TypeCast) -> Symbol | None:
        inner = self.symbol(node.arg)
        if inner is None or node.typeName.arrayBounds or node.typeName.setof:
            return None
        return Cast(inner, self.family(node.typeName), cut=bool(node.typeName.typmods))

    def _joined(self, node: ast.A_Expr) -> Symbol | None:
        left, right = self.symbol(node.lexpr), self.symbol(node.rexpr)
        return None if left is None or right is None else Joined((left, right))

    def _call(self, node: ast.FuncCall) -> Symbol | None:
        words = strings(node.funcname)
        args = [self.symbol(arg) for arg in node.args or ()]
        if words[-1] in _RANDOM and not args:
            return Const(NEW)
        if len(words) > 1 and words[0] != "pg_catalog":
            return None
        match words[-1], args:
            case "hashtext", [Symbol() as text]:
                return Hashed(text)
            case "hashtextextended", [Symbol() as text, Symbol() as seed]:
                return Hashed(text, seed)
        return None


def constant(node: ast.A_Const) -> Symbol | None:
    """A literal's value."""
    if node.isnull:
        return Const(NULL)
    match node.val:
        case ast.Integer():
            return Const(str(node.val.ival))
        case ast.Float():
            return Const(node.val.fval)
        case ast.String():
            return Const(node.val.sval)
        case ast.Boolean():
            return Const("true" if node.val.boolval else "false")
    return None
