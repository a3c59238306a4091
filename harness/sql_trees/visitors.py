"""Visits all nodes of a tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from paidonce.harness.sql_trees.ast import Node

Ancestors = tuple[Node, ...]


class Visitor:
    """Calls ``visit_NAME(ancestors, node)`` for each node of a class NAME, from the top.

    Those of one depth come before deeper ones, each in the order of the fields. ``ancestors`` are
    the nodes above, from the top.
    """

    def __call__(self, tree: Any) -> None:
        """Visit a node, or the nodes in a tuple, with all that are below."""
        waiting = deque(_nodes((), tree))
        while waiting:
            ancestors, node = waiting.popleft()
            visit = getattr(self, f"visit_{type(node).__name__}", None)
            if visit is not None:
                visit(ancestors, node)
            for name in node.__slots__:
                waiting.extend(_nodes((*ancestors, node), getattr(node, name)))


def _nodes(ancestors: Ancestors, value: Any) -> Iterator[tuple[Ancestors, Node]]:
    """The node that a field holds, or the nodes in its list."""
    if isinstance(value, Node):
        yield ancestors, value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _nodes(ancestors, one)
