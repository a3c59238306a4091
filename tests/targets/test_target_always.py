"""What must hold at any time, and not just once all is over."""

from __future__ import annotations

import msgspec
import pytest
from small_services import HERE, check, edited, explored, on_worlds, run

from paidonce.harness.cli.main import app
from paidonce.harness.explore.control.splitting import Splitting
from paidonce.harness.explore.control.watched import Watched
from paidonce.harness.explore.exploration import SearchRequest, explore, play_again
from paidonce.harness.explore.search import Ending
from paidonce.harness.history import Observed
from paidonce.harness.verdict import Status
from paidonce.reports.film import film

TARGET = HERE / "picking" / "target.toml"
NEVER_TWO = "never two in hand at once"


@pytest.mark.parametrize(
    "variant", ["free", *(pytest.param(v, marks=pytest.mark.slow) for v in ("bare", "waits"))]
)
def test_what_is_broken_only_on_the_way_is_found(variant):
    found = explored(TARGET, variant)
    assert found.result.ending is Ending.COUNTEREXAMPLE
    (broken,) = found.witness.broken
    assert [one.rule for one in broken.violations] == [NEVER_TWO]
    looks = [seen for _, seen in found.history.of(Observed) if seen.step is not None]
    step = next(seen.step for seen in looks if seen.value == 2)
    assert broken.violations[0].reason == f"in_hand <= 1, but in_hand = 2 after step {step}"
    at_rest = {seen.name: seen.value for _, seen in found.history.of(Observed) if seen.at_rest}
    assert at_rest == {"in_hand": 0, "packed": 2}
    shown = film(found.witness, found.history)
    assert shown.broke_at == step
    assert next(card for card in shown.cards if card.number == step).broke


def test_a_query_of_some_rows_is_looked_at_like_one_of_all(tmp_path):
    of_one = (
        ("[marks]\n", '[marks]\nall = "SELECT min(order_id) FROM picks"\n'),
        ("state = 'in hand'\"", "state = 'in hand' AND order_id = {all}\""),
    )
    found = explored(edited(tmp_path, "picking", *of_one), "free")
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason


def test_who_takes_turns_is_complete():
    result = explored(TARGET, "turns").result
    assert result.ending is Ending.COMPLETE, result.reason


def test_a_search_that_took_such_steps_for_independent_would_miss_it(monkeypatch):
    monkeypatch.setattr(Watched, "around", lambda self, touched: touched)
    result = explored(TARGET, "free", validation=None).result
    assert result.ending is Ending.COMPLETE


@pytest.mark.slow
def test_two_that_commit_in_one_step_leave_the_search_incomplete(monkeypatch, tmp_path):
    one_part = ("/pick/4815{n}", "/pick/48151"), ("packed == attempts", "packed == 1")
    path = edited(tmp_path, "picking", *one_part)
    whole = explored(path, "waits").result
    assert whole.ending is Ending.COMPLETE, whole.reason
    monkeypatch.setattr(Splitting, "commits_apart", lambda *_: False)
    result = explored(path, "waits", validation=None, search="dfs").result
    assert result.ending is Ending.INCOMPLETE
    assert "committed in one step, and what must hold always was not looked at" in result.reason


def test_a_replay_sees_the_same():
    async def work(worlds, script):
        found = await explore(worlds, SearchRequest(scenario=script, variant="free"))
        again, judged = await play_again(
            worlds[0], tuple(step.expected() for step in found.witness.steps)
        )
        return again, judged

    again, judged = on_worlds(TARGET, "free", work)
    assert again.divergence is None
    assert judged.came.status is Status.INVALID
    assert judged.came.rules == (f"invariants: {NEVER_TWO}",)


@pytest.mark.slow
def test_the_check_says_so_and_its_witness_replays(tmp_path):
    said = check(TARGET, tmp_path / "out")
    assert said.exit_code == 0, said.output
    data = msgspec.json.decode((tmp_path / "out" / "results.json").read_bytes())
    cells = {cell["variant"]: cell["search"]["how"] for cell in data["cells"]}
    assert cells == {
        "free": "counterexample",
        "bare": "counterexample",
        "waits": "counterexample",
        "turns": "complete",
    }
    (witness,) = (tmp_path / "out").rglob("free-*.witness.json")
    again = run.invoke(app, ["replay", str(witness), "--times", "2"])
    assert "2 of 2 replays showed what the witness shows" in again.output, again.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'always = "in_hand <= 1"',
            'always = "in_hand <= 1"\ncheck = "in_hand == 0"',
            "[[invariants]] 1: expected either check",
        ),
        ('always = "in_hand <= 1"', "", "[[invariants]] 1: expected either check"),
        (
            "in_hand <= 1",
            "in_hand <= successes",
            "[[invariants]] 1, always: who succeeded is known once all is over",
        ),
        (
            "in_hand <= 1",
            "hand <= 1",
            "[[invariants]] 1, always: unknown name 'hand'; did you mean in_hand?",
        ),
        ("in_hand <= 1", "attempts == 2", "[[invariants]] 1, always: 'attempts == 2' rests on no"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, said):
    path = edited(tmp_path, "picking", (old, new))
    result = check(path, tmp_path / "out")
    assert result.exit_code == 2
    assert said in result.output.replace("\n", " ")


def test_a_value_of_stripes_cannot_be_looked_at_after_each_commit(tmp_path):
    path = edited(
        tmp_path,
        "picking",
        ("[observe.packed]", '[observe.charges]\nstripe = "charges"\n\n[observe.packed]'),
        ("in_hand <= 1", "charges <= 1"),
    )
    result = check(path, tmp_path / "out")
    assert result.exit_code == 2
    assert "always: charges is looked up at Stripe" in result.output.replace("\n", " ")
