"""Latency against load, and the highest rate each guard sustains. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from statistics import median

from markupsafe import Markup

from paidonce.harness.load.analyse.saturation import sustained
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.charts.svg import element, line, picture, text
from paidonce.reports.load.performance import Panel, Profile, verdict_word
from paidonce.reports.load.provenance import made
from paidonce.reports.words import number

_WIDTH, _HEIGHT = 380.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 10.0, 34.0
_SERIES: tuple[tuple[int, Callable[[Load], float]], ...] = (
    (0, lambda load: load.latency.p50),
    (2, lambda load: load.latency.p99),
)
HEADER = ("guard", "sustained/s", "p50 ms there", "p99 ms there", "first not sustained", "why")


def saturation(proof: Proof) -> tuple[Profile, ...]:
    """One entry for each profile for which rates were searched."""
    searched = [load for load in proof.loads if load.bound_ms is not None]
    names = list(dict.fromkeys(load.pattern for load in searched))
    return tuple(
        _profile(proof, name, place, [load for load in searched if load.pattern == name])
        for place, name in enumerate(names)
    )


def _profile(proof: Proof, name: str, place: int, loads: Sequence[Load]) -> Profile:
    vulnerable = {variant.name for variant in proof.variants if not variant.sound}
    guards = list(dict.fromkeys(load.variant for load in loads))
    by_guard = {
        guard: sorted((x for x in loads if x.variant == guard), key=lambda x: x.rate or 0.0)
        for guard in guards
    }
    bound = loads[0].bound_ms or 0.0
    rates = [load.rate for load in loads if load.rate]
    times = [bound, *(t for load in loads for t in (load.latency.p50, load.latency.p99) if t > 0)]
    frame = _Frame(min(rates), max(rates), min(times), max(times))
    return Profile(
        name=f"{name}, saturation",
        settings=(
            f"the highest rate at which p99 stays under {number(bound)} ms, 90 % of the clients "
            f"are served and nothing breaks; {loads[0].arrivals} arrivals, latency from when a "
            "client was to come"
        ),
        panels=tuple(
            Panel(
                title=guard + (" (declared vulnerable)" if guard in vulnerable else ""),
                note="latency in ms against clients a second, both logarithmic",
                keys=(("dot-0", "circle", "p50"), ("dot-2", "triangle", "p99")),
                picture=_curve(by_guard[guard], bound, frame, guard, f"saturation-{place}-{at}"),
            )
            for at, guard in enumerate(guards)
        ),
        header=HEADER,
        rows=tuple(_row(guard, by_guard[guard], bound) for guard in guards),
        made=made(proof, loads),
    )


def _rounds(loads: Sequence[Load]) -> list[list[Load]]:
    """The searches, each by its rates."""
    numbers = sorted({load.round for load in loads})
    return [[load for load in loads if load.round == number] for number in numbers]


def _row(guard: str, loads: Sequence[Load], bound: float) -> tuple[str, ...]:
    best, over = [], []
    for search in _rounds(loads):
        held = [load for load in search if sustained(load, bound)]
        limit = _rate(held[-1]) if held else 0.0
        best.append(held[-1] if held else None)
        over += [x for x in search if not sustained(x, bound) and _rate(x) > limit][:1]
    rates = [_rate(load) if load else 0.0 for load in best]
    there = [load.latency for load in best if load]
    return (
        guard,
        _ranged(rates) if there else "none",
        number(median(latency.p50 for latency in there)) if there else "",
        number(median(latency.p99 for latency in there)) if there else "",
        _ranged([_rate(load) for load in over]) if over else "not reached",
        # Of several searches the reason that came most often.
        Counter(_why(load, bound) for load in over).most_common(1)[0][0] if over else "",
    )


def _ranged(values: Sequence[float]) -> str:
    """The median, and between what they lie if there are several."""
    middle = number(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} to {number(max(values))})"


def _why(load: Load, bound: float) -> str:
    if verdict_word(load) == "broke":
        return "an invariant broke"
    if load.latency.p99 > bound:
        return f"p99 {number(load.latency.p99)} ms"
    return f"only {number(load.throughput)} a second were served"


def _rate(load: Load) -> float:
    return load.rate or 0.0


class _Frame:
    """Turns rates and milliseconds into places, the same for all guards."""

    def __init__(self, least: float, most: float, quickest: float, slowest: float) -> None:
        self._x = (log10(least) - 0.05, max(log10(most), log10(least) + 0.3) + 0.05)
        self._y = (floor(log10(quickest)), max(ceil(log10(slowest)), floor(log10(quickest)) + 1))

    def x(self, rate: float) -> float:
        low, high = self._x
        return _LEFT + (log10(rate) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, milliseconds: float) -> float:
        low, high = self._y
        share = (log10(max(milliseconds, 10.0**low)) - low) / (high - low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    @property
    def times(self) -> list[float]:
        return [10.0**power for power in range(self._y[0], self._y[1] + 1)]

    @property
    def rates(self) -> list[float]:
        low, high = self._x
        steps = [10.0**power * lead for power in range(6) for lead in (1, 2, 5)]
        inside = [rate for rate in steps if low <= log10(rate) <= high]
        return inside if len(inside) <= 7 else [r for r in inside if f"{r:g}"[0] == "1"]


def _mark(series: int, x: float, y: float, told: str) -> Markup:
    if series == 0:
        return element("circle", element("title", told), cx=x, cy=y, r=4.2, class_="dot-0")
    path = f"M{x:.5g},{y - 5.4:.5g} l5.2,9.2 l-10.4,0 z"
    return element("path", element("title", told), d=path, class_="dot-2")


def _curve(loads: Sequence[Load], bound: float, frame: _Frame, guard: str, identity: str) -> Markup:
    parts = []
    for time in frame.times:
        parts.append(line(_LEFT, frame.y(time), _WIDTH - _RIGHT, frame.y(time), "grid"))
        parts.append(text(_LEFT - 6, frame.y(time) + 4, f"{time:g}", "tick", "end"))
    for rate in frame.rates:
        parts.append(text(frame.x(rate), _HEIGHT - _BOTTOM + 16, f"{rate:g}", "tick", "middle"))
    parts.append(line(_LEFT, frame.y(bound), _WIDTH - _RIGHT, frame.y(bound), "divider"))
    parts.append(text(_LEFT + 4, frame.y(bound) - 5, f"bound {bound:g} ms", "tick"))
    for series, read in _SERIES:
        for search in _rounds(loads):
            places = [(frame.x(_rate(load)), frame.y(read(load)), load) for load in search]
            for (x1, y1, _), (x2, y2, _) in itertools.pairwise(places):
                parts.append(line(x1, y1, x2, y2, "span"))
            for x, y, load in places:
                told = f"{guard} at {number(_rate(load))}/s: {number(read(load))} ms"
                parts.append(_mark(series, x, y, told))
    told = "; ".join(
        f"{number(_rate(load))}/s: p50 {number(load.latency.p50)} ms, "
        f"p99 {number(load.latency.p99)} ms"
        for load in loads
    )
    return picture(
        _WIDTH, _HEIGHT, f"Latency against load, {guard}", told, *parts, identity=identity
    )
