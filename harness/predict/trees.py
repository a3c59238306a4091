"""Walking Postgres's parse trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paidonce.harness.explore.footprint.sql.trees import Tree, children
from paidonce.harness.sql_trees import ast


def below(node: Tree) -> Iterator[Any]:
    """The node and all nodes in it, those nearer the top first."""
    if isinstance(node, tuple):
        for part in node:
            yield from below(part)
    elif isinstance(node, ast.Node):
        yield node
        for part in children(node):
            yield from below(part)
