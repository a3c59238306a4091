"""A name of a class stands for one thing, or for two that nobody takes for each other."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("harness", "reports", "scenarios", "reference_service")


def test_no_name_of_a_class_stands_for_more_than_two_things() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for part in PRODUCT:
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 800
    assert {name: found for name, found in places.items() if len(found) > 2} == {}
