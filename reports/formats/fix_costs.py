"""The costs of fixes under load: for a terminal, in Markdown, as a page and as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from markupsafe import Markup
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from paidonce import harness
from paidonce.harness.errors import UsageError
from paidonce.harness.results.fix_costs import FixCosts
from paidonce.harness.results.words import count
from paidonce.reports.charts.charts import WIDTH, bar_drawing, bars
from paidonce.reports.charts.svg import element, group, rect, text, xml_safe
from paidonce.reports.formats.html import asset, environment
from paidonce.reports.formats.policy import with_policy
from paidonce.reports.load.fix_costs import HEADER, bar_rows, remarks, table
from paidonce.reports.words import moment

TITLE = "What closing the race costs, in orders a second"
KEYS = ("attempts of an order all at once", "attempts of an order in turn")
SIGNS = "in brackets the share of the service as it is; ✗ bursts that broke a rule"
_MARGIN, _HEAD, _PANEL_HEAD = 20.0, 102.0, 34.0
_WIDE = WIDTH + 60.0


def terminal(costs: FixCosts) -> RenderableType:
    """A table, and what is to be known besides."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(HEADER):
        side: JustifyMethod = "right" if number else "left"
        shown.add_column(name, overflow="fold", justify=side, no_wrap=not number)
    for row in table(costs):
        shown.add_row(*map(Text, row))
    return Group(shown, Text("\n".join(["", *remarks(costs)])))


def markdown(costs: FixCosts) -> str:
    """The same for a pull request."""
    lines = [f"**{costs.target}, {costs.variant}**", ""]
    lines += [f"| {' | '.join(HEADER)} |", f"|---|{'---:|' * (len(HEADER) - 1)}"]
    lines += [f"| {' | '.join(map(_plain, row))} |" for row in table(costs)]
    return "\n".join([*lines, "", *(f"{_plain(remark)}\n" for remark in remarks(costs))])


def page(costs: FixCosts) -> str:
    """One HTML file that needs no network."""
    facts = {
        "Service": f"{costs.target}, {costs.variant}",
        "Started": moment(costs.started),
        "Machine": f"{costs.machine.system}, {count(costs.machine.cpus, 'CPU')}",
        "paidonce, Python": f"{costs.machine.paidonce}, {costs.machine.python}",
        **costs.machine.backends,
        "Command": costs.command,
    }
    made = (
        environment()
        .get_template("fix_costs.html.j2")
        .render(
            version=harness.__version__,
            title=TITLE,
            keys=KEYS,
            signs=SIGNS,
            facts=facts.items(),
            drawing=bars(bar_rows(costs), TITLE, "costs"),
            header=HEADER,
            rows=table(costs),
            remarks=remarks(costs),
        )
    )
    return with_policy(xml_safe(made), scripts=0)


def drawing(several: Sequence[FixCosts]) -> str:
    """The bars of one or several services, below each other, as the text of an SVG file."""
    parts = [text(_MARGIN, 32, TITLE, "conclusion")]
    for number, words in enumerate(KEYS):
        at = 54 + 18 * number
        parts += [rect(_MARGIN, at - 9, 18, 10, f"series-{number}", 2)]
        parts += [text(_MARGIN + 26, at, words)]
    parts.append(text(_MARGIN, 90, SIGNS, "small"))
    y = _HEAD
    for costs in several:
        name = f"{costs.target}, {costs.variant}"
        if costs.stripe_latency:
            name += f"; Stripe takes {costs.stripe_latency} ms"
        drawn, height = bar_drawing(bar_rows(costs))
        parts.append(text(_MARGIN, y + 20, name, "small"))
        parts.append(group(drawn, transform=f"translate({_MARGIN:g} {y + _PANEL_HEAD:g})"))
        y += height + _PANEL_HEAD
    told = "; ".join(f"{r.label}: {', '.join(r.shown)}" for c in several for r in bar_rows(c))
    style = Markup("<style>{}{}{}{}</style>").format(
        asset("theme.css"), asset("picture.css"), asset("standalone.css"), asset("chart.css")
    )
    width = _WIDE + 2 * _MARGIN
    document = element(
        "svg",
        element("title", TITLE, id="title"),
        element("desc", told, id="told"),
        style,
        rect(0, 0, width, y + _MARGIN, "ground", 16),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {y + _MARGIN:g}",
        width=f"{width:g}",
        height=f"{y + _MARGIN:g}",
        role="img",
        aria_labelledby="title",
        aria_describedby="told",
        class_="picture chart",
    )
    return xml_safe(str(document)) + "\n"


def read(path: Path) -> FixCosts:
    """Figures that were measured before, from its ``costs.json``. Raises ``UsageError``."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=FixCosts)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _plain(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;")
