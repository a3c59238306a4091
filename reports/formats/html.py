"""``report.html``: one file that needs nothing else, neither the network nor a script.

Where scripts run, uPlot (``vendor/``) draws the curves so that they answer the pointer.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from markupsafe import Markup

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.problem import Weight
from paidonce.harness.results.proof import Cell, Proof, Run, Variant
from paidonce.harness.results.standing import Standing
from paidonce.harness.results.words import count
from paidonce.harness.verdict import Status, Verdict
from paidonce.reports.charts.curve_svg import curve_picture
from paidonce.reports.charts.curves import Plot, as_data
from paidonce.reports.charts.stacks import stack_picture
from paidonce.reports.charts.svg import xml_safe
from paidonce.reports.formats.policy import with_policy
from paidonce.reports.formats.report_format import ReportFormat
from paidonce.reports.formats.store import page_beside
from paidonce.reports.load.advice import advice
from paidonce.reports.load.limits import limit_figures
from paidonce.reports.load.performance import profiles
from paidonce.reports.load.plots import figures
from paidonce.reports.load.saturation import saturation
from paidonce.reports.load.spending import spending_figures
from paidonce.reports.load.waits import wait_figures
from paidonce.reports.overview.backends import columns
from paidonce.reports.overview.evidence import (
    Counterexample,
    Shown,
    counterexamples,
    double_payment,
    settings,
    unexpected,
)
from paidonce.reports.overview.grounds import rested
from paidonce.reports.overview.headline import headline
from paidonce.reports.overview.searches import search_words
from paidonce.reports.overview.survival import survival_rows, why_open
from paidonce.reports.timeline.model import Timeline
from paidonce.reports.timeline.svg import timeline_picture
from paidonce.reports.words import duration, moment

if TYPE_CHECKING:
    from jinja2 import Environment


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place of the matrix, with the id of its details."""

    identity: str
    variant: str
    scenario: str
    cell: Cell | None
    standing: Standing
    tally: str

    @property
    def loud(self) -> bool:
        """Wants to be looked at: its details stand open."""
        return self.standing.contradicts or self.standing in (Standing.UNKNOWN, Standing.ERROR)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One guard of the matrix."""

    variant: Variant
    places: tuple[Place, ...]

    @property
    def result(self) -> str:
        """ "held in 13 of 13", "held 13 of 13, 9 proved", "caught in 9 of 13"."""
        applied = [place for place in self.places if place.standing is not Standing.SKIPPED]
        if not any(place.standing.decided for place in applied):
            return "not judged" if applied else "skipped"
        if not self.variant.sound:
            caught = sum(place.standing in (Standing.CAUGHT, Standing.BROKEN) for place in applied)
            return f"caught in {caught} of {len(applied)}"
        held = sum(place.standing.held for place in applied)
        proved = sum(place.standing is Standing.PROVED for place in applied)
        if proved:
            return f"held {held} of {len(applied)}, {proved} proved"
        return f"held in {held} of {len(applied)}"

    @property
    def loud(self) -> bool:
        """Any of its places is."""
        return any(place.loud for place in self.places)


def page(assessed: Assessment, folder: Path) -> str:
    """The report as HTML; histories are read from ``folder`` for the timelines."""
    proof, lines = assessed.proof, _lines(assessed)
    main = double_payment(proof, folder)
    broken = tuple(
        shown
        for shown in unexpected(assessed, folder)
        if main is None or shown.run.history != main.run.history
    )
    films = counterexamples(proof, folder)
    shown_figures = (
        *figures(proof),
        *spending_figures(proof),
        *wait_figures(proof),
        *limit_figures(proof),
    )
    used = {place.standing for line in lines for place in line.places}
    written = (
        environment()
        .get_template("report.html.j2")
        .render(
            proof=proof,
            headline=headline(assessed),
            problems=assessed.problems,
            sound=[line for line in lines if line.variant.sound],
            vulnerable=[line for line in lines if not line.variant.sound],
            lines=lines,
            survivals=survival_rows(proof),
            open_survivals=why_open(proof),
            legend=[kind for kind in Standing if kind in used],
            main=main,
            films=films,
            others=_others(proof, films),
            broken=broken,
            pictures={
                id(shown): timeline_picture(shown.timeline, f"timeline-{number}")
                for number, shown in enumerate((main, *broken))
                if shown is not None
            },
            advice=advice(proof),
            figures=shown_figures,
            profiles=(*saturation(proof), *profiles(proof)),
            backends=columns(assessed),
            settings=settings(proof, folder),
            seconds=duration(proof.seconds * 1e9),
        )
    )
    return with_policy(xml_safe(written), scripts=2 if shown_figures else 1)


def _others(proof: Proof, films: tuple[Counterexample, ...]) -> list[Cell]:
    """The cells with a witness whose film is not in the page."""
    shown = {(film.cell.variant, film.cell.scenario) for film in films}
    return [
        cell
        for cell in proof.cells
        if cell.search is not None
        and cell.search.witness is not None
        and (cell.variant, cell.scenario) not in shown
    ]


def _lines(assessed: Assessment) -> tuple[Line, ...]:
    proof, cells = assessed.proof, assessed.cells
    lines = []
    for row, variant in enumerate(proof.variants):
        places = []
        for column, scenario in enumerate(proof.scenarios):
            cell = cells.get((variant.name, scenario.name))
            places.append(
                Place(
                    identity=f"cell-{row}-{column}",
                    variant=variant.name,
                    scenario=scenario.name,
                    cell=cell,
                    standing=assessed.standing(variant.name, scenario.name),
                    tally=assessed.tally(variant.name, scenario.name),
                )
            )
        lines.append(Line(variant=variant, places=tuple(places)))
    return tuple(lines)


def _undecided(run: Run) -> list[Verdict]:
    """Return the verdicts worth a line in a run's details: all but those of the content
    checkers."""
    order = (Status.INVALID, Status.UNKNOWN)
    return sorted(
        (verdict for verdict in run.verdicts if verdict.status is not Status.VALID),
        key=lambda verdict: order.index(verdict.status),
    )


def _breakable(name: str) -> Markup:
    """A name that may break after its underscores and dashes."""
    pieces = re.split(r"(?<=[_-])", name)
    return Markup("<wbr>").join(pieces)


def _rails(shown: Timeline) -> list[list[str]]:
    """For each step the state of every lane: "off", "on" (an operation under way) or "here"."""
    rows = []
    for step in shown.steps:
        row = []
        for lane in range(len(shown.lanes)):
            busy = any(
                bar.lane == lane and bar.start <= step.t and (bar.end is None or step.t <= bar.end)
                for bar in shown.bars
            )
            row.append("here" if lane == step.lane else "on" if busy else "off")
        rows.append(row)
    return rows


@cache
def environment() -> Environment:
    """Jinja's, with everything the page's templates use."""
    # Imported where needed: it takes 0.1 s to load.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("paidonce.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        asset=asset,
        vendored=vendored,
        Status=Status,
        Standing=Standing,
        Weight=Weight,
        rails=_rails,
        key=id,
        drawn=curve_picture,
        stacked=stack_picture,
        plotted=_plotted,
    )
    environment.filters.update(
        breakable=_breakable,
        undecided=_undecided,
        searched=search_words,
        rested=rested,
        filmpath=lambda path: quote(page_beside(Path(path)).as_posix()),
        count=count,
        moment=moment,
        spent=lambda seconds: duration(seconds * 1e9),
        # An id that was shortened must not be torn at its ellipsis.
        joined=lambda text: text.replace("…", "\u2060…\u2060"),
        since=lambda nanoseconds: f"at {duration(nanoseconds)}",
        urlpath=lambda path: quote(Path(path).as_posix()),
    )
    return environment


def asset(name: str) -> Markup:
    """A file of the templates folder that is put into the page as it is."""
    path = files("paidonce.reports").joinpath("templates", name)
    return Markup(path.read_text("utf-8"))  # noqa: S704 - our own files, never input


def vendored(name: str) -> Markup:
    """A file of a library that is part of the page, as it is."""
    path = files("paidonce.reports").joinpath("vendor", name)
    return Markup(path.read_text("utf-8").strip())  # noqa: S704 - unchanged, see vendor/README.md


def _plotted(plot: Plot) -> Markup:
    """A plot's numbers as JSON that no content of theirs can end the script element of."""
    text = msgspec.json.encode(as_data(plot)).decode()
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - what could be markup is escaped


__all__ = ["Shown", "asset", "page"]


def _make(assessed: Assessment, folder: Path) -> bytes:
    return page(assessed, folder).encode()


FORMAT = ReportFormat(
    name="html",
    file="report.html",
    make=_make,
    links=True,
)
