"""What the linearizability checker says of whole histories."""

from __future__ import annotations

import pytest
from checker_stories import double, status, verdict

from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status


def test_the_counterexample_says_what_did_not_fit() -> None:
    found = verdict("linearizable", double)
    assert found.reason == (
        "order o1: after tab 1 (operation 1) pay -> ok pi_1 5000 the order is paid by pi_1, "
        "amount 5000, where tab 2 (operation 2) pay -> ok pi_2 5000 cannot be"
    )
    assert found.evidence == (2, 6, 3, 7)
    counterexample = found.details["counterexamples"][0]
    assert counterexample["order"] == "o1"
    assert (counterexample["placed"], counterexample["stuck"]) == ([1], [2])


def test_the_order_at_rest_is_the_last_read() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1")
        h.observed("o1", "unpaid")

    found = verdict("linearizable", story)
    assert found.status is Status.INVALID
    assert "at rest read -> ok unpaid" in found.reason


@pytest.mark.parametrize("lose", ["unknown", "failed"])
@pytest.mark.parametrize("shown", ["paid", "unpaid"])
def test_an_unanswered_or_failed_payment_may_or_may_not_have_happened(
    lose: str, shown: str
) -> None:
    def story(h: HistoryBuilder) -> None:
        getattr(h.pay(), lose)()
        h.pay("tab 2").rejected("payment_in_progress")
        h.observed("o1", shown, payment_id="pi_1" if shown == "paid" else None)

    assert status("linearizable", story) is Status.VALID


def test_a_lost_refund_and_a_lost_cancellation_are_found() -> None:
    def lost_refund(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1")
        first, second = h.refund(1000, "a"), h.refund(2000, "b")
        first.ok(amount=1000)
        second.ok(amount=2000)
        h.observed("o1", "partially_refunded", payment_id="pi_1", refunded=2000)

    def lost_cancellation(h: HistoryBuilder) -> None:
        pay, cancel = h.pay("a"), h.cancel("b")
        cancel.ok()
        pay.ok(payment_id="pi_1")
        h.observed("o1", "paid", payment_id="pi_1")

    assert status("linearizable", lost_refund) is Status.INVALID
    assert status("linearizable", lost_cancellation) is Status.INVALID


def test_orders_are_judged_one_by_one_and_all_counted() -> None:
    def story(h: HistoryBuilder) -> None:
        for name in ("o2", "o3"):
            h.order(name)
            h.pay("a").ok(payment_id=f"{name} pi_1")
            h.pay("b").ok(payment_id=f"{name} pi_2")
        h.pay(order="o1").ok(payment_id="pi_1")

    found = verdict("linearizable", story)
    assert found.status is Status.INVALID
    assert found.details["count"] == 2
    assert [c["order"] for c in found.details["counterexamples"]] == ["o2", "o3"]


def test_codes_the_model_does_not_know_are_let_pass_and_listed() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().rejected("busy", status=423)
        h.pay().rejected(None)

    found = verdict("linearizable", story)
    assert found.status is Status.VALID
    assert found.details["codes_not_judged"] == {"busy": 1, "none": 1}
