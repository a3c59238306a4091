"""Alarms: discoveries of an execution that its search has to know at once, and begin again.

A search reduces by what it takes the service to be like. Where one execution shows that it is not,
the executions so far prove nothing, so that the search is told in the middle of it: an alarm is
called, which may raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from paidonce.harness.explore.control.lessons import (
    ListsInOrder,
    MindedAtOnce,
    MustHoldApart,
    OneKeyTwice,
    SharesMemory,
    TriesWithoutEnd,
)


@dataclass(frozen=True)
class Alarms:
    """Whom an execution calls when it comes upon something; None where nobody wants to know."""

    inside: Callable[[], None] | None = None
    """Called when an attempt is found to wait inside the service."""
    listed: Callable[[frozenset[str]], None] | None = None
    """Called with collections of Stripe's that are looked through beyond ``Mode.lists``."""
    overtaken: Callable[[frozenset[str]], None] | None = None
    """Called with kinds of statements that were no single moments after all."""
    twice: Callable[[frozenset[str]], None] | None = None
    """Called with calls beyond ``Mode.split`` that several attempts make under one key."""
    endless: Callable[[str], None] | None = None
    """Called with what an attempt tries without end, beyond ``Mode.endless``."""
    minded: Callable[[frozenset[str]], None] | None = None
    """Called with units that are to go after what is sent at once with them, from now on."""


def _shares_memory() -> NoReturn:
    raise SharesMemory


def _must_hold_apart(units: frozenset[str]) -> NoReturn:
    raise MustHoldApart(units)


def _one_key_twice(calls: frozenset[str]) -> NoReturn:
    raise OneKeyTwice(calls)


def _lists_in_order(collections: frozenset[str]) -> NoReturn:
    raise ListsInOrder(collections)


def _tries_without_end(label: str) -> NoReturn:
    raise TriesWithoutEnd(label)


def _minded_at_once(labels: frozenset[str]) -> NoReturn:
    raise MindedAtOnce(labels)


SILENT = Alarms()
RAISING = Alarms(
    inside=_shares_memory,
    listed=_lists_in_order,
    overtaken=_must_hold_apart,
    twice=_one_key_twice,
    endless=_tries_without_end,
    minded=_minded_at_once,
)
"""Alarms by which a search is ended in the middle of an execution."""
