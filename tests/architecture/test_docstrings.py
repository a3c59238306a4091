"""A docstring begins with a verb, or with what the thing is: never with a question."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("harness", "reports", "scenarios", "reference_service")
QUESTIONS = ("What", "Whether")


def test_no_docstring_begins_with_a_question() -> None:
    """Those of fields and constants are a string after them, which Python itself drops."""
    seen, questions = 0, []
    for part in PRODUCT:
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        seen += 1
                        words = text.split()
                        if words and words[0].strip('",.:') in QUESTIONS:
                            place = f"{path.relative_to(ROOT)}:{node.lineno}"
                            questions.append(f"{place}: {' '.join(words[:8])}")
    assert seen > 4000
    assert questions == []
