"""What is said first of a search that was not wholly under control."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from paidonce.harness.explore.caveats import about_nothing, claimed, honest
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.search import Counts, Ending, SearchResult
from paidonce.harness.verdict import Status

TRIPPED = "1 execution stayed invalid, the first because: step 2: touched more than before"
DISTURBING = "the service sends 'postgres UPDATE jobs' by itself, which touches what attempts do"


def result(ending: Ending, reason: str = "", *invalid: str) -> SearchResult:
    return SearchResult(
        ending=ending,
        coverage="all of it",
        reason=reason,
        counts=Counts(),
        seconds=1.0,
        outcomes=(),
        invalid=invalid,
    )


def test_what_a_search_tripped_over_comes_after_what_it_comes_from():
    tripped = result(Ending.INCOMPLETE, TRIPPED, "step 2: touched more than before")
    said = claimed(tripped, [DISTURBING], ["postgres UPDATE jobs"])
    assert said.reason == f"{DISTURBING}; {TRIPPED}"
    said = claimed(tripped, [], ["postgres UPDATE jobs"])
    by_itself = "the service works by itself, at its own pace ('postgres UPDATE jobs')"
    assert said.reason == f"{by_itself}; {TRIPPED}"


def test_what_harmed_nothing_is_not_blamed():
    spent = result(Ending.INCOMPLETE, "the budget of 20 seconds is spent")
    assert claimed(spent, [], ["postgres UPDATE beats"]) == spent
    complete = result(Ending.COMPLETE, "", "tried again: a surprise")
    assert claimed(complete, [], ["postgres UPDATE beats"]) == complete
    assert claimed(spent, [DISTURBING], []).reason == f"{DISTURBING}; {spent.reason}"


@pytest.mark.parametrize("reasons", [[DISTURBING], [DISTURBING, "it talks to Redis"]])
def test_nothing_is_complete_where_something_was_out_of_control(reasons):
    said = claimed(result(Ending.COMPLETE), reasons, [])
    assert (said.ending, said.reason) == (Ending.INCOMPLETE, "; ".join(reasons))


def test_a_counterexample_stays_one():
    found = result(Ending.COUNTEREXAMPLE, "stopped at a counterexample", "a surprise")
    assert claimed(found, [DISTURBING], ["postgres UPDATE jobs"]) == found


def came(*answers: tuple[str, str]) -> ExecutionOutcome:
    told = tuple((who, "request", what, "") for who, what in answers)
    return ExecutionOutcome(
        status=Status.VALID, answers=told, broken=(), orders=(), intents=(), charges=()
    )


def told(alone: dict[str, int], *outcomes: ExecutionOutcome) -> str:
    attempts = [SimpleNamespace(name="tab 1"), SimpleNamespace(name="tab 2")]
    worlds: Any = SimpleNamespace(scenario=SimpleNamespace(attempts=attempts), alone=alone)
    return about_nothing(worlds, structs.replace(result(Ending.COMPLETE), outcomes=outcomes))


def test_a_search_in_which_who_succeeds_alone_never_does_is_about_nothing():
    refused = came(("tab 1", "rejected"), ("tab 2", "rejected"))
    one = came(("tab 1", "ok"), ("tab 2", "rejected"))
    other = came(("tab 1", "rejected"), ("tab 2", "ok"))
    assert told({"tab 1": 1}, one, other) == told({"tab 1": 1}, refused, one) == ""
    assert told({"tab 1": 1}, refused).startswith("nobody succeeded in the execution that plays")
    assert told({"tab 1": 1}, refused, other).startswith("tab 1 never succeeded")
    # Of several requests the last was refused.
    assert told({"tab 1": 2}, one).startswith("nobody succeeded")
    # Nobody was seen to succeed alone, or nobody looked.
    assert told({}, refused) == told({"tab 2": 1}, refused) == ""


# --- several processes at one address -------------------------------------------------------------


def said_of(workers: int, *, shared_memory: bool) -> SearchResult:
    bench = SimpleNamespace(
        subject=SimpleNamespace(leases_hold=True, timeouts_hold=True),
        controlled=True,
        taps={"redis": None},
        talks_past_the_tap=lambda _: False,
        egress=None,
        workers=lambda: workers,
    )
    worlds: Any = SimpleNamespace(
        bench=bench,
        background=Background(),
        surprise="",
        mode=Mode(shared_memory=shared_memory),
        scenario=SimpleNamespace(
            attempts=[SimpleNamespace(name="tab 1", passing=None, awaits="", again="")]
        ),
        alone={},
    )
    return honest([worlds], result(Ending.COMPLETE))


def test_memory_of_one_process_among_several_proves_nothing():
    said = said_of(2, shared_memory=True)
    assert said.ending is Ending.INCOMPLETE
    assert "2 processes of it answer at one address" in said.reason


@pytest.mark.parametrize(("workers", "shared_memory"), [(1, True), (2, False)])
def test_one_process_or_nothing_in_memory_is_as_it_was(workers: int, shared_memory: bool):
    assert said_of(workers, shared_memory=shared_memory).ending is Ending.COMPLETE
