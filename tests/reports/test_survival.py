"""The second matrix in reports: what each guard survives, what is not as declared, what is open."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.console import Console

from paidonce.harness.results.assessment import assess
from paidonce.harness.results.proof import Adversity, Machine, Proof, Survival, Variant
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.verdict import Broken, Status
from paidonce.reports.formats import html, terminal
from paidonce.reports.formats.markdown import summary
from paidonce.reports.overview.headline import headline
from paidonce.reports.overview.survival import survival_rows, why_open

CRASH = Adversity(name="crash", title="a crash")


def proof(how, expected=Status.VALID, **search):
    """A proof of one guard under one adversity, which ended so."""
    cell = Survival(
        variant="claim",
        adversity="crash",
        expected=expected,
        search=Searched(how=how, **search),
    )
    return Proof(
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        seed=0,
        command="paidonce prove",
        machine=Machine(system="s", cpus=1, python="3", paidonce="0", backends={}),
        variants=(Variant(name="claim", title="Claim", sound=True),),
        scenarios=(),
        adversities=(CRASH,),
        survivals=(cell,),
    )


LOST = Broken(checker="charged-recorded", reason="charged, not recorded")
CUT = {"reason": "the time is over", "explored": 38, "seconds": 7.4}
FOUND = {"broken": (LOST,), "witness": "witnesses/w.json"}


@pytest.mark.parametrize(
    ("how", "expected", "more", "word", "status"),
    [
        (How.COMPLETE, Status.VALID, {}, "survives", Status.VALID),
        (How.COUNTEREXAMPLE, Status.INVALID, FOUND, "caught", Status.VALID),
        (How.COUNTEREXAMPLE, Status.VALID, FOUND, "caught!", Status.INVALID),
        (How.COMPLETE, Status.INVALID, {}, "survives!", Status.INVALID),
        (How.INCOMPLETE, Status.VALID, CUT, "open", Status.VALID),
        (How.NOT_SEARCHED, Status.INVALID, {"reason": "no time"}, "open", Status.VALID),
    ],
)
def test_what_is_not_as_declared_weighs_and_what_is_open_is_said(how, expected, more, word, status):
    told = proof(how, expected, **more)
    assert [(row.adversity.name, row.words) for row in survival_rows(told)] == [("crash", (word,))]
    assessed = assess(told)
    of_it = [one for one in assessed.problems if one.variant or "under failures" in one.text]
    weights = {str(one.weight) for one in of_it}
    assert ("contradicted" in weights) is (status is Status.INVALID)
    assert ("note" in weights) is (word == "open")
    (remark,) = (one for one in headline(assessed).remarks if one.startswith("Under failures"))
    assert ("not all of 1 cell are as declared" in remark) is (status is Status.INVALID)
    assert ("0 of 1 cell are as declared, all searched; 1 open" in remark) is (word == "open")
    page = summary(assessed)
    assert "### Guards under failure" in page
    extent = {How.INCOMPLETE: ", after 38 executions in 7 s", How.NOT_SEARCHED: ", not begun"}
    assert f"| a crash | {word}{extent.get(how, '')} |" in page
    if word == "open":
        plain = page.replace("\\", "")
        assert f"claim × crash ({extent[how].removeprefix(', ')}): {more['reason']}" in plain
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal.render_survivals(told))
    shown = console.export_text()
    assert word in shown
    assert more.get("reason", "") in " ".join(shown.split())


def test_results_hold_it_and_those_without_are_still_read():
    told = proof(How.COMPLETE)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Proof) == told
    older = msgspec.to_builtins(told)
    del older["survivals"], older["adversities"]
    assert msgspec.convert(older, Proof).survivals == ()


def test_the_page_has_the_table_and_leads_to_what_was_caught(tmp_path):
    page = html.page(assess(proof(How.COUNTEREXAMPLE, Status.INVALID, **FOUND)), tmp_path)
    table = page[page.index('id="failures"') : page.index('id="details"')]
    assert '<th scope="row">a crash</th>' in table
    assert re.search(r'<td><a href="[^"]*w[^"]*">caught</a></td>', table)
    page = html.page(assess(proof(How.INCOMPLETE, **CUT)), tmp_path)
    extent = "after 38 executions in 7 s"
    assert f'<td>open <span class="muted small">{extent}</span></td>' in page
    assert f"<li>claim × crash ({extent}): the time is over</li>" in page


def test_a_page_without_failures_has_no_table_of_them(tmp_path):
    told = msgspec.structs.replace(proof(How.COMPLETE), adversities=(), survivals=())
    assert 'id="failures"' not in html.page(assess(told), tmp_path)


def test_of_many_cells_that_are_open_a_terminal_has_some():
    told = proof(How.NOT_SEARCHED, reason="no time")
    many = msgspec.structs.replace(told, survivals=told.survivals * 10)
    ((reason, places),) = why_open(many, 8)
    assert (reason, places.count("claim × crash (not begun)")) == ("no time", 8)
    assert places.endswith(" and 2 more (see the summary)")
    ((_, places),) = why_open(many)
    assert places.count("claim × crash") == 10
