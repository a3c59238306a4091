"""The curves of a proof with load: latency against load, throughput against Stripe's latency, and
goodput against contention. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from paidonce.harness.load.plan.spread import spread
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.harness.verdict import Status
from paidonce.reports.charts.curves import Curve, Plot, Point
from paidonce.reports.charts.stacks import Stack
from paidonce.reports.load.provenance import Provenance, made
from paidonce.reports.load.repeated import Repeated, repeated
from paidonce.reports.words import number

Read = Callable[[Load], float]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Plots that belong together, and the same as a table of ``header`` and ``rows``.

    ``keys`` are the legend of plots whose curves are not named in them: (colour, words). What is
    ``folded`` is there for whoever wants it.
    """

    name: str
    title: str
    note: str
    plots: tuple[Plot, ...]
    made: Provenance
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    keys: tuple[tuple[int, str], ...] = ()
    folded: bool = False
    stacks: tuple[Stack, ...] = ()


def figures(proof: Proof) -> tuple[Figure, ...]:
    """Those for which ``proof`` has measurements, the most telling first."""
    return (*against_contention(proof), *against_stripe(proof), *against_rate(proof))


def against_contention(proof: Proof) -> tuple[Figure, ...]:
    """Payments a second at each contention, where more than one was measured."""
    found = []
    for group in _grouped(proof, lambda load: _key(load, contention="")):
        levels = list(dict.fromkeys(repetition.load.conditions.contention for repetition in group))
        if len(levels) < 2:
            continue

        def place(load: Load, levels: list[str] = levels) -> float:
            return float(levels.index(load.conditions.contention))

        paid = ("Payments", "that succeeded; more is better", lambda load: load.goodput)
        plots = _pair(proof, group, place, paid, "orders that clients pick", tuple(levels))
        found.append(
            Figure(
                name="contention",
                title="Goodput against contention",
                note="What is left of each guard when clients want the same "
                f"orders{_under(group)}.",
                plots=plots,
                made=made(proof, _all(group)),
                header=("guard", *(f"{level}: payments/s" for level in levels)),
                rows=_rows(proof, plots[0], [float(at) for at in range(len(levels))]),
            )
        )
    return tuple(found)


def against_stripe(proof: Proof) -> tuple[Figure, ...]:
    """Payments a second at each latency of Stripe, where more than one was measured."""
    found = []
    for group in _grouped(proof, lambda load: _key(load, stripe_latency_ms="")):
        repetitions = [
            repetition for repetition in group if repetition.load.conditions.stripe_latency_ms
        ]
        latencies = sorted({_stripe_ms(repetition.load) for repetition in repetitions})
        if len(latencies) < 2:
            continue
        answers = ("Answers", "of any kind; more is better", lambda load: load.throughput)
        plots = _pair(
            proof, repetitions, _stripe_ms, answers, "milliseconds that a call to Stripe takes"
        )
        found.append(
            Figure(
                name="stripe",
                title="Throughput against Stripe's latency",
                note="A lock or a transaction that is held while Stripe is called shows here: the "
                f"slower Stripe, the fewer are answered{_under(repetitions)}.",
                plots=plots,
                made=made(proof, _all(repetitions)),
                header=("guard", *(f"{ms:g} ms: answers/s" for ms in latencies)),
                rows=_rows(proof, plots[0], latencies),
            )
        )
    return tuple(found)


def against_rate(proof: Proof) -> tuple[Figure, ...]:
    """Latency at each rate at which clients came, where more than one was tried."""
    found = []
    for group in _grouped(proof, lambda load: (load.pattern, load.users, load.conditions)):
        open_loop = [repetition for repetition in group if repetition.load.rate]
        if len({repetition.load.rate for repetition in open_loop}) < 2:
            continue
        bounds = {
            repetition.load.bound_ms
            for repetition in open_loop
            if repetition.load.bound_ms is not None
        }
        bound = min(bounds, default=None)
        plots = tuple(
            Plot(
                title=f"{name} latency against load",
                note="in milliseconds, from when a client was to come until its answer",
                x_label="clients a second",
                y_label="milliseconds",
                unit="ms",
                x_log=True,
                y_log=True,
                curves=_curves(proof, open_loop, lambda load: load.rate or 0.0, read),
                bound=(bound, f"bound {bound:g} ms") if bound and name == "p99" else None,
            )
            for name, read in _LATENCIES
        )
        if not any(plot.curves for plot in plots):
            continue
        found.append(
            Figure(
                name="load",
                title=f"Latency against load: {group[0].load.pattern}",
                note="Clients come at this rate whether those before them were answered or not; "
                "where a curve turns upwards the guard no longer keeps up.",
                plots=plots,
                made=made(proof, _all(open_loop)),
            )
        )
    return tuple(found)


_LATENCIES: tuple[tuple[str, Read], ...] = (
    ("p99", lambda load: load.latency.p99),
    ("p50", lambda load: load.latency.p50),
)


def _key(load: Load, **same: str) -> tuple[object, ...]:
    """Return what measurements must have in common to be on one curve; ``same`` may differ."""
    conditions = msgspec.structs.replace(load.conditions, **same)
    return (load.profile, load.users, load.rate, conditions)


def _grouped(proof: Proof, key: Callable[[Load], tuple[object, ...]]) -> list[list[Repeated]]:
    groups: dict[tuple[object, ...], list[Repeated]] = {}
    for repetition in repeated(proof.loads):
        groups.setdefault(key(repetition.load), []).append(repetition)
    return list(groups.values())


def _all(group: Sequence[Repeated]) -> list[Load]:
    return [load for repetition in group for load in repetition.all]


def _pair(
    proof: Proof,
    group: Sequence[Repeated],
    place: Read,
    rate: tuple[str, str, Read],
    x: str,
    names: tuple[str, ...] = (),
) -> tuple[Plot, ...]:
    """A rate (what of, a note, how it is read) and the p99 latency, each against the same."""
    what, note, read = rate
    return (
        Plot(
            title=f"{what} a second",
            note=note,
            x_label=x,
            y_label=f"{what.lower()} a second",
            unit="/s",
            categories=names,
            curves=_curves(proof, group, place, read),
        ),
        Plot(
            title="p99 latency",
            note="of an operation, whatever was answered; less is better",
            x_label=x,
            y_label="milliseconds",
            unit="ms",
            y_log=True,
            categories=names,
            curves=_curves(proof, group, place, lambda load: load.latency.p99),
        ),
    )


def _curves(proof: Proof, group: Sequence[Repeated], place: Read, read: Read) -> tuple[Curve, ...]:
    """One for each guard, in the proof's order and always in the same colour."""
    curves = []
    for colour, variant in enumerate(proof.variants):
        points = []
        broke = False
        for repetition in group:
            if repetition.load.variant == variant.name:
                broke |= repetition.load.status is Status.INVALID
                low, high = repetition.spread(read) or (None, None)
                points.append(
                    Point(x=place(repetition.load), y=read(repetition.load), low=low, high=high)
                )
        if points:
            points.sort(key=lambda point: point.x)
            curves.append(
                Curve(
                    name=variant.name,
                    points=tuple(points),
                    colour=colour,
                    below=not variant.sound,
                    mark="broke" if broke else "",
                )
            )
    return tuple(curves)


def _rows(proof: Proof, plot: Plot, places: Sequence[float]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for curve in plot.curves:
        at = {point.x: point for point in curve.points}
        rows.append((curve.words, *(_shown(at.get(place)) for place in places)))
    return tuple(rows)


def _shown(point: Point | None) -> str:
    if point is None:
        return "not measured"
    if point.low is None or point.high is None:
        return number(point.y)
    return f"{number(point.y)} ({number(point.low)} to {number(point.high)})"


def _stripe_ms(load: Load) -> float:
    """The middle of how long Stripe takes: a median, a mean, or what lies between two bounds."""
    text = load.conditions.stripe_latency_ms
    values = spread(text, "stripe_latency_ms", "milliseconds", float("inf")).values
    return sum(values) / 2 if text.startswith("uniform:") else values[0]


def _under(group: Sequence[Repeated]) -> str:
    """Return which load it was, where the figure does not say it itself."""
    load = group[0].load
    rate = f", {number(load.rate)} clients a second" if load.rate else ""
    return f" (profile {load.profile}, {load.users} users{rate})"
