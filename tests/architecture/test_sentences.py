"""What the product tells people it never takes apart again: data stays data to the last writer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("harness", "reports", "scenarios", "reference_service")
READS_OLD_FILES = "format1.py"
"""Files of format 1 hold nothing but sentences."""

SENTENCES = frozenset({"reason", "reasons", "broken", "why", "explanation", "established"})
"""What sentences for people are called, as attributes, keys and variables."""
TAKE_APART = frozenset(
    {
        *("split", "rsplit", "partition", "rpartition", "startswith", "endswith"),
        *("removeprefix", "removesuffix", "find", "index", "rfind", "rindex"),
        *("match", "search", "fullmatch", "findall", "finditer", "sub"),
    }
)
"""Methods of texts, of regular expressions, and functions of ``re``."""
OF_LABELS = frozenset({"gist", "quoted"})
"""Functions that shorten SQL, and so look into it: for labels, never for a sentence with them."""


def taken_apart(source: str) -> Iterator[int]:
    """Return the lines in which a sentence is taken apart, or looked into by ``in``.

    A variable that was set to a sentence, or runs through sentences, is one as well, in its whole
    function.
    """
    if not any(name in source for name in SENTENCES | OF_LABELS):
        return
    tree, lines = ast.parse(source), source.splitlines()
    for scope in ast.walk(tree):
        match scope:
            case ast.Module():
                own = lines
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                own = lines[scope.lineno - 1 : scope.end_lineno]
            case _:
                continue
        if not any(name in line for line in own for name in SENTENCES | OF_LABELS):
            continue
        known = set(SENTENCES)
        for _ in range(3):  # a sentence may be handed on
            known |= set(_bound(scope, known))
        yield from (node.lineno for node in ast.walk(scope) if _looks_into(node, known))


def _bound(scope: ast.AST, known: set[str]) -> Iterator[str]:
    for node in ast.walk(scope):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                if _is_sentence(value, known):
                    yield name
            case (
                ast.For(target=ast.Name(id=name), iter=value)
                | ast.comprehension(target=ast.Name(id=name), iter=value)
            ):
                if _is_sentence(value, known):
                    yield name


def _looks_into(node: ast.AST, known: set[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[text, *_]) if name in OF_LABELS:
            return isinstance(text, ast.JoinedStr) or _is_sentence(text, known)
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=name), _]):
            return name in OF_LABELS
        case ast.Call(func=ast.Attribute(attr=method, value=text), args=arguments):
            if method not in TAKE_APART:
                return False
            on_it = _is_sentence(text, known)
            return on_it or any(_is_sentence(argument, known) for argument in arguments)
        case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()]):
            return _is_sentence(node.comparators[0], known)
    return False


def _is_sentence(node: ast.expr, known: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name in SENTENCES
        case ast.Subscript(value=value):
            return _is_sentence(value, known)
        case ast.BoolOp(values=values):
            return any(_is_sentence(value, known) for value in values)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_sentence(body, known) or _is_sentence(orelse, known)
        case ast.Call(func=ast.Name(id="str"), args=[value]):
            return _is_sentence(value, known)
    return False


def test_no_sentence_is_taken_apart() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for part in PRODUCT
        for path in sorted((ROOT / part).rglob("*.py"))
        if path.name != READS_OLD_FILES
        for line in sorted(set(taken_apart(path.read_text())))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'checker, _, rest = text.reason.partition(": ")',
        'verdict.reason.startswith("this run cannot judge it: ")',
        're.search(r"(\\w+): not ", verdict.reason)',
        '_BUDGET.sub("", found.reason)',
        "def f(broken):\n    for text in broken:\n        _BEGINS.finditer(text)",
        'def f(found):\n    said = found.reason\n    return said.removeprefix("invariants: ")',
        'self.broken[0].removeprefix("invariants: ")',
        'names = [name for name in Capability if "stripe" in verdict.reason]',
        'finding["reason"].split("; ")',
        'parts = [one.split("; ") for one in search.broken]',
        'said = gist(f"{one} waits")',
        "replace(result, reason=gist(result.reason))",
        "told = map(gist, found)",
    ],
)
def test_what_takes_a_sentence_apart_is_found(source: str) -> None:
    assert list(taken_apart(source))


@pytest.mark.parametrize(
    "source",
    [
        'text = f"{verdict.checker}: {verdict.reason}"',
        'label.partition(" ")',
        "gist(step.label)",
        "verdict.reason == other.reason",
        '"invariants" in checkers',
        "reason = path.removesuffix('.json')",
    ],
)
def test_what_tells_one_is_not(source: str) -> None:
    assert not list(taken_apart(source))
