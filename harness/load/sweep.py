"""Sweeps: the same load under one condition after another. Pure.

Each sweep varies one thing; everything else stays at what its own flag says. What has no flag of
its own stays at the first value of its own sweep, so that curves which vary different things have
a point in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from paidonce.harness.errors import UsageError
from paidonce.harness.load.measure import Workload
from paidonce.harness.load.observe.stripe_latency import stripe_spread
from paidonce.harness.load.plan.contention import contention

CONTENTION, STRIPE = "contention", "stripe-latency"
FORMS = f"{CONTENTION}=hot,zipf:1.1,distinct or {STRIPE}=20,0,100,300"


@dataclass(frozen=True)
class Sweep:
    """``name`` is ``CONTENTION`` or ``STRIPE``; ``values`` are as their own flags take them."""

    name: str
    values: tuple[str, ...]


def sweeps(texts: Sequence[str] | None) -> tuple[Sweep, ...]:
    """Return the sweeps that ``--sweep`` asked for, each time it was given.

    Raises ``UsageError`` naming what is wrong with it and what may be written.
    """
    found = tuple(_sweep(text) for text in texts or ())
    names = [sweep.name for sweep in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--sweep {name}: given twice; write all its values after one")
    return found


def _sweep(text: str) -> Sweep:
    name, equals, rest = text.partition("=")
    values = [value.strip() for value in rest.split(",")]
    if name == CONTENTION and equals:
        written = [str(contention(value, "--sweep contention")) for value in values]
    elif name == STRIPE and equals:
        written = [_milliseconds(value) for value in values]
    else:
        raise UsageError(f"--sweep: expected {FORMS}, got {text!r}")
    different = tuple(dict.fromkeys(written))
    if len(different) < 2:
        raise UsageError(f"--sweep {name}: expected at least two different values, got {rest!r}")
    return Sweep(name, different)


def _milliseconds(value: str) -> str:
    try:
        float(value)
    except ValueError:
        raise UsageError(
            f"--sweep {STRIPE}: expected numbers of milliseconds, got {value!r}"
        ) from None
    return str(stripe_spread(value))


def swept(base: Workload, wanted: Sequence[Sweep]) -> list[Workload]:
    """The workloads that make ``wanted``, each once; ``base`` alone where nothing is swept."""
    for sweep in wanted:
        if not _value(base, sweep.name):
            base = _with(base, sweep.name, sweep.values[0])
    workloads = [_with(base, sweep.name, value) for sweep in wanted for value in sweep.values]
    return list(dict.fromkeys(workloads)) or [base]


def _value(work: Workload, name: str) -> str:
    return work.contention if name == CONTENTION else work.stripe_latency


def _with(work: Workload, name: str, value: str) -> Workload:
    if name == CONTENTION:
        return replace(work, contention=value)
    return replace(work, stripe_latency=value)
