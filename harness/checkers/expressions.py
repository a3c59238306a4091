"""Conditions over observed values, as people write them: ``stock == before.stock - sold``.

The syntax is a small part of Python's: names, numbers, texts in quotes, ``+ - *``, comparisons
(also chained), ``and``, ``or``, ``not`` and parentheses. Nothing is ever run as Python.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Value = int | float | str | bool

BEFORE = "before"
"""``before.NAME`` is what NAME was before the attempts began."""
LONGEST = 4000
"""Characters of a condition."""
DEEPEST = 100
"""Levels of a condition."""


def _times(left: Value, right: Value) -> Value:
    """The product of two numbers: a text many times over would be as long as anybody likes."""
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError("a text cannot be multiplied")
    return left * right


_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMPUTE: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _times,
}


class BadExpression(ValueError):
    """The text is no condition; the message says what is wrong with it."""


class NoValue(Exception):
    """A name of the condition has no value; ``str`` of it is the name."""


@dataclass(frozen=True)
class Expression:
    """A parsed condition. ``names`` are those of observed values, ``before`` of earlier ones."""

    text: str
    names: frozenset[str]
    before: frozenset[str]
    _tree: ast.expr

    def holds(self, values: Mapping[str, Value], before: Mapping[str, Value]) -> bool:
        """Return whether it is true of these values. Raises ``NoValue``, ``TypeError`` (of "a" <
        1)."""
        return bool(_evaluate(self._tree, values, before))


def parse(text: str) -> Expression:
    """The condition in ``text``. Raises ``BadExpression``."""
    if len(text) > LONGEST:
        raise BadExpression(
            f"{text[:60]!r}… has {len(text)} characters; expected {LONGEST} at most"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        if isinstance(error, SyntaxError) and _single_equals(text):
            said = "equality is written =="
        raise BadExpression(f"{text!r} cannot be read: {said}") from None
    if _depth(tree) > DEEPEST:
        raise BadExpression(f"{text[:60]!r}… is nested more than {DEEPEST} levels deep")
    names: set[str] = set()
    before: set[str] = set()
    for place in _walk(tree, text):
        (before if isinstance(place, ast.Attribute) else names).add(
            place.attr if isinstance(place, ast.Attribute) else place.id
        )
    if not isinstance(tree, ast.Compare | ast.BoolOp) and not (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    ):
        raise BadExpression(f"{text!r} compares nothing; expected something like 'charges == 1'")
    return Expression(text.strip(), frozenset(names), frozenset(before), tree)


def _depth(tree: ast.expr) -> int:
    """Return how many levels there are; counted without recursion, which deep ones would end."""
    depth, level = 0, [tree]
    while level and depth <= DEEPEST:
        depth += 1
        below = (child for node in level for child in ast.iter_child_nodes(node))
        level = [child for child in below if isinstance(child, ast.expr)]
    return depth


def _single_equals(text: str) -> bool:
    bare = text
    for sign in ("==", "!=", "<=", ">="):
        bare = bare.replace(sign, "")
    return "=" in bare


def _walk(node: ast.expr, text: str) -> Iterator[ast.Name | ast.Attribute]:
    """The names in a condition. Raises ``BadExpression`` at what is none of its syntax."""
    match node:
        case ast.Name():
            yield node
        case ast.Attribute(value=ast.Name(id=base)) if base == BEFORE:
            yield node
        case ast.Constant(value=int() | float() | str()):
            return
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=inner):
            yield from _walk(inner, text)
        case (
            ast.BinOp(op=ast.Mult(), left=ast.Constant(value=str()))
            | ast.BinOp(op=ast.Mult(), right=ast.Constant(value=str()))
        ):
            raise BadExpression(f"{text!r} multiplies a text; expected numbers beside *")
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            yield from _walk(left, text)
            yield from _walk(right, text)
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from _walk(part, text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARE for op in ops
        ):
            for part in (left, *others):
                yield from _walk(part, text)
        case _:
            said = ast.get_source_segment(text.strip(), node) or text
            raise BadExpression(
                f"{said!r} is not understood; there are names, numbers, 'texts', + - *, "
                "== != < <= > >=, and, or, not, before.NAME"
            )


def _evaluate(node: ast.expr, values: Mapping[str, Value], before: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() | str() as constant):
            return constant
        case ast.Name(id=name):
            if name not in values:
                raise NoValue(name)
            return values[name]
        case ast.Attribute(attr=name):
            if name not in before:
                raise NoValue(f"{BEFORE}.{name}")
            return before[name]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _evaluate(inner, values, before)
        case ast.UnaryOp(operand=inner):
            return _COMPUTE[ast.Sub](0, _evaluate(inner, values, before))
        case ast.BinOp(op=op, left=left, right=right):
            compute = _COMPUTE[type(op)]
            return compute(_evaluate(left, values, before), _evaluate(right, values, before))
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_evaluate(part, values, before) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_evaluate(part, values, before) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_evaluate(part, values, before) for part in (left, *others)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return all(_COMPARE[type(op)](one, other) for op, one, other in pairs)
        case _:
            raise AssertionError(ast.dump(node))
