"""Facts about the product's source, gathered in one pass for all tests of a run."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("harness", "reports", "scenarios", "reference_service")


@dataclass(frozen=True)
class Facts:
    """``classes`` are (name, place), ``texts`` strings that stand alone, (text, place): those are
    docstrings, of fields and constants too; ``functions`` has those of functions, ``things`` those
    of classes and modules; ``imports`` are (path, module)."""

    classes: list[tuple[str, str]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    functions: list[tuple[str, str]] = field(default_factory=list)
    things: list[tuple[str, str]] = field(default_factory=list)
    imports: set[tuple[str, str]] = field(default_factory=set)


@functools.cache
def facts() -> Facts:
    """Return the facts of all modules; a place is a path below the root, and a line."""
    gathered = Facts()
    for part in PARTS:
        for file in sorted((ROOT / part).rglob("*.py")):
            _gather(file.relative_to(ROOT).as_posix(), ast.parse(file.read_text()), gathered)
    return gathered


def _gather(path: str, tree: ast.Module, gathered: Facts) -> None:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                gathered.functions.append((ast.get_docstring(node) or "", f"{path}:{node.lineno}"))
            case ast.ClassDef():
                gathered.things.append((ast.get_docstring(node) or "", f"{path}:{node.lineno}"))
            case ast.Module():
                gathered.things.append((ast.get_docstring(node) or "", path))
        match node:
            case ast.ClassDef(name=name):
                gathered.classes.append((name, f"{path}:{node.lineno}"))
            case ast.Expr(value=ast.Constant(value=str(text))):
                gathered.texts.append((text, f"{path}:{node.lineno}"))
            case ast.Import(names=names):
                gathered.imports.update((path, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module)):
                gathered.imports.add((path, module))
