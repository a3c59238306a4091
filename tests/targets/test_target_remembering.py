"""What a service remembers where no tap is: it is suspected, and never called complete."""

from __future__ import annotations

import pytest
from small_services import HERE, check, edited, on_worlds

from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.results.grounds import Wrong
from paidonce.harness.targets.check.smoke import smoke

TARGET = HERE / "remembering" / "target.toml"


def explored(variant, path=TARGET, **how):
    async def work(worlds, script):
        tried = await smoke(worlds[0], script)
        assert tried.problems == ()
        return await explore(worlds, SearchRequest(scenario=script, variant=variant, **how))

    return on_worlds(path, variant, work)


@pytest.mark.parametrize(
    "variant",
    [
        "pinged",
        *(pytest.param(v, marks=pytest.mark.slow) for v in ("orders", "sessions", "last", "work")),
    ],
)
def test_memory_that_attempts_share_without_waiting_is_found_out(variant):
    found = explored(variant)
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert [lesson.wrong for lesson in found.result.grounds.lessons] == [Wrong.MEMORY]
    assert any("learnt by trying" in note and "share memory" in note for note in found.notes)
    assert {broken.checker for broken in found.witness.broken} >= {"invariants"}


@pytest.mark.slow
def test_an_answer_may_come_when_others_have_gone_on():
    """Tab 1 is told "unpaid" when tab 2 has paid, and is no longer in work."""
    found = explored("late")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert [lesson.wrong for lesson in found.result.grounds.lessons] == [Wrong.MEMORY]
    witness = found.witness
    assert witness.late_answers
    last = max(step.number for step in witness.steps if step.actor == "tab 2")
    after = [step.label for step in witness.steps if step.actor == "tab 1" and step.number > last]
    assert after[0] == "answer"


def test_a_search_in_which_nobody_succeeds_is_about_nothing(tmp_path):
    found = explored("file", edited(tmp_path / "shop", "remembering"))
    assert found.result.ending is Ending.INCOMPLETE
    assert found.result.reason == (
        "nobody succeeded in the execution that plays them one after the other, though tab 1 alone "
        "does: state of an earlier execution is still there (is the reset complete?)"
    )


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["nothing", "names"])
def test_memory_that_harms_nobody_keeps_nothing_from_being_complete(variant):
    result = explored(variant, budget=Budget(seconds=120)).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.grounds.confirmed


@pytest.mark.slow
def test_a_burst_that_breaks_refutes_a_complete_search(tmp_path):
    said = check(TARGET, tmp_path / "out", "--variant", "piece", "--time", "15s")
    assert said.exit_code == 1, said.output
    assert "piece: not complete: the search came to its end without a counterexample, but" in (
        said.output
    )
    assert "bursts broke: something makes a difference that no tap showed" in said.output
    assert "0 variants proved by complete search" in said.output


@pytest.mark.slow
def test_what_is_asked_at_once_is_named_and_no_mistake_of_the_first_run_alone():
    found = explored("both")
    assert found.result.ending is Ending.INCOMPLETE
    assert "'postgres SELECT id FROM payments WHERE order_id = ?'" in found.result.reason
    assert "at once, and only in this order they were tried" in found.result.reason
    assert found.result.grounds.lessons == ()


@pytest.mark.slow
def test_a_search_begins_again_once_it_is_known_what_others_mind_of_what_is_sent_at_once():
    found = explored("early")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.result.counts.invalid == 0
