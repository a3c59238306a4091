"""A docstring begins with a verb, or with what the thing is: never with a question."""

from __future__ import annotations

from product import facts

QUESTIONS = ("What", "Whether")


def test_no_docstring_begins_with_a_question() -> None:
    """Those of fields and constants are a string after them, which Python itself drops."""
    texts = [(text.split(), place) for text, place in facts().texts]
    assert len(texts) > 4000
    assert [
        f"{place}: {' '.join(words[:8])}"
        for words, place in texts
        if words and words[0].strip('",.:') in QUESTIONS
    ] == []
