"""The sessions of the database over the time of a load run, as plots. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.results.load_observed import HELD, IDLE, LOCK, RUNNING, Sessions
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.proof import Proof
from paidonce.reports.charts.curves import Curve, Plot, Point
from paidonce.reports.load.performance import reference_latency
from paidonce.reports.load.plots import Figure
from paidonce.reports.load.provenance import made

_OTHER = "other waits"
_MOST = 120
"""Points of a time line that are drawn."""
_WORDS = {
    RUNNING: "running",
    HELD: "transaction open, client busy with something else",
    _OTHER: "other waits (client, disk, latches)",
}
_COLOURS = {RUNNING: 0, HELD: 1, _OTHER: 8}
_LOCK_COLOURS = (4, 3, 11)


def wait_figures(proof: Proof) -> tuple[Figure, ...]:
    """A figure for each pattern of load, a plot in it for each guard: its first measurement.

    Where Stripe's latency was varied, those under the one that the table of guards is of. All but
    the first figure are folded.
    """
    plain = [x for x in proof.loads if x.bound_ms is None and x.seen is not None]
    if not plain:
        return ()
    reference = reference_latency(plain)
    groups: dict[tuple[str, float | None], dict[str, Load]] = {}
    for load in plain:
        if load.conditions.stripe_latency_ms == reference:
            groups.setdefault((load.pattern, load.rate), {}).setdefault(load.variant, load)
    return tuple(
        _figure(proof, list(guards.values()), folded=at > 0)
        for at, guards in enumerate(groups.values())
    )


def _figure(proof: Proof, loads: Sequence[Load], *, folded: bool) -> Figure:
    merged = [(load, _merged(load.seen.sessions)) for load in loads if load.seen is not None]
    kinds = sorted(
        {kind for _, series in merged for kind in series}, key=lambda kind: (_rank(kind), kind)
    )
    locks = [kind for kind in kinds if kind.startswith(LOCK)]
    colours = _COLOURS | {
        kind: _LOCK_COLOURS[at % len(_LOCK_COLOURS)] for at, kind in enumerate(locks)
    }
    top = max(
        (sum(layer) for _, series in merged for layer in zip(*series.values(), strict=True)),
        default=1.0,
    )
    return Figure(
        name="waits",
        title=f"What database sessions did: {loads[0].pattern}",
        note="The number of sessions over the seconds of one run, each kind on top of the one "
        "below. Where a guard makes clients queue, sessions wait for a lock; a transaction that is "
        "open while its client does something else, such as calling Stripe, keeps a connection.",
        plots=tuple(
            Plot(
                title=load.variant,
                note=_told(load),
                x_label="seconds",
                y_label="sessions",
                unit="sessions",
                area=True,
                top=top,
                curves=tuple(
                    Curve(
                        name=_words(kind),
                        colour=colours[kind],
                        points=tuple(
                            Point(x=at * _step_s(load), y=value)
                            for at, value in enumerate(series[kind])
                        ),
                    )
                    for kind in kinds
                    if kind in series
                ),
            )
            for load, series in merged
        ),
        made=made(proof, loads),
        keys=tuple((colours[kind], _words(kind)) for kind in kinds),
        folded=folded,
    )


def _merged(sessions: Sessions) -> dict[str, tuple[float, ...]]:
    """The series that are drawn, in order: idle connections left out, rare kinds as one."""
    found: dict[str, tuple[float, ...]] = {}
    for kind, values in sessions.timeline.series.items():
        if kind == IDLE:
            continue
        name = kind if kind in (RUNNING, HELD) or kind.startswith(LOCK) else _OTHER
        if name in found:
            values = tuple(a + b for a, b in zip(found[name], values, strict=True))
        found[name] = values
    return {kind: _thinned(found[kind]) for kind in sorted(found, key=lambda k: (_rank(k), k))}


def _thinned(values: Sequence[float]) -> tuple[float, ...]:
    """Means of neighbours, where there are more than can be seen."""
    together = -(-len(values) // _MOST) or 1
    parts = [values[at : at + together] for at in range(0, len(values), together)]
    return tuple(sum(part) / len(part) for part in parts)


def _step_s(load: Load) -> float:
    """Seconds between two points that are drawn."""
    assert load.seen is not None
    timeline = load.seen.sessions.timeline
    steps = max((len(values) for values in timeline.series.values()), default=1)
    return timeline.step_ms / 1000 * (-(-steps // _MOST) or 1)


def _rank(kind: str) -> int:
    """Return the place in a stack: work lies below what keeps a connection, and that below
    waiting."""
    order = (RUNNING, _OTHER, HELD)
    return order.index(kind) if kind in order else len(order)


def _words(kind: str) -> str:
    if kind.startswith(LOCK):
        return f"waiting for a lock ({kind.removeprefix(LOCK)})"
    return _WORDS[kind]


def _told(load: Load) -> str:
    assert load.seen is not None
    longest = load.seen.sessions.longest_lock_wait_ms
    parts = [f"{load.seen.sessions.waiting:.2g} waiting for a lock, {load.seen.sessions.held:.2g} "]
    parts.append("idle in a transaction, on average")
    return "".join(parts) + (f"; longest wait {longest:,.0f} ms" if longest is not None else "")
