"""Sets of backends beside each other, in every format."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
from reports_sample import bad_day, sample
from rich.console import Console
from sample_cells import not_judged, with_cells

from paidonce import reports
from paidonce.harness.proof.plan import machine
from paidonce.harness.results.problem import Weight
from paidonce.harness.results.proof import Beside, Proof
from paidonce.reports.formats import terminal
from paidonce.reports.formats.html import page
from paidonce.reports.formats.junit import junit
from paidonce.reports.formats.markdown import summary
from paidonce.reports.overview.backends import columns
from paidonce.reports.overview.headline import headline


def beside(own: Proof, *others: Beside) -> Proof:
    return msgspec.structs.replace(own, stack="embedded", beside=others)


def with_backends(proof: Proof, **backends: str) -> Proof:
    machine = msgspec.structs.replace(proof.machine, backends=backends)
    return msgspec.structs.replace(proof, machine=machine)


def less() -> Proof:
    first = sample().cells[0]
    return with_cells(sample(), not_judged(first.variant, first.scenario))


LESS = Beside(name="stripe-mock", folder="stripe-mock", proof=less())
WORSE = Beside(name="redis=redis://h", folder="redis=redis_h", proof=bad_day())
NONE = Beside(name="container", missing="docker: no Docker engine answers. Start Docker")


def test_one_column_for_each_set_with_what_it_could_not_judge() -> None:
    proof = beside(sample(), LESS, NONE)
    own, less, none = columns(reports.assess(proof))
    assert (own.name, less.name, none.name) == ("embedded", "stripe-mock", "container")
    cells = len(proof.cells)
    assert sum(number for entry in own.entries for _, number in entry.counts) == cells
    assert any("stripe.ledger" in want.reason for want in less.wants)
    want = next(want for want in less.wants if "stripe.ledger" in want.reason)
    assert want.scenarios
    assert f"({want.cells} cell" in want.words
    assert none.entries == ()
    assert "no Docker engine" in none.missing


def test_another_set_that_is_contradicted_or_not_to_be_had_changes_the_exit_status() -> None:
    assert reports.assess(sample()).exit_status == 0
    assert reports.assess(beside(sample(), LESS)).exit_status == reports.assess(less()).exit_status
    assert (
        reports.assess(beside(sample(), WORSE)).exit_status
        == reports.assess(bad_day()).exit_status
        == 1
    )
    assert reports.assess(beside(sample(), NONE)).exit_status == 3
    told = [problem.text for problem in reports.assess(beside(sample(), WORSE, NONE)).problems]
    assert "contradicted with redis=redis://h; its own report is in redis=redis_h" in told
    assert any(text.startswith("not proved with container: docker: no Docker") for text in told)
    remarks = headline(reports.assess(beside(sample(), WORSE))).remarks
    assert any(remark.startswith("With redis=redis://h: contradicted.") for remark in remarks)


def test_every_format_tells_of_all_sets(tmp_path: Path) -> None:
    proof = beside(with_backends(sample(), stripe="simulator 1"), LESS, WORSE, NONE)
    text = StringIO()
    Console(file=text, width=200).print(terminal.render_backends(reports.assess(proof)))
    html, markdown = page(reports.assess(proof), tmp_path), summary(reports.assess(proof))
    for told in (text.getvalue(), html, markdown):
        for name in ("embedded", "stripe-mock", "redis=redis://h", "not to be had"):
            assert name in told
    assert 'href="stripe-mock/report.html"' in html
    assert "stripe: simulator 1" in html
    assert "stripe.ledger" in html
    assert "stripe.ledger" in markdown
    root = ET.fromstring(junit(reports.assess(proof)))
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert set(suites) >= {"with stripe-mock", "with redis=redis://h", "with container"}
    assert all(s.get("timestamp") for name, s in suites.items() if name.startswith("with "))
    assert all(found.get("type") for found in (*root.iter("failure"), *root.iter("error")))
    worse, none = suites["with redis=redis://h"], suites["with container"]
    assert worse.get("failures") != "0"
    assert none.get("skipped") == none.get("tests") == str(len(proof.scenarios))
    told = {p.get("value") for p in root.iter("property") if p.get("name") == "backend.stripe"}
    assert told == {"simulator 1"}
    assert reports.write_all(reports.assess(proof), tmp_path)
    assert reports.load(tmp_path) == proof


def test_stand_in_images_are_said() -> None:
    made = machine({"postgres": "container 18.4 (stand-in image)", "redis": "embedded 9"})
    proof = msgspec.structs.replace(sample(), machine=made)
    (note,) = [p for p in reports.assess(proof).problems if "stand-in images" in p.text]
    assert note.weight is Weight.NOTE
    assert note.text.endswith("official ones: postgres")
    assert reports.assess(proof).exit_status == 0
    assert not [p for p in reports.assess(sample()).problems if "stand-in" in p.text]


def test_a_single_set_needs_no_table_on_a_terminal() -> None:
    assert terminal.render_backends(reports.assess(sample())) is None
