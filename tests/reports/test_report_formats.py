"""results.json, JUnit XML, Markdown and the terminal."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from reports_sample import GUARDS, HOSTILE, SCENARIOS, bad_day, hostile, sample
from rich.console import Console, RenderableType
from sample_cells import cell, not_judged, with_cells

from paidonce import reports
from paidonce.harness.errors import UsageError
from paidonce.harness.results.proof import Proof, Variant
from paidonce.harness.results.words import listed
from paidonce.harness.verdict import Status
from paidonce.reports.formats import terminal
from paidonce.reports.formats.junit import junit
from paidonce.reports.formats.markdown import summary
from paidonce.reports.words import duration, moment, money, number, percent, short_id

# --- results.json -----------------------------------------------------------------------------


@pytest.mark.parametrize("proof", [sample(), bad_day(), hostile()], ids=["good", "bad", "hostile"])
def test_write_all_and_load_again(proof: Proof, tmp_path: Path) -> None:
    paths = reports.write_all(reports.assess(proof), tmp_path / "out")
    assert set(paths) == {"json", "html", "markdown", "junit", "csv"}
    assert reports.load(tmp_path / "out") == proof
    assert reports.load(paths["json"]) == proof
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "junit.xml",
        "load.csv",
        "report.html",
        "results.json",
        "summary.md",
    ]


def test_writing_again_replaces(tmp_path: Path) -> None:
    reports.write_all(reports.assess(bad_day()), tmp_path)
    first = (tmp_path / "report.html").read_text()
    reports.write_all(reports.assess(sample()), tmp_path)
    assert (tmp_path / "report.html").read_text() != first
    assert reports.load(tmp_path) == sample()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"{", "not a paidonce results.json"),
        (b'{"format": 99}', "results format 99; this version reads formats 1 and 2"),
        (b'{"format": 1, "started": 3}', "not a paidonce results.json"),
    ],
)
def test_load_says_what_is_wrong(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        reports.load(tmp_path)
    assert str(tmp_path / "results.json") in str(caught.value)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"results\.json cannot be written"):
        reports.write_all(reports.assess(sample()), tmp_path / "file" / "below")


# --- JUnit ------------------------------------------------------------------------------------


def _suite(root: ET.Element, name: str) -> ET.Element:
    return next(suite for suite in root if suite.get("name") == name)


def _case(root: ET.Element, suite: str, name: str) -> ET.Element:
    return next(case for case in _suite(root, suite) if case.get("name") == name)


def test_junit_has_a_suite_for_each_guard_and_a_case_for_each_cell() -> None:
    root = ET.fromstring(junit(reports.assess(sample(with_loads=False))))
    assert root.tag == "testsuites"
    assert [suite.get("name") for suite in root] == [name for name, *_ in GUARDS]
    for suite in root:
        assert [case.get("name") for case in suite.iter("testcase")] == [
            name for name, *_ in SCENARIOS
        ]
    assert root.get("tests") == str(len(GUARDS) * len(SCENARIOS))
    assert root[0].get("timestamp") == "2025-03-14T09:26:53"
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "2")


def _holds_to_the_schema(root: ET.Element) -> None:
    """The rules of the common schema: who may stand in whom, what must be said, what adds up."""
    children = {
        "testsuites": {"testsuite"},
        "testsuite": {"properties", "testcase"},
        "properties": {"property"},
        "testcase": {"skipped", "failure", "error", "system-out"},
    }
    required = {
        "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        "testcase": {"name", "classname", "time"},
        "failure": {"message", "type"},
        "error": {"message", "type"},
        "skipped": {"message"},
    }
    for element in root.iter():
        assert {child.tag for child in element} <= children.get(element.tag, set())
        missing = required.get(element.tag, set()) - set(element.keys())
        if element.get("name") != "the proof as a whole":
            assert not missing, (element.tag, missing)
        if element.tag == "testcase":
            results = [child for child in element if child.tag != "system-out"]
            assert len(results) <= 1
    for suite in (root, *root):
        for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert suite.get(total) == str(len(list(suite.iter(tag))))
        assert suite.get("tests") == str(len(list(suite.iter("testcase"))))


def test_junit_structure_of_a_bad_day() -> None:
    root = ET.fromstring(junit(reports.assess(bad_day())))
    _holds_to_the_schema(root)
    failure = _case(root, "serializable", "two_tabs").find("failure")
    assert failure is not None
    assert failure.get("type") == "broken"
    assert "one-charge (invalid): order ord_1 has two succeeded charges" in (failure.text or "")
    assert "paidonce check histories/serializable/two_tabs-2.jsonl" in (failure.text or "")
    missed = _case(root, "none", "two_tabs").find("failure")
    assert missed is not None
    assert missed.get("type") == "missed"
    error = _case(root, "redis_lock", "two_intents").find("error")
    assert error is not None
    assert "did not answer within 10 s" in (error.get("message") or "")
    whole = _suite(root, "the proof as a whole")
    assert "interrupted" in (whole[0][0].get("message") or "")
    assert _case(root, "optimistic_late", "many_orders").find("skipped") is not None


def test_junit_never_passes_an_unknown() -> None:
    partly = cell("claim", "two_tabs", Status.VALID, Status.UNKNOWN)
    nothing = msgspec.structs.replace(
        partly,
        scenario="two_intents",
        runs=tuple(
            msgspec.structs.replace(
                run, verdicts=tuple(v for v in run.verdicts if v.status is Status.UNKNOWN)
            )
            for run in partly.runs
        ),
    )
    proof = with_cells(sample(), partly, nothing, not_judged("claim", "pay_vs_cancel"))
    root = ET.fromstring(junit(reports.assess(proof)))
    assert _case(root, "claim", "two_tabs").find("error") is not None
    for scenario in ("two_intents", "pay_vs_cancel"):
        skipped = _case(root, "claim", scenario).find("skipped")
        assert skipped is not None
        assert skipped.get("message")


def test_junit_tells_of_a_sound_guard_broken_under_load() -> None:
    proof = sample()
    broken = msgspec.structs.replace(proof.loads[1], status=Status.INVALID)
    root = ET.fromstring(junit(reports.assess(msgspec.structs.replace(proof, loads=(broken,)))))
    _holds_to_the_schema(root)
    assert root.get("failures") == "1"
    assert _case(root, broken.variant, "load hot_order 50 users").find("failure") is not None


def test_junit_carries_hostile_text_as_text() -> None:
    root = ET.fromstring(junit(reports.assess(hostile())))
    _holds_to_the_schema(root)
    assert root.find(".//script") is None
    assert _suite(root, HOSTILE.replace("\x00", "\ufffd")) is not None


# --- Markdown ---------------------------------------------------------------------------------


def _tables(text: str) -> list[list[str]]:
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE)
    return [block.strip().split("\n") for block in blocks]


def _columns(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


@pytest.mark.parametrize("proof", [sample(), bad_day(), hostile()], ids=["good", "bad", "hostile"])
def test_markdown_tables_are_rectangular(proof: Proof) -> None:
    tables = _tables(summary(reports.assess(proof)))
    assert len(tables) == 5
    for table in tables:
        assert len({_columns(row) for row in table}) == 1
        assert re.fullmatch(r"\|( :?-+:? \|)+", table[1])
    matrix = tables[1]
    assert _columns(matrix[0]) == 1 + len(proof.variants)
    assert len(matrix) == 3 + len(proof.scenarios)


def test_markdown_says_it_in_words_and_symbols() -> None:
    text = summary(reports.assess(bad_day()))
    assert text.startswith("## ❌ paidonce: contradicted")
    assert "❌ **BROKEN** 1/3" in text
    assert "❌ **NOT CAUGHT** 0/3" in text
    assert "🎯 caught 3/3" in text
    assert "`paidonce check histories/serializable/two_tabs-2.jsonl`" in text
    assert "### Problems" not in summary(reports.assess(sample()))


def test_markdown_without_cells_or_loads() -> None:
    text = summary(reports.assess(msgspec.structs.replace(sample(with_loads=False), cells=())))
    assert "Nothing was run" in text
    assert _tables(text) == []


def test_markdown_escapes_html() -> None:
    text = re.sub(r"(?<!\\)`[^`]*`", "", summary(reports.assess(hostile())))
    assert not re.search(r"(?<!\\)<script", text)


# --- terminal ---------------------------------------------------------------------------------


def _printed(shown: RenderableType, width: int) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(shown)
    output = console.file
    assert isinstance(output, StringIO)
    return output.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_matrix_fits_and_can_be_read_without_colour(width: int) -> None:
    proof = bad_day()
    text = _printed(terminal.render_matrix(reports.assess(proof), width), width)
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    for name, *_ in SCENARIOS:
        assert name in rows
    assert "…" not in text
    marks = "BROKEN" if width > 100 else "X"
    assert re.search(rf"\b{marks}\b", rows["two_tabs"])
    assert not re.search(rf"\b{marks}\b", rows["amount_changed"])
    for name, *_ in GUARDS:
        assert name in text


def test_terminal_tells_verdicts_headline_and_loads() -> None:
    proof = bad_day()
    broken = next(c for c in proof.cells if c.variant == "serializable" and c.caught)
    text = _printed(terminal.render_verdicts(broken.runs[1]), 200)
    rows = [line.split()[:2] for line in text.splitlines()[1:6]]
    assert rows[0] == ["INVALID", "one-charge"]
    assert {row[0] for row in rows[1:]} == {"VALID"}
    assert _printed(terminal.render_headline(reports.assess(proof)), 200).startswith(
        "CONTRADICTED  1 guard"
    )
    assert "hot_order" in _printed(terminal.render_loads(proof), 200)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_load_figures_fit_and_cut_no_name(width: int) -> None:
    proof = bad_day()
    text = _printed(terminal.render_loads(proof), width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    words = set(text.split())
    for load in proof.loads:
        assert load.variant in words
    assert {"payments/s", "verdict"} <= words
    assert ("in the report also" in text) == (width < 200)


def test_terminal_takes_hostile_text_literally() -> None:
    proof = msgspec.structs.replace(
        sample(), variants=(Variant(name="[red]x[/]", title="", sound=True),), cells=()
    )
    assert "[red]x[/]" in _printed(terminal.render_matrix(reports.assess(proof), 200), 200)


# --- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (money(4990, "usd"), "49.90 USD"),
        (money(5, "eur"), "0.05 EUR"),
        (money(1234567, "jpy"), "1,234,567 JPY"),
        (money(1234, "kwd"), "1.234 KWD"),
        (money(-4990, "usd"), "−49.90 USD"),
        (duration(184e6), "184 ms"),
        (duration(0.4e6), "0.4 ms"),
        (duration(0), "0 ms"),
        (duration(1.24e9), "1.24 s"),
        (duration(999.7e6), "1.00 s"),
        (duration(125e9), "2 min 5 s"),
        (moment("2025-03-14T09:26:53Z"), "2025-03-14 09:26:53 UTC"),
        (moment("2025-03-14T09:26:53+00:00"), "2025-03-14 09:26:53 UTC"),
        (moment("soon"), "soon"),
        (number(12400), "12,400"),
        (number(0.42), "0.42"),
        (number(17.53), "17.5"),
        (percent(0), "0 %"),
        (percent(0.0001), "< 0.1 %"),
        (percent(0.123), "12 %"),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
        (listed(list("abcdef"), limit=3), "a, b and 4 more"),
        (short_id("pi_3Rk2aLq8VbXn41TzQ0f7Gd2m"), "pi_…Gd2m"),
        (short_id("pi_A"), "pi_A"),
        (short_id("ae38cd9c-3bf8-42ba-bc11-82a3bb8c7178"), "ae38…7178"),
    ],
)
def test_words(shown: str, expected: str) -> None:
    assert shown == expected
