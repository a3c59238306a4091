"""The page in a real browser: nothing on the console, nothing runs over its edge."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from chromium_pipe import Browser
from reports_sample import bad_day, sample
from sample_sweeps import swept

from paidonce import reports

WITNESSES = Path(__file__).parent / "witnesses"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, make in (("good", sample), ("bad", bad_day)):
        folder = tmp_path_factory.mktemp(name)
        found[name] = reports.write_all(reports.assess(make(folder)), folder)["html"]
    found["load"] = reports.write_all(reports.assess(swept()), tmp_path_factory.mktemp("load"))[
        "html"
    ]
    folder = tmp_path_factory.mktemp("film")
    for name in ("none-two_tabs.witness.json", "none-two_tabs.jsonl"):
        shutil.copy(WITNESSES / name, folder)
    found["film"] = reports.write_witness_page(folder / "none-two_tabs.witness.json")
    return found


_ESCAPED = """(() => {
  const scrolls = (node) => { for (; node; node = node.parentElement)
    if (getComputedStyle(node).overflowX === "auto") return true; return false; };
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width && box.right > width + 0.5 && !scrolls(node) && !node.closest(".skip, .icons");
  }).map((node) => node.tagName + "." + node.className).slice(0, 5);
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("name", ["good", "bad", "film", "load"])
def test_page_loads_clean_and_fits(
    browser: Browser, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    browser.open(pages[name].as_uri(), width=width, dark=dark)
    body = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert body[0] <= body[1], "the page scrolls sideways"
    assert browser.evaluate(_ESCAPED) == []
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(14, 18, 23)" if dark else "rgb(246, 247, 249)")
    noise = [
        event
        for event in browser.events
        if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        or event["method"] == "Log.entryAdded"
    ]
    assert noise == []
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_matrix_scrolls_in_its_own_box_with_the_guards_in_sight(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["good"].as_uri(), width=375)
    inside = browser.evaluate(
        "(() => { const box = document.querySelector('.matrix-box .scroll');"
        " box.scrollLeft = 400; const head = box.querySelector('tbody th[scope=row]');"
        " return [box.scrollWidth > box.clientWidth, box.scrollLeft,"
        " head.getBoundingClientRect().left - box.getBoundingClientRect().left]; })()"
    )
    assert inside == [True, 400, 0]


def test_phone_reads_the_timeline_downwards_and_a_desk_sideways(
    browser: Browser, pages: dict[str, Path]
) -> None:
    shown = (
        "['.wide', '.rails'].map((name) =>"
        " getComputedStyle(document.querySelector(name)).display !== 'none')"
    )
    browser.open(pages["good"].as_uri(), width=1280)
    assert browser.evaluate(shown) == [True, False]
    browser.open(pages["good"].as_uri(), width=375)
    assert browser.evaluate(shown) == [False, True]


def test_a_phone_reads_all_of_the_advice_without_swiping(
    browser: Browser, pages: dict[str, Path]
) -> None:
    cell = "[...document.querySelectorAll('table.advice td:last-child')].map((cell) =>"
    browser.open(pages["load"].as_uri(), width=375)
    assert browser.evaluate(f"{cell} cell.getBoundingClientRect().right <= innerWidth)")[0] is True
    name = browser.evaluate(f"{cell} getComputedStyle(cell, '::before').content)")[0]
    assert name == '"when to choose it"'


def test_link_from_the_matrix_opens_the_details(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["good"].as_uri(), width=1280)
    browser.evaluate("document.querySelector('a.cell.caught').click()")
    opened = browser.evaluate(
        "(() => { const found = document.querySelector(location.hash);"
        " dispatchEvent(new HashChangeEvent('hashchange'));"
        " return [found.open, found.parentElement.closest('details').open]; })()"
    )
    assert opened == [True, True]


_NOW = """(() => { const now = document.querySelector('ol.cards > li.current');
  const panel = document.querySelector('.panel');
  return [now ? now.dataset.label : null, document.querySelector('.bar output').textContent,
    panel.hidden ? '' : panel.querySelector('.who').textContent,
    document.querySelectorAll('ol.cards > li.ahead').length]; })()"""


def press(browser: Browser, key: str) -> None:
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key)


def test_a_counterexample_is_stepped_through_by_buttons_keys_and_links(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["film"].as_uri(), width=1280)
    assert browser.evaluate(_NOW) == [None, "All 13 steps", "", 0]
    browser.evaluate("document.querySelector('.film').scrollIntoView()")
    press(browser, "ArrowRight")
    assert browser.evaluate(_NOW) == ["Step 1", "Step 1 of 13", "How it stands: step 1", 13]
    browser.evaluate("document.querySelector('[data-go=next]').click()")
    assert browser.evaluate(_NOW)[0] == "Step 2"
    press(browser, "ArrowLeft")
    assert browser.evaluate(_NOW)[0] == "Step 1"
    assert browser.evaluate("document.querySelector('[data-go=previous]').disabled") is True
    browser.evaluate("document.querySelector('[data-go=broke]').click()")
    assert browser.evaluate(_NOW) == ["Step 9", "Step 9 of 13", "How it stands: step 9", 5]
    panel = browser.evaluate("document.querySelector('.panel').textContent")
    assert "payment B: succeeded" in panel
    assert "tab 1 holds row of orders" in panel
    browser.evaluate("document.querySelector('.why a.ref').click()")
    assert browser.evaluate(_NOW)[0] == "Step 2"
    press(browser, "Escape")
    assert browser.evaluate(_NOW) == [None, "All 13 steps", "", 0]


def test_a_phone_shows_the_state_in_the_step_itself(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["film"].as_uri(), width=390)
    browser.evaluate("document.querySelector('[data-go=broke]').click()")
    shown = browser.evaluate(
        "[getComputedStyle(document.querySelector('.panel')).display,"
        " document.querySelector('li.current .after').open,"
        " document.querySelector('li.current .groups').getBoundingClientRect().height > 0]"
    )
    assert shown == ["none", True, True]


def test_without_scripts_everything_is_there_to_be_read(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["film"].as_uri(), width=1280)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    seen = browser.evaluate(
        "[document.querySelector('.bar').hidden,"
        " [...document.querySelectorAll('article.step')].every(s => s.offsetHeight > 20),"
        " document.querySelectorAll('details.after').length]"
    )
    assert seen == [True, True, 14]


_CURVES = """(() => { const plot = document.querySelector("figure.plot");
  const shown = (node) => node.getBoundingClientRect().height > 20;
  return { live: plot.classList.contains("live"), drawing: shown(plot.querySelector(".static svg")),
    canvas: [...plot.querySelectorAll("canvas")].some(shown),
    buttons: [...plot.querySelectorAll("button[data-curve]")].map((b) => b.dataset.curve).length,
    table: [...document.querySelectorAll("table.figures")].length > 0 }; })()"""
_OFF = (
    "[...document.querySelectorAll('button[data-curve=claim]')]"
    ".map((button) => button.getAttribute('aria-pressed'))"
)
# Colours of the picture: what is drawn in the curve's own, in pixels.
_INK = """((name, at) => { const canvas = document.querySelectorAll("figure.plot canvas")[at];
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 0; i < all.length; i += 4)
    if (all[i] === r && all[i + 1] === g && all[i + 2] === b && all[i + 3] === 255) found += 1;
  return found; })"""


def until(browser: Browser, expression: str) -> None:
    """Wait until an expression is true in the page: plots are drawn in its next frame."""
    deadline = time.monotonic() + 90
    while browser.evaluate(expression) is not True:
        assert time.monotonic() < deadline, f"waited 90 s for {expression}"
        time.sleep(0.05)


def test_curves_answer_the_pointer_and_guards_are_turned_off(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["load"].as_uri(), width=1280)
    claim = "--curve-7"
    until(browser, f"{_INK}('{claim}', 0) > 20")
    assert browser.evaluate(_CURVES) == {
        "live": True,
        "drawing": False,
        "canvas": True,
        "buttons": 11,
        "table": True,
    }
    browser.evaluate("document.querySelector('button[data-curve=claim]').click()")
    assert set(browser.evaluate(_OFF)) == {"false"}, "in every plot"
    until(browser, f"{_INK}('{claim}', 0) === 0 && {_INK}('{claim}', 3) === 0")
    place = browser.evaluate(
        "(() => { const over = document.querySelector('.u-over');"
        " over.scrollIntoView({ behavior: 'instant', block: 'center' });"
        " const box = over.getBoundingClientRect();"
        " return [box.left + box.width * 0.9, box.top + box.height / 2]; })()"
    )
    deadline, step = time.monotonic() + 90, 0
    while browser.evaluate("document.querySelector('.tip').hidden"):
        assert time.monotonic() < deadline, "waited 90 s for the numbers at the pointer"
        step = 1 - step
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0] - step, y=place[1])
    told = browser.evaluate("document.querySelector('.tip').textContent")
    assert told.startswith("distinct")
    assert "row_lock_nowait" in told
    assert "claim" not in told


def test_the_scale_is_turned_to_logarithmic_and_back(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["load"].as_uri(), width=1280)
    until(browser, "document.querySelector('figure.plot').classList.contains('live')")
    pressed = "document.querySelector('button.log').getAttribute('aria-pressed')"
    before = browser.evaluate("document.querySelector('figure.plot canvas').toDataURL()")
    assert browser.evaluate(pressed) == "false"
    browser.evaluate("window.before = document.querySelector('figure.plot canvas').toDataURL()")
    browser.evaluate("document.querySelector('button.log').click()")
    assert browser.evaluate(pressed) == "true"
    other = "document.querySelector('figure.plot canvas').toDataURL() !== window.before"
    until(browser, f"{other} && {_INK}('--curve-7', 0) > 20")
    browser.evaluate("document.querySelector('button.log').click()")
    until(browser, f"!({other})")
    assert browser.evaluate("document.querySelector('figure.plot canvas').toDataURL()") == before


def test_without_scripts_the_curves_are_drawn_all_the_same(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["load"].as_uri(), width=1280)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.evaluate(_CURVES) == {
        "live": False,
        "drawing": True,
        "canvas": False,
        "buttons": 0,
        "table": True,
    }
    names = browser.evaluate(
        "[...document.querySelectorAll('figure.plot')[0].querySelectorAll('text.row-label')]"
        ".map((node) => node.textContent)"
    )
    assert len(names) == 11
    assert "claim" in names


def test_print_has_the_drawings(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["load"].as_uri(), width=1280)
    until(browser, "document.querySelector('figure.plot').classList.contains('live')")
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        seen = browser.evaluate(_CURVES)
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
    assert (seen["drawing"], seen["canvas"]) == (True, False)
