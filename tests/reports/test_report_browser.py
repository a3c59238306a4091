"""The page in a real browser: nothing on the console, nothing runs over its edge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium_pipe import NAMES, Browser, find_browser
from reports_sample import bad_day, sample

import reports

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip(f"no headless browser: none of {', '.join(NAMES)} is on the path")
    with Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, make in (("good", sample), ("bad", bad_day)):
        folder = tmp_path_factory.mktemp(name)
        found[name] = reports.write_all(make(folder), folder)["html"]
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
@pytest.mark.parametrize("name", ["good", "bad"])
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


def test_link_from_the_matrix_opens_the_details(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["good"].as_uri(), width=1280)
    browser.evaluate("document.querySelector('a.cell.caught').click()")
    opened = browser.evaluate(
        "(() => { const found = document.querySelector(location.hash);"
        " dispatchEvent(new HashChangeEvent('hashchange'));"
        " return [found.open, found.parentElement.closest('details').open]; })()"
    )
    assert opened == [True, True]
