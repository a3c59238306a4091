"""Garbage is collected seldom, and collected all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from paidonce.harness.process.garbage import seldom_collected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


class _Node:
    def __init__(self) -> None:
        self.itself = self


def test_cycles_are_collected_before_there_are_many() -> None:
    gc.disable()
    seldom_collected()
    gone: list[int] = []
    for number in range(200_000):
        weakref.finalize(node := _Node(), gone.append, number)
        del node
        if gone:
            break
    assert gone


def test_what_was_there_is_looked_through_no_more() -> None:
    there = _Node()
    seldom_collected()
    watch = weakref.ref(there)
    del there
    gc.collect()
    assert watch() is not None
    gc.unfreeze()
    gc.collect()
    assert watch() is None
