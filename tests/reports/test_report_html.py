"""report.html and the standalone picture, read as a machine reads them."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from reports_sample import GUARDS, HOSTILE, SCENARIOS, bad_day, hostile, load, sample

from paidonce import reports
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.searched import How, Searched
from paidonce.reports.charts.charts import Row, bars, dots
from paidonce.reports.charts.svg import width_of
from paidonce.reports.formats.html import asset, page
from paidonce.reports.load.performance import HEADER, profiles
from paidonce.reports.timeline.svg import WIDTH

VOID = {"meta", "link", "br", "wbr", "input", "img", "hr"}


class Reader(HTMLParser):
    """Every element with its attributes and text, and whether all that opened was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        opened = self.elements[self._open.pop()][0]
        assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.elements[place][2].append(data)

    def all(self, tag: str, class_: str = "") -> list[tuple[dict[str, str], str]]:
        return [
            (attributes, " ".join("".join(text).split()))
            for name, attributes, text in self.elements
            if name == tag and set(class_.split()) <= set(attributes.get("class", "").split())
        ]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("good")
    return Reader(page(reports.assess(sample(folder)), folder))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("bad")
    return Reader(page(reports.assess(bad_day(folder)), folder))


def test_every_cell_is_in_the_matrix_and_leads_to_its_details(good: Reader) -> None:
    cells = good.all("a", "cell")
    assert len(cells) == len(GUARDS) * len(SCENARIOS)
    details = {attributes["id"]: text for attributes, text in good.all("details", "cell-detail")}
    assert len(details) == len(cells)
    for attributes, text in cells:
        word = re.match("[a-zA-Z]+", text)
        assert word
        assert word[0] in details[attributes["href"].removeprefix("#")]
    assert sum(text == "held3/3" for _, text in cells) == 143 - 17 - 2
    assert sum(text == "caught3/3" for _, text in cells) == 17


def test_identities_are_unique_and_links_lead_somewhere(bad: Reader) -> None:
    identities = [a["id"] for _, a, _ in bad.elements if "id" in a]
    assert len(identities) == len(set(identities))
    for _, attributes, _ in bad.elements:
        target = attributes.get("href", "")
        if target.startswith("#"):
            assert target[1:] in identities
        for name in ("aria-labelledby", "aria-describedby"):
            if name in attributes:
                assert attributes[name] in identities


def test_a_good_day_opens_nothing_and_a_bad_day_what_is_wrong(good: Reader, bad: Reader) -> None:
    opened = [a["class"] for a, _ in good.all("details") if "open" in a]
    assert set(opened) == {"profile"}, "figures are to be seen; nothing else wants to be"
    opened = [text for a, text in bad.all("details", "cell-detail") if "open" in a]
    starts = ("two_intentsERROR", "two_tabsBROKEN", "many_ordersunknown", "two_tabsNOT CAUGHT")
    assert len(opened) == len(starts)
    assert all(text.startswith(start) for text, start in zip(opened, starts, strict=True))


def test_unexpected_cells_are_loud_in_words_not_only_in_colour(bad: Reader) -> None:
    assert [text for _, text in bad.all("a", "cell broken")] == ["BROKEN1/3"]
    assert [text for _, text in bad.all("a", "cell missed")] == ["NOT CAUGHT0/3"]
    assert [text for _, text in bad.all("a", "cell unknown")] == ["unknown1/3"]
    assert len(bad.all("a", "cell not-run")) == 2
    problems = [text for _, text in bad.all("li") if text.startswith("BROKEN serializable")]
    assert problems
    assert "paidonce check histories/serializable/two_tabs-2.jsonl" in problems[0]


def test_headline_says_the_verdict(good: Reader, bad: Reader) -> None:
    assert good.all("h1")[0][1].startswith("8 guards held in all 13 scenarios")
    assert bad.all("h1")[0][1].startswith("1 guard declared sound broke")
    assert good.all("div", "verdict proven")
    assert bad.all("div", "verdict contradicted")


def test_accessible_structure(bad: Reader) -> None:
    levels = [int(tag[1]) for tag, _, _ in bad.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    tables = sum(tag == "table" for tag, _, _ in bad.elements)
    assert len(bad.all("caption")) == tables
    assert all("scope" in attributes for attributes, _ in bad.all("th"))
    for attributes, _ in bad.all("svg"):
        assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
    assert next(a for tag, a, _ in bad.elements if tag == "html")["lang"] == "en"


def test_nothing_is_fetched(good: Reader) -> None:
    for tag, attributes, _ in good.elements:
        assert "src" not in attributes
        target = attributes.get("href", "")
        assert not re.match(r"(https?:)?//", target), (tag, target)
    styles = "".join(text for _, text in good.all("style"))
    assert "url(" not in styles
    assert "@import" not in styles


def test_double_payment_is_told_step_by_step(good: Reader) -> None:
    steps = good.all("li", "c0") + good.all("li", "c1")
    assert any("again for tab 2" in text and "charged twice" in text for _, text in steps)
    assert "99.80 USD" in good.all("p", "conclusion")[0][1]


def test_broken_sound_guard_gets_a_timeline(bad: Reader) -> None:
    assert any("serializable broke in two_tabs" in text for _, text in bad.all("h3"))
    assert len(bad.all("p", "conclusion")) == 2


def test_missing_histories_leave_a_sentence(tmp_path: Path) -> None:
    reader = Reader(page(reports.assess(sample()), tmp_path))
    assert reader.all("p", "conclusion") == []
    assert any("nothing to show here" in text for _, text in reader.all("p"))


def test_without_loads_it_says_how_to_get_them(tmp_path: Path) -> None:
    reader = Reader(page(reports.assess(sample(with_loads=False)), tmp_path))
    assert any("paidonce load" in text for _, text in reader.all("p"))
    assert reader.all("table", "figures") == []


@pytest.mark.parametrize(
    "change",
    [{"cells": ()}, {"cells": (), "variants": (), "scenarios": (), "loads": ()}, {"scenarios": ()}],
)
def test_poor_proofs_still_make_a_page(change: dict[str, object], tmp_path: Path) -> None:
    proof = msgspec.structs.replace(sample(), **change)
    assert Reader(page(reports.assess(proof), tmp_path)).all("h1")
    assert reports.write_all(reports.assess(proof), tmp_path)["html"].exists()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = page(reports.assess(hostile()), tmp_path)
    assert "<script>alert" not in text
    reader = Reader(text)
    assert len(reader.all("script")) == 1
    assert any(HOSTILE.split("|")[0] in shown for _, shown in reader.all("code"))


def test_interrupted_proof_says_so(bad: Reader) -> None:
    assert any("Interrupted: " in text for _, text in bad.all("p", "remarks"))


# --- performance ------------------------------------------------------------------------------


def test_loads_are_plotted_and_tabled(good: Reader) -> None:
    tables = good.all("table", "figures")
    assert len(tables) == 2
    figures = profiles(sample())
    assert [profile.name for profile in figures] == ["hot_order", "many_orders"]
    for profile in figures:
        assert len(profile.rows) == len(GUARDS)
        assert all(len(row) == len(HEADER) for row in profile.rows)
        for panel in profile.panels:
            root = ET.fromstring(str(panel.picture))
            labels = [e.text for e in root.iter("text") if e.get("class") == "row-label"]
            assert sorted(labels) == sorted(name for name, *_ in GUARDS)


def test_tries_of_clients_are_told_apart_from_those_of_the_service() -> None:
    told = sample()
    tries = {"none": (3, 7, 1), "row_lock": (0, 0, 0)}
    loads = tuple(
        msgspec.structs.replace(load, round=at + 1, retries=2, tried_again=number)
        for load in told.loads
        if load.profile == "hot_order" and load.variant in tries
        for at, number in enumerate(tries[load.variant])
    )
    (profile,) = profiles(msgspec.structs.replace(told, loads=loads))
    by_guard = {row[0]: dict(zip(profile.header, row, strict=True)) for row in profile.rows}
    assert {guard: row["asked again"] for guard, row in by_guard.items()} == {
        "none": "3",  # the median, as of all counters
        "row_lock": "0",
    }
    assert {row["retries"] for row in by_guard.values()} == {"2"}


def test_bars_are_as_long_as_their_values() -> None:
    rows = [
        Row(label="a", values=(100.0, 25.0), shown=("100", "25")),
        Row(label="b", values=(50.0, None), shown=("50", "not told"), below=True),
        Row(label="c", values=(0.0, 0.0), shown=("0", "0")),
    ]
    root = ET.fromstring(str(bars(rows, "title", "x")))
    lengths = [float(rect.get("width") or 0) for rect in root.iter("rect")]
    assert lengths == pytest.approx([lengths[0], lengths[0] / 4, lengths[0] / 2], rel=1e-3)
    texts = [element.text for element in root.iter("text")]
    assert "not told" in texts
    assert texts.index("c") < texts.index("declared vulnerable") < texts.index("b")


def test_dots_stand_in_order_on_a_logarithmic_scale() -> None:
    row = Row(label="a", values=(1.0, 10.0, 100.0), shown=("1", "10", "100"))
    root = ET.fromstring(str(dots([row], "title", "x", "ms")))
    circle, square = next(root.iter("circle")), next(root.iter("rect"))
    first = float(circle.get("cx") or 0)
    second = float(square.get("x") or 0) + 4.2
    third = float(re.match(r"M([\d.]+)", next(root.iter("path")).get("d") or "M0")[1])  # type: ignore[index]
    assert third - second == pytest.approx(second - first, abs=0.1)
    empty = dots([Row(label="a", values=(None, 0.0), shown=("", ""))], "title", "y", "ms")
    assert ET.fromstring(str(empty)) is not None


def test_loads_of_different_sizes_are_told_apart() -> None:
    other = msgspec.structs.replace(load("claim", 1), users=200)
    proof = msgspec.structs.replace(sample(), loads=(load("claim", 1), other))
    picture = str(profiles(proof)[0].panels[0].picture)
    assert "claim · 50" in picture
    assert "claim · 200" in picture


# --- the standalone picture -------------------------------------------------------------------


@pytest.mark.parametrize("make", [sample, bad_day, lambda _: hostile()])
def test_picture_is_one_svg_with_the_result(make: object, tmp_path: Path) -> None:
    assert callable(make)
    proof = make(tmp_path)
    assert isinstance(proof, Proof)
    reports.write_picture(reports.assess(proof), tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    root = ET.fromstring(text)
    names = [e.text for e in root.iter() if e.get("class") == "name"]
    assert len(names) == len(proof.variants)
    assert "prefers-color-scheme: dark" in text
    assert root.find(".//{*}script") is None
    cells = [
        e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("class", "")[:2] == "g-"
    ]
    assert len(cells) == 1 + len(proof.variants) * len(proof.scenarios)


def test_where_columns_are_narrow_the_picture_has_marks_and_says_what_they_mean(
    tmp_path: Path,
) -> None:
    proof = bad_day()
    more = tuple(
        msgspec.structs.replace(scenario, name=f"{scenario.name}_{number}")
        for number in range(2)
        for scenario in proof.scenarios
    )
    assert len(more) > 16
    wide = msgspec.structs.replace(proof, scenarios=more)
    reports.write_picture(reports.assess(wide), tmp_path / "picture.svg")
    root = ET.fromstring((tmp_path / "picture.svg").read_text())
    shown = list(root.iter("{http://www.w3.org/2000/svg}text"))
    heads = [e.text for e in shown if e.get("class") == "column"]
    assert heads == [scenario.name for scenario in more], "whole, whatever the width"
    meant = [e.text for e in shown if e.get("class") == "small"]
    assert "not run" in meant
    column = (WIDTH - 176) / len(more)
    for text in shown:
        if "cell-text" in text.get("class", ""):
            assert width_of(text.text or "", 10.5, bold=True) <= column - 22


# --- the theme --------------------------------------------------------------------------------


def _themes() -> list[dict[str, str]]:
    light, dark = asset("theme.css").split("@media")
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", _themes(), ids=["light", "dark"])
def test_text_has_contrast_aa(theme: dict[str, str]) -> None:
    pairs = [(ink, ground) for ink in ("ink", "muted") for ground in ("bg", "surface", "raised")]
    pairs += [("link", "bg"), ("link", "surface"), ("link", "raised"), ("on-broke", "broke")]
    pairs += [("broke", "surface")]
    for name in ("proved", "held", "caught", "broken", "error", "unknown", "quiet"):
        pairs.append((f"{name}-ink", f"{name}-bg"))
    for number in range(6):
        pairs.append(("on-lane", f"lane-{number}"))
    for one, other in pairs:
        assert _contrast(theme[one], theme[other]) >= 4.5, (one, other)
    for number in range(6):
        assert _contrast(theme[f"lane-{number}"], theme["raised"]) >= 3
    for mark in ("series-0", "series-1", "mark-0", "mark-1", "mark-2"):
        assert _contrast(theme[mark], theme["surface"]) >= 3, mark


def searched(tmp_path: Path) -> Proof:
    """A proof with cells that are proved, searched in part, and broken with a witness."""
    witnesses = Path(__file__).parent / "witnesses"
    (tmp_path / "witnesses").mkdir()
    for name in ("none-two_tabs.witness.json", "none-two_tabs.jsonl"):
        shutil.copy(witnesses / name, tmp_path / "witnesses")
    kinds = {
        ("claim", "two_tabs"): Searched(how=How.COMPLETE, explored=40, pruned=2, coverage="all"),
        ("claim", "double_click"): Searched(how=How.INCOMPLETE, reason="the budget is spent"),
        ("claim", "many_orders"): Searched(how=How.NOT_SEARCHED, reason="it has 16 attempts"),
        ("none", "two_tabs"): Searched(
            how=How.COUNTEREXAMPLE,
            explored=2,
            execution=2,
            witness="witnesses/none-two_tabs.witness.json",
        ),
    }
    proof = sample(tmp_path)
    return msgspec.structs.replace(
        proof,
        cells=tuple(
            msgspec.structs.replace(cell, search=kinds.get((cell.variant, cell.scenario)))
            for cell in proof.cells
        ),
    )


def test_proved_and_survived_are_told_apart_and_a_witness_is_shown(tmp_path: Path) -> None:
    proof = searched(tmp_path)
    written = reports.write_all(reports.assess(proof), tmp_path)
    found = Reader(written["html"].read_text())
    assert [text for _, text in found.all("a", "cell proved")] == ["provedall 42"]
    legend = " ".join(text for _, text in found.all("ul", "legend"))
    assert "complete search" in legend
    assert "survived" in legend
    details = {a["id"]: text for a, text in found.all("details", "cell-detail")}
    assert any("the budget is spent" in text for text in details.values())
    assert any("Not searched: it has 16 attempts" in text for text in details.values())
    (film,) = found.all("div", "film")
    assert "Here it broke: one order is charged a second time" in film[1]
    links = [a["href"] for _, a, _ in found.elements if a.get("href", "").endswith(".html")]
    assert links
    assert all((tmp_path / link).is_file() for link in links)
    page = Reader((tmp_path / links[0]).read_text())
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    identities = [a["id"] for _, a, _ in found.elements if "id" in a]
    assert len(identities) == len(set(identities))
    summary = written["markdown"].read_text()
    assert "proved all 42" in summary
    assert "complete search" in summary
    assert "1 cell proved by complete search" in summary
    assert b"no counterexample in all" in written["junit"].read_bytes()
    assert reports.load(tmp_path) == proof
