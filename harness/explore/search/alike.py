"""Labels that stand for the same step, though they differ in numbers that are made up anew.

A tap's labels have no literals. What is left of values is in identifiers: a savepoint is called
after the thread that set it, a cursor or a temporary table after a counter, a path at Stripe has an
id in it. What a step touches is compared by itself (``running.check_behind``), so that nothing is
taken for the same here that is not.
"""

from __future__ import annotations

import functools
import re

_CUT = "…"
_MADE_UP = re.compile(r"(?=[0-9A-Fa-f]*[0-9])[0-9A-Fa-f]{8,}|[0-9]+")


def alike(one: str, other: str) -> bool:
    """Return whether the labels are the same but for numbers, and hexadecimal ones of eight
    digits."""
    if one == other:
        return True
    first, second = _plain(one), _plain(other)
    if _CUT in (first[-1:], second[-1:]):  # a shorter number leaves more of what comes after it
        first, second = first.removesuffix(_CUT), second.removesuffix(_CUT)
        length = min(len(first), len(second))
        return first[:length] == second[:length]
    return first == second


@functools.lru_cache(maxsize=1024)
def _plain(label: str) -> str:
    return _MADE_UP.sub("0", label)
