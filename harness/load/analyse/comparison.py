"""Two load runs compared: whether one is slower, stated with its certainty.

Each run measures a guard several times, and each time the machine as well (``yardstick``); how
far apart two runs are, and how much of that is the machine, is for
``paidonce.harness.load.analyse.slowdown``. A guard is *slower* if the lower bound of the slowdown
is above the threshold: a difference that is certain and too small to matter is no alarm, and
neither is a large one that may be noise. With many guards one of them is unlucky, so certainties
are shared among them (Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian
Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paidonce.harness.errors import UsageError
from paidonce.harness.load.analyse.slowdown import Side, Slowdown
from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof

LEAST = 3
"""Measurements of each side: fewer say nothing of how far they scatter."""


class Change(enum.StrEnum):
    """The kinds of things that can be said of one figure."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "no difference that matters"
    UNCLEAR = "unclear"
    """It may be slower by more than the threshold, and may be not."""


@dataclass(frozen=True)
class Figure:
    """One figure of a guard in both runs. Factors are slowdowns: 1.2 takes 20 % longer.

    ``before`` and ``after`` are medians, ``low`` and ``high`` bound the factor, ``p`` is the chance
    of seeing as much by noise where nothing changed.
    """

    variant: str
    profile: str
    name: str
    before: float
    after: float
    factor: float
    low: float
    high: float
    p: float
    change: Change


@dataclass(frozen=True)
class Comparison:
    """Two runs compared. ``alone`` are guards that only one of them has."""

    figures: tuple[Figure, ...]
    alone: tuple[str, ...]
    relative: bool
    """True if the machine's own speed was measured in both, and its change taken into account."""

    @property
    def slower(self) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if figure.change is Change.SLOWER)


_FIGURES: dict[str, Callable[[Load], float]] = {
    # As times, so that more is always slower.
    "seconds an answer": lambda load: 1.0 / load.throughput,
    "median latency": lambda load: load.latency.p50,
}

_Key = tuple[str, str, int, float | None, Conditions]


def compare(
    before: Proof, after: Proof, *, threshold: float = 0.05, certainty: float = 0.95
) -> Comparison:
    """``after`` beside ``before``, guard by guard.

    ``threshold`` is the slowdown that matters (0.05: 5 %), ``certainty`` what all statements of a
    comparison together are to be true with. Raises ``UsageError`` where a run has too few
    measurements, or they have nothing in common.
    """
    if not 0 <= threshold < 10:
        raise UsageError(f"--threshold: expected a share from 0 to 10 (0.05: 5 %), got {threshold}")
    if not 0.5 <= certainty < 1:
        raise UsageError(f"--certainty: expected a share from 0.5 to 1, got {certainty}")
    one, other = _grouped(before), _grouped(after)
    shared = [key for key in one if key in other]
    if not shared:
        raise UsageError(
            "the two runs measured nothing in common: the first has "
            f"{_named(one) or 'no load'}, the second {_named(other) or 'no load'}"
        )
    relative = all(
        load.yardstick for groups in (one, other) for key in shared for load in groups[key]
    )
    tests = {
        (key, name): Slowdown(
            _side(one[key], read, relative), _side(other[key], read, relative), certainty
        )
        for key in shared
        for name, read in _FIGURES.items()
    }
    order = sorted(tests, key=lambda test: tests[test].p_beyond(math.log1p(threshold)))
    alphas = {test: (1 - certainty) / (len(order) - at) for at, test in enumerate(order)}
    figures = []
    for (key, name), test in tests.items():
        variant, profile, *_ = key
        low, high = test.bounds(alphas[key, name])
        read = _FIGURES[name]
        figures.append(
            Figure(
                variant=variant,
                profile=profile,
                name=name,
                before=statistics.median(read(load) for load in one[key]),
                after=statistics.median(read(load) for load in other[key]),
                factor=math.exp(test.difference),
                low=math.exp(low),
                high=math.exp(high),
                p=test.p_beyond(0.0),
                change=_change(low, high, math.log1p(threshold)),
            )
        )
    alone = [key for key in (*one, *other) if not (key in one and key in other)]
    return Comparison(tuple(figures), tuple(f"{v} ({p})" for v, p, *_ in alone), relative)


def _change(low: float, high: float, matters: float) -> Change:
    if low > matters:
        return Change.SLOWER
    if high < -matters:
        return Change.FASTER
    return Change.SAME if high <= matters else Change.UNCLEAR


def _grouped(proof: Proof) -> dict[_Key, list[Load]]:
    found: dict[_Key, list[Load]] = {}
    for load in proof.loads:
        if load.bound_ms is None:
            key = (load.variant, load.pattern, load.users, load.rate, load.conditions)
            found.setdefault(key, []).append(load)
    for (variant, profile, *_), loads in found.items():
        if len(loads) < LEAST:
            raise UsageError(
                f"{proof.command or 'a run'}: {variant} was measured {len(loads)} time(s) under "
                f"the profile {profile}; a comparison needs {LEAST}, better 8: "
                "paidonce load --repeat 8"
            )
    return found


def _side(loads: Sequence[Load], read: Callable[[Load], float], relative: bool) -> Side:
    return Side(
        tuple(math.log(read(load)) for load in loads),
        tuple(math.log(load.yardstick) for load in loads if load.yardstick) if relative else (),
    )


def _named(groups: dict[_Key, list[Load]]) -> str:
    return ", ".join(
        f"{variant} ({profile}, {users} users)" for variant, profile, users, *_ in groups
    )
