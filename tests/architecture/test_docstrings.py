"""A docstring begins with a verb, or with what the thing is: never with a question."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("harness", "reports", "scenarios", "reference_service")
QUESTIONS = ("What", "Whether")


def test_no_docstring_begins_with_a_question() -> None:
    seen, questions = 0, []
    for part in PRODUCT:
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(
                    node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
                ):
                    continue
                words = (ast.get_docstring(node) or "").split()
                seen += bool(words)
                if words and words[0].strip('",.:') in QUESTIONS:
                    line = getattr(node, "lineno", 1)
                    questions.append(f"{path.relative_to(ROOT)}:{line}: {' '.join(words[:8])}")
    assert seen > 3000
    assert questions == []
