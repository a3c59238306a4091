"""A docstring begins with a verb, or with what the thing is: never with a question."""

from __future__ import annotations

from collections.abc import Iterable

from product import facts

QUESTIONS = ("What", "Whether")
OF_THINGS = (*QUESTIONS, "How")
OF_FUNCTIONS = (*OF_THINGS, "Who", "Where", "When", "Which", "Why")
"""A field may be "How long it took"; a function returns it."""


def questions(texts: Iterable[tuple[str, str]], words: tuple[str, ...]) -> list[str]:
    """Return the places of the texts that begin with one of ``words``, with how they go on."""
    begun = [(text.split(), place) for text, place in texts]
    return [
        f"{place}: {' '.join(told[:8])}"
        for told, place in begun
        if told and told[0].strip('",.:') in words
    ]


def test_no_docstring_begins_with_a_question() -> None:
    """Those of fields and constants are a string after them, which Python itself drops."""
    assert len(facts().texts) > 4000
    assert questions(facts().texts, QUESTIONS) == []


def test_no_docstring_of_a_function_asks_how_who_or_when() -> None:
    assert len(facts().functions) > 4000
    assert questions(facts().functions, OF_FUNCTIONS) == []


def test_no_docstring_of_a_class_or_a_module_asks_how() -> None:
    assert len(facts().things) > 1500
    assert questions(facts().things, OF_THINGS) == []


def test_a_question_is_noticed() -> None:
    texts = [("How many there are.", "a.py:1"), ("Return how many.", "a.py:2"), ("", "a.py:3")]
    assert questions(texts, OF_FUNCTIONS) == ["a.py:1: How many there are."]
    assert questions([('"What": a word.', "b.py:1")], QUESTIONS) == ['b.py:1: "What": a word.']
