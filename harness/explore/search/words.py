"""The few phrases coverage is stated in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paidonce.harness.results.words import listed


def attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def tap_steps(copies: Sequence[str]) -> str:
    """``tap steps, sent to 2 copies of web in turn``."""
    return f"tap steps, sent to {listed(copies)} in turn" if copies else "tap steps"


def with_besides(steps: str, besides: Collection[str]) -> str:
    """``tap steps, with lease over at any of them``."""
    return f"{steps}, with {listed(sorted(besides))} at any of them" if besides else steps


def at_most(switches: int) -> str:
    """``at most 2 preemptive context switches``: away from one that could have gone on."""
    if switches == 0:
        return "no preemptive context switch"
    return f"at most {switches} preemptive context switch{'es' if switches > 1 else ''}"


def executions_left(waiting: int) -> str:
    if not waiting:
        return ""
    return f"; at least {waiting} more execution{'s are' if waiting > 1 else ' is'} left"
