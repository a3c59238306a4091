"""A failure of the reference service's, and what recovery makes of it: the guards as declared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from failing import failing_once
from reference_worlds import LAB

from paidonce.harness.checkers import judge
from paidonce.harness.history import OrderObserved, Recovered
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer
from paidonce.harness.verdict import Status
from paidonce.scenarios.two_tabs import SCENARIO

ALONE = SCENARIO.keeping(["tab 1"])
CREATE = "payment_intent.create"
HOLDING = ("row_lock", "row_lock_nowait", "advisory_lock")
RESERVING = ("optimistic", "serializable", "unique_index", "claim", "redis_lock")


def came(story, guard, label, fault, side):
    """The order, the end of recovery and what is not valid, after one failure."""

    async def work(worlds):
        return await failing_once(worlds[0].bench, story, label, fault, side=side)

    history, happened = LAB.on(story, guard, work)
    assert happened
    ((_, order),) = history.of(OrderObserved)
    ((_, end),) = history.of(Recovered)
    wrong = {v.checker: v.reason for v in judge(history) if v.status is not Status.VALID}
    return order.payment_status, end, wrong


@pytest.mark.parametrize(
    ("label", "fault", "side", "shown"),
    [
        (CREATE, LostAnswer(), "answer", "paid"),
        (CREATE, ErrorAnswer("api_error_saved"), "request", "unpaid"),
        (CREATE, ErrorAnswer("api_error_saved_after"), "request", "paid"),
        (CREATE, ErrorAnswer("rate_limit"), "request", "paid"),
        ("COMMIT", LostAnswer(), "answer", "paid"),
    ],
    ids=["answer lost", "saved 500", "saved 500 after", "429", "COMMIT's answer lost"],
)
@pytest.mark.parametrize("guard", [pytest.param("row_lock", marks=pytest.mark.slow), "claim"])
def test_who_asks_again_is_told_what_came_of_it(guard, label, fault, side, shown):
    status, end, wrong = came(ALONE, guard, label, fault, side)
    assert (status, wrong) == (shown, {})
    assert end.rested
    assert end.rounds <= 2


@pytest.mark.slow  # each starts a process anew
@pytest.mark.parametrize("side", ["request", "answer"])
@pytest.mark.parametrize("guard", [*HOLDING, *RESERVING])
def test_a_crash_around_stripe_heals_whether_the_client_comes_back_or_not(guard, side):
    status, end, wrong = came(ALONE, guard, CREATE, Crash(), side)
    assert (status, end.rested, wrong) == ("paid", True, {})
    gone = replace(ALONE, recovery=RecoveryBounds(asks=False))
    status, end, wrong = came(gone, guard, CREATE, Crash(), side)
    sent = side == "answer" or guard in RESERVING  # else nobody knows that it was to be sent
    assert (status, end.rested, wrong) == ("paid" if sent else "unpaid", True, {})


@pytest.mark.slow
@pytest.mark.parametrize("guard", HOLDING)
def test_what_a_rollback_forgets_stays_lost_unless_it_is_reconciled(guard):
    gone = RecoveryBounds(asks=False)
    story = replace(ALONE, recovery=gone, sweeps=frozenset({"recovery"}))
    status, _, wrong = came(story, guard, CREATE, Crash(), "answer")
    assert status == "unpaid"
    assert "charged, not recorded" in wrong["charged-recorded"]
    assert set(wrong) == {"charged-recorded", "ledger-agrees"}


@pytest.mark.slow
def test_without_a_guard_who_asks_again_after_a_crash_is_charged_twice():
    _, _, wrong = came(ALONE, "none", CREATE, Crash(), "answer")
    assert "one-charge" in wrong
