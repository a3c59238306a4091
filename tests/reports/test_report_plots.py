"""The curves: what is on them, how they are drawn without scripts, and what scripts are given."""

from __future__ import annotations

import hashlib
import io
import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from reports_sample import GUARDS, HOSTILE, sample
from rich.console import Console
from sample_sweeps import LEVELS, swept

from paidonce import reports
from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.results.load_observed import (
    HELD,
    IDLE,
    LOCK,
    RUNNING,
    Seen,
    Sessions,
    Timeline,
)
from paidonce.harness.results.proof import Proof
from paidonce.harness.verdict import Status
from paidonce.reports.charts.curve_svg import curve_picture
from paidonce.reports.charts.curves import Curve, Plot, Point, as_data
from paidonce.reports.formats.html import page
from paidonce.reports.formats.markdown import summary
from paidonce.reports.formats.terminal import render_loads
from paidonce.reports.load.plots import Figure, figures
from paidonce.reports.load.waits import wait_figures

VENDOR = Path(__file__).parents[2] / "reports" / "vendor"
UPLOT = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
LIMIT = 2_000_000


def named(proof: Proof, name: str) -> Figure:
    (found,) = (figure for figure in figures(proof) if figure.name == name)
    return found


def test_the_library_in_the_page_is_the_one_that_is_named() -> None:
    for name, expected in UPLOT.items():
        assert hashlib.sha256((VENDOR / "uplot" / name).read_bytes()).hexdigest() == expected, name
    script = (VENDOR / "uplot" / "uPlot.iife.min.js").read_text()
    assert "</script" not in script
    assert "(v1.6.32)" in script.splitlines()[0]
    assert "1.6.32" in (VENDOR / "README.md").read_text()


def test_contention_against_goodput_has_a_curve_for_each_guard() -> None:
    figure = named(swept(), "contention")
    goodput, latency = figure.plots
    assert goodput.categories == LEVELS
    assert [curve.name for curve in goodput.curves] == [name for name, *_ in GUARDS]
    claim = next(curve for curve in goodput.curves if curve.name == "claim")
    assert [point.x for point in claim.points] == [0.0, 1.0, 2.0]
    assert all(p.low is not None and p.low < p.y < (p.high or 0) for p in claim.points)
    assert latency.y_log
    assert len(figure.rows) == len(GUARDS)
    assert "Stripe takes 20 ms" in figure.made.words
    assert "contention" not in figure.made.words.split("; ")[4], "it is what varies"


def test_stripe_against_throughput_is_of_one_contention() -> None:
    figure = named(swept(), "stripe")
    assert [point.x for point in figure.plots[0].curves[0].points] == [0.0, 20.0, 100.0, 300.0]
    assert figure.header[1:] == tuple(f"{ms} ms: answers/s" for ms in ("0", "20", "100", "300"))
    assert "contention hot:1" in figure.made.words


def test_latency_against_load_is_drawn_with_its_bound() -> None:
    p99, p50 = named(swept(), "load").plots
    assert (p99.title, p50.title) == ("p99 latency against load", "p50 latency against load")
    assert (p99.bound, p50.bound) == ((250.0, "bound 250 ms"), None)
    assert [point.x for point in p99.curves[0].points] == [25.0, 50.0, 100.0, 200.0, 400.0]


def test_single_measurements_make_no_curve() -> None:
    assert figures(sample()) == ()
    assert "uPlot" not in page(reports.assess(sample()), Path())


def test_a_guard_that_broke_is_named_as_such() -> None:
    proof = swept()
    loads = tuple(
        msgspec.structs.replace(load, status=Status.INVALID) if load.variant == "none" else load
        for load in proof.loads
    )
    figure = named(msgspec.structs.replace(proof, loads=loads), "contention")
    words = {curve.name: curve.words for curve in figure.plots[0].curves}
    assert (words["none"], words["claim"]) == ("none, broke", "claim")


@pytest.mark.parametrize("kind", ["uniform:10,30", "exponential:20", "lognormal:20,0.5", "20"])
def test_a_latency_that_varies_has_its_place_at_its_middle(kind: str) -> None:
    proof = swept()
    other = Conditions(contention="hot:1", think_s="0.01", timeout_s=15, stripe_latency_ms=kind)
    loads = tuple(
        msgspec.structs.replace(load, conditions=other)
        if load.conditions.stripe_latency_ms == "20"
        else load
        for load in proof.loads
        if load.conditions.contention == "hot:1"
    )
    figure = named(msgspec.structs.replace(proof, loads=loads), "stripe")
    assert [point.x for point in figure.plots[0].curves[0].points] == [0.0, 20.0, 100.0, 300.0]


def test_drawn_and_plotted_are_the_same_numbers() -> None:
    plot = Plot(
        title="t",
        note="n",
        x_label="x",
        y_label="y",
        unit="ms",
        curves=(
            Curve(name="a", points=(Point(x=1, y=10, low=9, high=12), Point(x=3, y=0))),
            Curve(name="b", points=(Point(x=2, y=123456),), below=True, mark="broke"),
        ),
    )
    data = as_data(plot)
    assert data["xs"] == [1, 2, 3]
    first, second = data["series"]
    assert (first["ys"], first["low"]) == ([10, None, 0], [9, None, None])
    assert (second["ys"], second["below"], second["words"]) == (
        [None, 123500, None],
        True,
        "b, broke",
    )
    drawn = ET.fromstring(str(curve_picture(plot, "p")))
    circles = [node for node in drawn.iter() if node.tag == "circle"]
    assert len(circles) == 3
    assert {node.text for node in drawn.iter("text")} >= {"a", "b, broke", "x", "y"}


@pytest.mark.parametrize("log", [False, True])
def test_every_point_is_inside_the_picture(log: bool) -> None:
    for figure in figures(swept()):
        for plot in figure.plots:
            drawn = ET.fromstring(str(curve_picture(msgspec.structs.replace(plot, y_log=log), "p")))
            _, _, width, height = map(float, drawn.attrib["viewBox"].split())
            for node in drawn.iter():
                if node.tag == "circle":
                    assert 0 <= float(node.attrib["cx"]) <= width
                    assert 0 <= float(node.attrib["cy"]) <= height
            names = [n for n in drawn.iter("text") if n.attrib.get("class") == "row-label"]
            heights = sorted(float(node.attrib["y"]) for node in names)
            assert all(b - a >= 11 for a, b in pairwise(heights)), "readable"
            assert heights[-1] <= height


def seen(**kinds: tuple[float, ...]) -> Seen:
    names = {"running": RUNNING, "held": HELD, "idle": IDLE, "lock": f"{LOCK}tuple"}
    series = {names.get(kind, f"IO: {kind}"): values for kind, values in kinds.items()}
    means = {kind: sum(values) / len(values) for kind, values in series.items()}
    line = Timeline(step_ms=50, series=series)
    sessions = Sessions(samples=9, interval_ms=20, means=means, timeline=line)
    return Seen(sessions=sessions, commits=1, rollbacks=0, deadlocks=0)


def test_wait_events_are_drawn_over_time_for_each_guard() -> None:
    proof = swept()
    loads = tuple(
        msgspec.structs.replace(
            load,
            seen=seen(
                running=(1.0, 2.0), lock=(4.0, 0.0), idle=(9.0, 9.0), read=(0.5, 0.5), fsync=(1, 1)
            ),
        )
        for load in proof.loads
    )
    found = wait_figures(msgspec.structs.replace(proof, loads=loads))
    assert [figure.folded for figure in found] == [False, True, True]
    plot = found[0].plots[0]
    assert len(found[0].plots) == len(GUARDS)
    assert [curve.name for curve in plot.curves] == [
        "running",
        "other waits (client, disk, latches)",
        "waiting for a lock (tuple)",
    ]
    assert [point.y for point in plot.curves[1].points] == [1.5, 1.5]
    assert [point.x for point in plot.curves[0].points] == [0.0, 0.05]
    assert plot.top == 6.5
    drawn = ET.fromstring(str(curve_picture(plot, "p")))
    assert len([n for n in drawn.iter("path") if "area" in n.attrib.get("class", "")]) == 3
    assert wait_figures(proof) == ()


def test_a_report_of_load_begins_with_what_to_choose_and_then_the_curves() -> None:
    made = page(reports.assess(swept()), Path())
    assert made.index('id="advice"') < made.index('id="performance"') < made.index("figure-1")
    for absent in ('id="matrix"', 'id="timeline"', 'id="details"'):
        assert absent not in made
    both = page(reports.assess(swept(cells=True)), Path())
    assert both.index('id="advice"') < both.index('id="matrix"') < both.index('id="performance"')
    assert len(made.encode()) < LIMIT


def test_every_figure_says_how_it_was_made_and_how_to_make_it_again() -> None:
    proof = swept()
    made = page(reports.assess(proof), Path())
    tables = made.count('class="made"')
    assert tables == 1 + len(figures(proof)) + made.count('<details class="profile"')
    for note in re.findall(r'<p class="made">(.*?)</p>', made):
        assert "Linux 6.8 x86_64, 8 CPUs; paidonce 0.1.0, Python 3.12.4" in note
        assert "postgres embedded PostgreSQL 18.4" in note
        assert "Again: <code>paidonce load --sweep" in note


def test_the_summary_has_the_same_tables() -> None:
    text = summary(reports.assess(swept()))
    assert text.index("### Which guard to choose") < text.index("### Goodput against contention")
    assert "### Throughput against Stripe's latency" in text
    assert text.count("Again: `paidonce load --sweep") >= 4


def test_no_name_ends_the_script_that_holds_the_numbers() -> None:
    proof = swept()
    renamed = {name: HOSTILE + name for name, *_ in GUARDS}
    hostile = msgspec.structs.replace(
        proof,
        variants=tuple(
            msgspec.structs.replace(one, name=renamed[one.name]) for one in proof.variants
        ),
        loads=tuple(
            msgspec.structs.replace(one, variant=renamed[one.variant]) for one in proof.loads
        ),
    )
    made = page(reports.assess(hostile), Path())
    assert "<script>alert" not in made
    found = re.findall(r'<script type="application/json">(.*?)</script>', made, re.DOTALL)
    assert len(found) == 6
    assert json.loads(found[0])["series"][0]["name"].startswith("<script>alert")


def test_a_terminal_has_a_table_for_each_thing_that_was_varied() -> None:
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(render_loads(swept()))
    text = console.export_text()
    assert "Goodput against contention" in text
    assert "Throughput against Stripe's latency" in text
    assert "load pay hot:1: 16 users" not in text, "the same once more"
    plain = Console(width=100, file=io.StringIO(), record=True)
    plain.print(render_loads(sample()))
    assert "load hot_order: 50 users" in plain.export_text()
