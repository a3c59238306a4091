"""An answer that is waited for: that it is not there yet is no failure."""

from __future__ import annotations

import pytest
from small_services import HERE, check, edited, explored

from paidonce.harness.explore.search import Ending
from paidonce.harness.explore.search.world import ASKS_AGAIN
from paidonce.harness.explore.witness.narrative import narrate
from paidonce.harness.history import Completed

TARGET = HERE / "waiting" / "target.toml"


@pytest.mark.slow
def test_who_waits_for_it_is_told_in_every_order():
    result = explored(TARGET, "claimed").result
    assert result.ending is Ending.COMPLETE, result.reason
    told = {
        tuple(answer[2:] for answer in outcome.answers if answer[0] == "buyer")
        for outcome in result.outcomes
    }
    # It came at once, or was asked for again: any number of times comes to the same.
    assert told == {
        (("ok", ""), ("ok", "")),
        (("ok", ""), ("ok", ""), ("rejected", "not yet")),
    }


def test_the_race_of_what_is_waited_for_is_found():
    found = explored(TARGET, "unguarded")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.witness.broken[0].violations[0].rule == "settled once"
    narrate(found.witness, found.history)


def test_what_never_comes_is_asked_for_once_more_when_all_others_are_through():
    found = explored(TARGET, "never")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    answers = [event for _, event in found.history.of(Completed) if event.code == "not yet"]
    assert 1 <= len(answers) <= 3
    again = [step for step in found.witness.steps if step.label == ASKS_AGAIN]
    assert len(again) == len(answers) - 1


@pytest.mark.slow
def test_a_check_waits_in_real_time_as_well(tmp_path):
    said = check(TARGET, tmp_path / "out")
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('until = "captured"', "until = {}", "until: says nothing of the answer"),
        (
            'capture = { receipt = "json:$.receipt" }',
            "",
            "until: 'captured' waits for what capture takes, and there is none",
        ),
        ('until = "captured"', "tries = 3", "tries: it belongs to until"),
        ('until = "captured"', "until = { status = 999 }", "status: expected a status like 200"),
        (
            'until = "captured"',
            'until = "captured"\nto = "stripe"',
            "until: a look at Stripe that captures something waits for it anyway",
        ),
        (
            'name = "buyer"',
            'name = "buyer"\ngives_up = "same key"',
            "until: expected an attempt without gives_up",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, said):
    changes = [(old, new)]
    if "capture = {" in old:
        changes.append(("POST /collect/{receipt}", "POST /collect/1"))
    path = edited(tmp_path, "waiting", *changes)
    result = check(path, tmp_path / "out")
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
