"""A small shop described by a target file: found, proved, replayed, judged offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_services import SHOP, choice, edited, explored, on_worlds, rewrite, smoked

from paidonce.harness.checkers import judge
from paidonce.harness.explore.exploration import SearchRequest, explore, play_again, save
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.history import Effect, Invoked, Observed, read_history
from paidonce.harness.targets.check.replay import replay_target_witness
from paidonce.harness.targets.check.smoke import smoke
from paidonce.harness.verdict import Status


def test_the_race_is_found_and_its_witness_replays_by_itself(tmp_path):
    found = explored(SHOP / "target.toml", "racy", shrink=Budget(schedules=100))
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.result.counts.executions <= 3
    path = save(found, tmp_path)
    witness = read_witness(path)
    assert witness.described_in.path.endswith("tests/targets/shop/target.toml")
    assert {one.checker for one in witness.broken} == {"invariants", "successes"}

    replay = replay_target_witness(path, choice=choice())
    assert replay.status is Status.INVALID
    assert replay.departure is None
    assert replay.broken == witness.broken
    assert replay_target_witness(path, variant="locked", choice=choice()).gone

    history = read_history(tmp_path / witness.history)
    assert {effect.tap for _, effect in history.of(Effect)} == {"postgres", "stripe"}
    assert {asked.attempt for _, asked in history.of(Invoked)} == {"tab 1", "tab 2"}
    assert {seen.name: seen.value for _, seen in history.of(Observed)}["charges"] == 2
    status = {verdict.checker: verdict.status for verdict in judge(history)}
    assert status["invariants"] is Status.INVALID


HEARTBEAT = """
import threading


def beat():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as own:
        while not threading.Event().wait(0.02):
            own.execute("UPDATE beats SET n = n + 1")


threading.Thread(target=beat, daemon=True).start()
"""


@pytest.mark.slow
def test_a_witness_knows_what_the_service_sends_by_itself(tmp_path):
    target = edited(tmp_path / "shop", "shop")
    shop, schema = target.with_name("shop.py"), target.with_name("schema.sql")
    imports, main, rest = shop.read_text().partition("\nLOCK = ")
    shop.write_text(f"{imports}{HEARTBEAT}{main}{rest}")
    schema.write_text(f"{schema.read_text()}\nCREATE TABLE beats AS SELECT 0 AS n;\n")
    found = explored(target, "racy")
    assert found.witness.learnt == ("postgres UPDATE beats SET n = n + ?",)
    replay = replay_target_witness(save(found, tmp_path / "out"), choice=choice())
    assert (replay.status, replay.departure) == (Status.INVALID, None)


def test_the_fixed_version_is_searched_to_completion():
    result = explored(SHOP / "target.toml", "locked").result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.counts.explored >= 2


# Ids that a sequence gives differ in every execution, and are told apart all the same.
ALL_OF_IT = {"stop_at_first": False, "budget": Budget(seconds=200)}


@pytest.mark.slow
def test_numbers_from_a_sequence_are_the_same_in_every_execution():
    result = explored(SHOP / "target.toml", "racy", recheck=0.3, **ALL_OF_IT).result
    assert (result.ending, result.invalid) == (Ending.COUNTEREXAMPLE, ())
    assert result.counts.explored >= 5


@pytest.mark.slow
def test_a_reduced_search_comes_to_the_same_as_a_whole_one():
    whole = explored(SHOP / "target.toml", "racy", search="dfs", **ALL_OF_IT).result
    reduced = explored(SHOP / "target.toml", "racy", **ALL_OF_IT).result
    assert whole.invalid == reduced.invalid == ()
    assert whole.counts.outcomes == reduced.counts.outcomes
    assert reduced.counts.executions < whole.counts.executions


def test_a_snapshot_takes_everything_back(tmp_path):
    path = edited(
        tmp_path,
        "shop",
        ("[[prepare]]\n", "[reset]\nsnapshot = true\n\n[[prepare]]\n"),
        ("capture = {", 'per = "service"\ncapture = {'),
    )

    async def work(worlds, script):
        return await smoke(worlds[0], script), await explore(
            worlds, SearchRequest(scenario=script, variant="locked")
        )

    tried, found = on_worlds(path, "locked", work)
    assert (tried.problems, tried.notes) == ((), ())
    assert found.result.ending is Ending.COMPLETE


def test_each_attempt_with_an_order_of_its_own(tmp_path):
    path = edited(
        tmp_path,
        "shop",
        ("capture = {", 'per = "attempt"\ncapture = {'),
        ("at_most = 1\n", ""),
        ('check = "taken == shown"', 'check = "taken == 2 * shown"'),
        (
            "charges == successes and payments == successes",
            "charges == successes and payments == attempts",
        ),
    )
    path.write_text(path.read_text().replace("payments == attempts", "payments >= 0"))
    found = explored(path, "racy", validation=None)
    assert found.result.ending is Ending.COMPLETE


def test_a_smoke_run_that_finds_nothing_to_say():
    tried = smoked(SHOP / "target.toml")
    assert (tried.problems, tried.notes) == ((), ())
    assert tried.seen["postgres"] >= 4
    assert tried.seen["stripe"] == 1


def test_an_attempt_that_does_not_even_succeed_alone(tmp_path):
    tried = smoked(edited(tmp_path, "shop", ('"paid" }', '"payed" }')))
    assert "tab 1 alone does not succeed: POST /orders/" in tried.problems[0]
    assert "was answered 200, which [success] does not accept" in tried.problems[0]


def test_a_service_that_does_not_use_a_tap(tmp_path):
    path = edited(tmp_path, "shop", ('need = ["postgres", "stripe"]', 'need = ["redis"]'))
    path.write_text(path.read_text().replace("STRIPE_KEY =", 'REDIS = "{redis_url}", STRIPE_KEY ='))
    tried = smoked(path)
    assert tried.problems[0].startswith("nothing was seen at the redis tap")


def test_a_reset_that_leaves_something_behind(tmp_path):
    path = edited(tmp_path, "shop", (" WHERE id > {last_payment}", ""))
    path.write_text(path.read_text().replace("payments == successes", "payments >= successes"))
    tried = smoked(path, "locked")
    assert "Is the reset complete?" in tried.notes[0]
    assert "payments = " in tried.notes[0]


def test_a_statement_that_a_driver_prepares_once_it_is_used_often_is_nothing_to_say(tmp_path):
    path = edited(tmp_path, "shop")
    rewrite(
        tmp_path / "shop.py",
        ("def pay(", "PAID = iter(range(1000))\n\n\ndef pay("),
        (
            "    with database.transaction():\n        row =",
            "    often = next(PAID) // 2 % 2 == 1\n    with database.transaction():\n        row =",
        ),
        ('{LOCK}", (order,)', '{LOCK}", (order,), prepare=often'),
    )
    assert smoked(path, "locked").notes == ()


def test_invariants_that_break_without_any_race(tmp_path):
    tried = smoked(edited(tmp_path, "shop", ('"taken == shown"', '"taken == shown + 1"')), "locked")
    assert tried.notes[0].startswith("it breaks even where the attempts come one after the other")


def test_a_preparation_that_is_not_answered_as_expected(tmp_path):
    path = edited(tmp_path, "shop", ('"json:$.order.id"', '"json:$.id"'))

    async def work(worlds, script):
        with pytest.raises(InvalidRun, match=r"capture, order: nothing at json:\$\.id"):
            await worlds[0].fresh()

    on_worlds(path, "racy", work)


QUEUE = Path(__file__).parent / "queue" / "target.toml"


@pytest.mark.slow
def test_work_that_a_worker_does_after_the_answer_is_explored_too(tmp_path):
    found = explored(QUEUE, "unlocked")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.result.counts.executions <= 10
    assert {step.actor for step in found.witness.steps} == {"first", "second"}
    assert sum(step.label.startswith("stripe") for step in found.witness.steps) == 2
    path = save(found, tmp_path)
    for _ in range(3):
        replay = replay_target_witness(path, choice=choice())
        assert (replay.status, replay.departure) == (Status.INVALID, None)


@pytest.mark.slow
def test_what_a_race_leaves_behind_is_not_in_the_way_when_it_is_made_again(tmp_path):
    """Both workers took the older job: the other one stays in the queue, and no reset takes it."""

    async def work(worlds, script):
        found = await explore(worlds, SearchRequest(scenario=script, variant="unlocked"))
        steps = [step.expected() for step in found.witness.steps]
        again = [await play_again(worlds[0], steps) for _ in range(3)]
        return [(replayed.divergence, judged.came.status) for replayed, judged in again]

    assert on_worlds(QUEUE, "unlocked", work) == [(None, Status.INVALID)] * 3


@pytest.mark.slow
def test_a_worker_that_takes_jobs_safely_is_searched_to_completion():
    assert explored(QUEUE, "locked").result.ending is Ending.COMPLETE


@pytest.mark.slow
def test_what_a_worker_does_at_its_own_pace_is_not_taken_for_explored():
    # What it trips over depends on the worker's pace; what that comes from is said first.
    found = explored(QUEUE, "polled", budget=Budget(schedules=4), watch=1.0)
    result, first = found.result, found.result.reason.split(";")[0]
    assert result.ending is Ending.INCOMPLETE
    assert first.startswith("the service ")
    assert "by itself" in first


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            'STRIPE = "{stripe_tls_url}", SSL_CERT_FILE = "{ca_bundle}"', marks=pytest.mark.slow
        ),  # the proxy's way is TLS as well
        'STRIPE = "https://api.stripe.com", STRIPE_PROXY = "{stripe_proxy}", '
        'SSL_CERT_FILE = "{ca_bundle}"',
    ],
    ids=["by TLS", "by a proxy"],
)
def test_a_service_that_insists_on_tls(tmp_path, way):
    path = edited(tmp_path, "shop", ('STRIPE = "{stripe_url}"', way))
    assert smoked(path).problems == ()
    assert explored(path, "racy").result.ending is Ending.COUNTEREXAMPLE
