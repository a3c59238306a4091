"""Reports list what the verdict of a search rests on."""

from __future__ import annotations

from pathlib import Path

import msgspec
from reports_sample import sample

from paidonce import reports
from paidonce.harness.results.failures import UnderFailures, claimed, together
from paidonce.harness.results.grounds import Claim, Grounds, Lesson, Wrong, resting
from paidonce.harness.results.searched import How, Searched
from paidonce.reports.formats.explored import write_search_page
from paidonce.reports.formats.markdown import summary
from paidonce.reports.overview.grounds import rested

GROUNDS = Grounds(
    pairs=(
        Claim(names=("postgres COMMIT", "start"), confirmed=True),
        Claim(names=("postgres COMMIT", "start"), confirmed=False),
        Claim(names=("redis GET a|b", "start"), confirmed=True),
    ),
    moments=(Claim(names=("postgres INSERT INTO <x>",), confirmed=True),),
    exchanges=(Claim(names=("tab 1", "tab 2"), confirmed=True),),
    schedules=50,
    whole=True,
    lessons=(Lesson(wrong=Wrong.PAIR, names=("postgres A", "postgres B")),),
)
SEARCH = Searched(how=How.COMPLETE, coverage="all interleavings", explored=3, grounds=GROUNDS)


def test_what_was_tried_under_failures_is_listed_and_in_the_line() -> None:
    kill = Claim(names=("read", "pay · crash"), confirmed=True)
    one = Grounds(kills=(kill, Claim(names=("read", "tell · crash"), confirmed=False)))
    told = together(one, Grounds(kills=(Claim(names=kill.names, confirmed=False),)))
    under = UnderFailures(at_most=1, grounds=told)
    search = msgspec.structs.replace(SEARCH, failures=under)
    assert [one.title for one in rested(search) if one.title.startswith("Under failures")] == [
        "Under failures: steps before or after the kill of their process come to the same"
    ]
    assert "; under them 1 of 2 kinds of steps beside a kill confirmed by execution;" in (
        claimed("all", under, tried=True)
    )
    nothing = msgspec.structs.replace(under, grounds=Grounds())
    assert "without failures; under them nothing more was relied on" in (
        claimed("all", nothing, tried=True)
    )


def test_the_line_says_how_much_was_confirmed() -> None:
    assert SEARCH.established == (
        "all interleavings; 2 of 3 kinds of independent pairs, 1 of 1 single moment, 1 of 1 "
        "exchange of attempts confirmed by execution; all 50 schedules executed"
    )
    some = msgspec.structs.replace(GROUNDS, whole=False, pairs=())
    assert resting("all", some).endswith(
        "; 50 schedules without any reduction came to nothing else"
    )
    assert resting("all", None) == resting("all", Grounds()) == "all"
    at_once = Grounds(tried_at_once=("redis SET lock:?",))
    assert resting("all", at_once) == (
        "all; provided that it makes no difference at which try 'redis SET lock:?' is granted"
    )
    polled = Grounds(polled=("redis SET lock:?",))
    assert resting("all", polled) == (
        "all; provided that nobody gives up who tries 'redis SET lock:?' over and over"
    )
    assert resting("all", Grounds(waited_at_lock=True)) == (
        "all; provided that nobody gives up who waits for a lock of the database's"
    )
    assert resting("all", Grounds(waited_for_stripe=True)) == (
        "all; provided that nobody gives up who waits for an answer of Stripe's"
    )
    assert resting("all", Grounds(waited_at_lock=True, waited_for_stripe=True)).endswith(
        "who waits for a lock of the database's or an answer of Stripe's"
    )
    assert resting("all", Grounds(waited_inside=True)) == (
        "all; provided that nobody gives up who waits inside the service"
    )
    assert resting("all", Grounds(pieces=True)) == (
        "all; provided that what an attempt does in memory between two steps is one piece"
    )
    assert resting("all", Grounds(answering=("locks",))) == (
        "all; provided that the service and locks tell each other nothing but by what is seen at "
        "the taps"
    )


def test_results_keep_it_as_data() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(SEARCH), type=Searched)
    assert kept == SEARCH
    assert not kept.grounds.confirmed if kept.grounds is not None else False


def test_a_pair_is_listed_once_and_confirmed_if_it_was_wherever_it_was_met() -> None:
    (pairs, moments, exchanges, lessons, schedules) = rested(SEARCH)
    assert pairs.claims == (
        ("postgres COMMIT and start", False),
        ("redis GET a|b and start", True),
    )
    assert moments.claims == (("postgres INSERT INTO <x>", True),)
    assert exchanges.claims == (("tab 1 and tab 2", True),)
    assert lessons.claims == (("'postgres A' and 'postgres B' do not commute", True),)
    assert schedules.claims == (("50 schedules, all there are", True),)
    assert rested(None) == rested(Searched(how=How.COMPLETE)) == ()


def test_pages_and_summaries_have_the_list(tmp_path: Path) -> None:
    page = write_search_page(tmp_path / "report.html", "v", "shop", SEARCH).read_text()
    assert "What this rests on" in page
    assert "postgres INSERT INTO &lt;x&gt;" in page
    assert "postgres COMMIT and start <em>(not tried: the time was over)</em>" in page
    proof = sample(tmp_path)
    cells = tuple(msgspec.structs.replace(cell, search=SEARCH) for cell in proof.cells[:1])
    target = msgspec.structs.replace(proof, noun="variant", cells=cells)
    said = summary(reports.assess(target))
    assert f"<summary>What {cells[0].variant}" in said.replace("\\_", "_")
    assert "postgres COMMIT and start (not tried: the time was over)" in said
    assert "rests on</summary>" not in summary(reports.assess(proof))
