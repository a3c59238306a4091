"""Under each figure: on which machine, with what, how often, and how to make it again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.words import count
from paidonce.reports.words import moment, number


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """``words`` end without a full stop; ``command`` makes the figure again."""

    words: str
    command: str


def made(proof: Proof, loads: Sequence[Load]) -> Provenance:
    """Return how ``loads``, measured in ``proof``, were made."""
    machine = proof.machine
    users = sorted({load.users for load in loads})
    seconds = sorted({round(load.seconds) for load in loads})
    runs = max((load.round for load in loads), default=1)
    parts = [
        f"{machine.system}, {count(machine.cpus, 'CPU')}",
        f"paidonce {machine.paidonce}, Python {machine.python}",
        ", ".join(f"{role} {what}" for role, what in machine.backends.items()),
        f"{_span(users)} users, {_span(seconds)} s measured"
        + (f", {runs} times each in turns" if runs > 1 else ", once each"),
        _conditions(loads),
        f"seed {proof.seed}, {moment(proof.started)}",
    ]
    return Provenance(words="; ".join(part for part in parts if part), command=proof.command)


def _conditions(loads: Sequence[Load]) -> str:
    """Return the conditions that are the same in all; the others are what the figure shows."""
    found = [load.conditions for load in loads]

    def same(values: set[str], words: str) -> list[str]:
        (only,) = values if len(values) == 1 else ("",)
        return [words.format(only)] if only else []

    parts = same({conditions.contention for conditions in found}, "contention {}")
    parts += same({conditions.stripe_latency_ms for conditions in found}, "Stripe takes {} ms")
    parts += same({conditions.think_s for conditions in found}, "think time {} s")
    parts += same(
        {f"{conditions.timeout_s:g}" if conditions.timeout_s else "" for conditions in found},
        "patience {} s",
    )
    parts += same({str(conditions.retries or "") for conditions in found}, "up to {} retries")
    parts += same(
        {str(conditions.connections or "") for conditions in found}, "{} database connections"
    )
    rates = sorted({load.rate for load in loads if load.rate})
    if rates:
        come = "/".join(sorted({load.arrivals for load in loads if load.arrivals}))
        shown = " to ".join(number(rate) for rate in dict.fromkeys((rates[0], rates[-1])))
        parts.append(f"{shown} clients a second ({come})")
    return ", ".join(parts)


def _span(values: Sequence[int]) -> str:
    return " to ".join(str(value) for value in dict.fromkeys((values[0], values[-1])))
