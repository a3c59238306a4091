"""No module knows itself by way of others, and the house stays low."""

from __future__ import annotations

import ast
import graphlib
from collections import defaultdict

import pytest
from product import PARTS, ROOT

FLOORS = 11
"""How many parts of the harness at most stand upon each other."""

Imports = dict[str, set[str]]


def imports_of(sources: dict[str, str]) -> Imports:
    """Return which module imports which, for a type alone and within functions as well.

    ``sources`` are by path. What imports only names that a package hands on, imports the package.
    """
    names = {module(path): path for path in sources}
    graph: Imports = {name: set() for name in names}
    for name, path in names.items():
        for node in ast.walk(ast.parse(sources[path])):
            match node:
                case ast.ImportFrom(module=str(base), names=aliases):
                    ends = [(f"{base}.{alias.name}", base) for alias in aliases]
                case ast.Import(names=aliases):
                    ends = [(alias.name, alias.name) for alias in aliases]
                case _:
                    continue
            for longer, shorter in ends:
                end = longer if longer in names else shorter
                if end in names and end != name:
                    graph[name].add(end)
    return graph


def module(path: str) -> str:
    """Return the name by which the file of that path is imported."""
    return f"paidonce.{path.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


def circle(graph: Imports) -> list[str]:
    """Return modules that import each other in a circle, none if there are none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def floors(graph: Imports) -> int:
    """Return how many stand upon each other in the longest chain."""
    height: dict[str, int] = {}
    for name in graphlib.TopologicalSorter(graph).static_order():
        height[name] = 1 + max((height[below] for below in graph.get(name, ())), default=0)
    return max(height.values())


def wings(graph: Imports) -> Imports:
    """Return which part of the harness imports which; reports and scenarios are one part each."""
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for name, ends in graph.items():
        parts[wing(name)] |= {wing(end) for end in ends} - {wing(name)}
    return parts


def wing(name: str) -> str:
    _, part, *rest = name.split(".")
    return f"{part}.{rest[0]}" if part == "harness" and rest else part


@pytest.fixture(scope="module")
def product() -> Imports:
    files = (file for part in PARTS for file in (ROOT / part).rglob("*.py"))
    return imports_of({file.relative_to(ROOT).as_posix(): file.read_text() for file in files})


def test_no_module_imports_itself_by_way_of_others(product: Imports) -> None:
    assert len(product) > 700
    assert circle(product) == []


def test_the_parts_stand_on_few_floors(product: Imports) -> None:
    parts = wings(product)
    assert circle(parts) == []
    assert floors(parts) <= FLOORS


def test_a_circle_through_a_type_is_one() -> None:
    graph = imports_of(
        {
            "harness/a/one.py": "from paidonce.harness.b import two",
            "harness/b/__init__.py": "",
            "harness/b/two.py": "if TYPE_CHECKING:\n    from paidonce.harness.a.one import One",
        }
    )
    assert set(circle(graph)) == {"paidonce.harness.a.one", "paidonce.harness.b.two"}
    assert set(circle(wings(graph))) == {"harness.a", "harness.b"}


def test_floors_are_counted_along_the_longest_chain() -> None:
    assert floors({"top": {"middle", "ground"}, "middle": {"ground"}, "ground": set()}) == 3
