"""The costs of fixes under load, as rows of tables and of a drawing. Pure."""

from __future__ import annotations

from paidonce.harness.results.fix_costs import AS_IT_IS, AttemptsCome, FixCosts, Spread, Way
from paidonce.harness.results.words import count
from paidonce.reports.charts.charts import Row
from paidonce.reports.words import number

HEADER = (
    "",
    "orders/s, all at once",
    "of as it is",
    "orders/s, in turn",
    "of as it is",
    "not paid",
    "p99 ms, all at once",
    "bursts that broke",
)
_UNKNOWN = "not measured"


def table(costs: FixCosts) -> list[tuple[str, ...]]:
    """A row for each way to run the service, under ``HEADER``."""
    return [_row(costs, way) for way in costs.ways]


def _row(costs: FixCosts, way: Way) -> tuple[str, ...]:
    if not way.runs:
        return (way.name, *[_UNKNOWN] * (len(HEADER) - 1))
    cells = [way.name]
    for pace in AttemptsCome:
        cells += [_words(costs.rate(way, pace)), _words(costs.share(way, pace))]
    orders = [run.played[pace] for run in way.runs for pace in AttemptsCome]
    unpaid = sum(order.orders - order.paid for order in orders)
    slowest = max(run.played[AttemptsCome.AT_ONCE].p99_ms for run in way.runs)
    return (*cells, f"{unpaid} of {sum(o.orders for o in orders)}", number(slowest), broke(way))


def broke(way: Way) -> str:
    """Return how many bursts broke a rule, in words."""
    words = f"{way.broken} of {way.bursts}"
    return f"{words}, {way.undecided} not told" if way.undecided else words


def _words(spread: Spread | None) -> str:
    if spread is None:
        return _UNKNOWN
    if spread.least == spread.most:
        return number(spread.middle)
    return f"{number(spread.middle)} ({number(spread.least)} to {number(spread.most)})"


def bar_rows(costs: FixCosts) -> list[Row]:
    """A row of bars for each way that was measured: all at once, and in turn."""
    rows = []
    for way in costs.ways:
        if not way.runs:
            continue
        rates = [costs.rate(way, pace) for pace in AttemptsCome]
        shown = [_bar(costs, way, pace) for pace in AttemptsCome]
        if way.broken:
            shown[0] += f" ✗ {way.broken}/{way.bursts}"
        values = tuple(None if rate is None else rate.middle for rate in rates)
        rows.append(Row(label=way.name, values=values, shown=tuple(shown)))
    return rows


def _bar(costs: FixCosts, way: Way, pace: AttemptsCome) -> str:
    rate, share = costs.rate(way, pace), costs.share(way, pace)
    told = _UNKNOWN if rate is None else number(rate.middle)
    if share is None or way.name == AS_IT_IS:
        return told
    return f"{told} ({number(share.middle)})"


def remarks(costs: FixCosts) -> list[str]:
    """Return what is to be known besides, a sentence each."""
    users = "one order at a time, since its file takes something back before each"
    if not costs.one_by_one:
        users = f"{count(costs.users, 'order')} at once"
    rounds = "" if costs.rounds == 1 else f", the medians of {costs.rounds} rounds taken in turns"
    latency = f"; a call to Stripe takes {costs.stripe_latency} ms" if costs.stripe_latency else ""
    lines = [
        f"Orders a second that were paid, {users}{rounds}{latency}. The attempts of an order "
        "come all at once, or in turn. What is compared passes the same taps: what these cost "
        "themselves is the difference to the service without taps. A burst that breaks nothing "
        "proves nothing: paidonce predict --try does.",
    ]
    for way in costs.ways:
        if way.failed:
            lines.append(f"{way.name}: could not be measured: {way.failed}")
        if way.broken and way.closes:
            reason = next(run.reason for run in way.runs if run.broken)
            lines.append(f"{way.name}: does not close everything: {reason}")
        never = dict.fromkeys(one for run in way.runs for one in run.never_came)
        lines += [f"{way.name}: what was to be changed never came: {one}" for one in never]
    lines += [f"{one.name}: cannot be tried from outside: {one.why}" for one in costs.left_out]
    return [*lines, *costs.notes]
