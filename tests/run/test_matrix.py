"""A proof on real parts: cells as declared, cells that contradict, and what a backend lacks."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import replace

import pytest

from paidonce import reports
from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.proof.cell_search import Allowance
from paidonce.harness.proof.matrix import _searches, _tasks, prove
from paidonce.harness.proof.plan import Findings, ProofPlan
from paidonce.harness.results.searched import How
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status
from paidonce.scenarios.catalog import SCENARIOS, scenario
from paidonce.scenarios.reference import TARGET

PLENTY_S = 600.0
"""For searches that come to an end by themselves."""


def choice(stripe="simulator"):
    return Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        stripe=stripe,
    )


def proof_of(tmp_path, guards, stories, stripe="simulator", search_seconds=0.0):
    async def main():
        plan = ProofPlan(
            target=TARGET,
            variants=tuple(TARGET.variant(name) for name in guards),
            scenarios=tuple(stories),
            out=tmp_path,
            rounds=1,
            lanes=1,
            search_seconds=search_seconds,
        )
        findings = Findings(plan)
        async with open_stack(Described(TARGET), choice(stripe)) as stack:
            await prove(stack, findings)
        return findings.proof()

    return asyncio.run(main())


def test_declarations_that_are_contradicted_fail_the_proof(tmp_path):
    """One service, four cells: caught as declared, sound as declared, and each contradicted."""
    accused = replace(scenario("two_tabs"), breaks=frozenset({"none"}))
    broken = replace(scenario("pay_vs_cancel"), name="broken", breaks=frozenset())
    missed = replace(scenario("many_orders"), name="missed", breaks=frozenset({"none"}))
    innocent = scenario("many_orders")
    unsure = replace(missed, name="unsure", certain=False)
    proof = proof_of(tmp_path, ["none"], [accused, broken, missed, innocent, unsure])
    cells = {cell.scenario: cell for cell in proof.cells}
    assert {name: cell.as_declared for name, cell in cells.items()} == {
        "two_tabs": True,
        "broken": False,
        "missed": False,
        "many_orders": True,
        "unsure": False,
    }
    # A story that cannot make sure of its race may be caught yet: that is open, not wrong.
    assert cells["missed"].status is Status.VALID
    assert cells["unsure"].status is Status.UNKNOWN
    undecided = replace_cells(proof, ("two_tabs", "unsure"))
    assert reports.assess(undecided).exit_status == 3
    assert reports.assess(proof).exit_status == 1
    problems = {problem.scenario for problem in reports.assess(proof).problems}
    assert {"broken", "missed"} <= problems
    agreed = replace_cells(proof, ("two_tabs", "many_orders"))
    assert reports.assess(agreed).exit_status == 0


def test_cells_are_proved_or_broken_by_search_and_say_why_if_neither(tmp_path, monkeypatch):
    """A counterexample against a sound declaration, a complete search against a vulnerable one."""
    blamed = replace(scenario("two_tabs"), name="blamed", breaks=frozenset())
    proof = proof_of(
        tmp_path,
        ["none"],
        [scenario("two_tabs"), blamed, replace(scenario("many_orders"), narrowed=None)],
        "simulator",
        PLENTY_S,
    )
    cells = {cell.scenario: cell for cell in proof.cells}
    found = cells["two_tabs"].search
    assert found.how is How.COUNTEREXAMPLE
    assert cells["two_tabs"].as_declared
    assert (tmp_path / found.witness).is_file()
    assert "one-charge" in {broken.checker for broken in found.broken}
    assert not cells["blamed"].as_declared
    assert cells["many_orders"].search.how is How.NOT_SEARCHED
    assert "16 attempts" in cells["many_orders"].search.reason
    # The first round is too short for it, so that it comes again.
    monkeypatch.setattr(Allowance, "share", lambda _, again=False: PLENTY_S if again else 0.001)
    accused = replace(scenario("pay_vs_cancel"), breaks=frozenset({"row_lock_nowait"}))
    proof = proof_of(tmp_path / "sound", ["row_lock_nowait"], [accused], "simulator", PLENTY_S)
    (cell,) = proof.cells
    assert cell.proved
    assert cell.search.explored > 1
    assert not cell.as_declared
    assert reports.assess(proof).exit_status == 1


def test_what_has_something_to_find_is_searched_first_and_what_survives_unguarded_last(tmp_path):
    names = ("redis_lock_unfenced", "row_lock", "none")
    plan = ProofPlan(
        target=TARGET,
        variants=tuple(TARGET.variant(name) for name in names),
        scenarios=(scenario("double_click"), scenario("coupon_limit"), scenario("many_orders")),
        out=tmp_path,
        search_seconds=1.0,
    )
    found = [
        (task.variant.name, story.name)
        for task in _searches(plan, _tasks(plan, plan.scenarios))
        for story in task.scenarios
    ]
    breaks = [("redis_lock_unfenced", "coupon_limit")]
    breaks += [("none", "double_click"), ("none", "coupon_limit")]
    assert found[:3] == breaks
    assert [variant for variant, _ in found[3:6]] == ["row_lock"] * 3
    assert sorted(found[6:]) == [
        ("none", "many_orders"),
        ("redis_lock_unfenced", "double_click"),
        ("redis_lock_unfenced", "many_orders"),
    ]


def test_an_interruption_leaves_what_was_found_and_says_what_was_not(tmp_path):
    """Stopped after the first search of two: both cells were played, one was searched."""
    stories = [scenario("two_tabs"), scenario("pay_vs_cancel")]

    async def main():
        plan = ProofPlan(
            target=TARGET,
            variants=(TARGET.variant("none"),),
            scenarios=tuple(stories),
            out=tmp_path,
            rounds=1,
            lanes=1,
            search_seconds=PLENTY_S,
        )

        def stop_after_a_search(cell):
            if cell.search is not None:
                whole.cancel()

        whole = asyncio.current_task()
        findings = Findings(plan, on_cell=stop_after_a_search)
        async with open_stack(Described(TARGET), choice()) as stack:
            with pytest.raises(asyncio.CancelledError):
                await prove(stack, findings)
        return findings.proof()

    proof = asyncio.run(main())
    cells = {cell.scenario: cell for cell in proof.cells}
    assert cells["two_tabs"].search.how is How.COUNTEREXAMPLE
    assert (tmp_path / cells["two_tabs"].search.witness).is_file()
    assert cells["pay_vs_cancel"].status is Status.INVALID
    assert cells["pay_vs_cancel"].search.how is How.NOT_SEARCHED
    assert "interrupted" in cells["pay_vs_cancel"].search.reason


def test_a_search_without_time_is_said_to_be_missing_and_fails_nothing(tmp_path):
    proof = proof_of(tmp_path, ["claim"], [scenario("two_tabs")], "simulator", 1e-9)
    (cell,) = proof.cells
    assert cell.search.how in (How.INCOMPLETE, How.NOT_SEARCHED)
    assert "spent" in cell.search.reason
    assert not cell.proved
    assert reports.assess(proof).exit_status == 0


def replace_cells(proof, names):
    import msgspec

    return msgspec.structs.replace(
        proof,
        cells=tuple(cell for cell in proof.cells if cell.scenario in names),
        scenarios=tuple(info for info in proof.scenarios if info.name in names),
    )


def test_every_guard_has_a_scenario_that_could_catch_it_exactly_if_it_is_vulnerable():
    broken = frozenset().union(*(story.breaks for story in SCENARIOS))
    assert broken == {variant.name for variant in TARGET.variants if not variant.sound}


def test_a_cell_that_cannot_run_is_an_error_of_that_cell_only(tmp_path):
    from paidonce.harness.history import Action
    from paidonce.harness.scenario.model import Attempt, Step

    hopeless = replace(
        scenario("two_tabs"),
        name="hopeless",
        prepare=(Step(Action.REFUND),),
        attempts=(Attempt("a", (Step(Action.PAY),)),),
    )
    proof = proof_of(tmp_path, ["claim"], [hopeless, scenario("two_tabs")])
    cells = {cell.scenario: cell for cell in proof.cells}
    assert "preparation refund was answered 409 order_not_paid" in (cells["hopeless"].error or "")
    assert cells["two_tabs"].status is Status.VALID


@pytest.mark.stripe_mock
def test_with_the_real_stripe_mock_intents_are_judged_by_the_calls_seen(tmp_path):
    if shutil.which("stripe-mock") is None:
        pytest.skip("stripe-mock is not on PATH (go install github.com/stripe/stripe-mock@latest)")
    proof = proof_of(
        tmp_path,
        ["none", "row_lock"],
        [scenario("two_tabs"), scenario("pay_vs_webhook")],
        "stripe-mock",
    )
    cells = {(cell.variant, cell.scenario): cell for cell in proof.cells}
    assert cells["none", "two_tabs"].status is Status.INVALID
    (run,) = cells["row_lock", "two_tabs"].runs
    verdicts = {verdict.checker: verdict for verdict in run.verdicts}
    assert verdicts["one-intent"].status is Status.VALID
    assert verdicts["ledger-agrees"].status is Status.UNKNOWN
    assert "stripe.ledger" in verdicts["ledger-agrees"].reason
    assert run.status is Status.UNKNOWN
    skipped = cells["none", "pay_vs_webhook"]
    assert skipped.runs == ()
    assert "stripe.declines" in (skipped.skipped or "")
