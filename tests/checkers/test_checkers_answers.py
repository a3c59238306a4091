"""What clients are told: clean rejections, in time, the same for the same key."""

from __future__ import annotations

import pytest
from checker_stories import BOUND, Story, late_rejection, server_error, status, verdict

from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status


def rejected(**answer: object) -> Story:
    return lambda h: h.pay(payment_method="pm_card_visa").rejected(**answer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (rejected(code="x", status=423), "rejected with 423"),
        (rejected(code=None, status=409), "without a machine-readable code"),
        (rejected(code="", status=409), "without a machine-readable code"),
        (rejected(code="card_declined", status=402), "pm_card_visa was declined"),
        (lambda h: h.cancel().rejected("no", status=402), "only a payment can be"),
        (lambda h: h.read().failed(), "server error (500)"),
        (lambda h: h.webhook("pi_1").failed(503), "server error (503)"),
    ],
)
def test_unclean_answers(story: Story, words: str) -> None:
    found = verdict("clean-rejections", story)
    assert found.status is Status.INVALID
    assert words in found.reason


@pytest.mark.parametrize(
    "story",
    [
        rejected(code="order_already_paid"),
        lambda h: h.pay(payment_method="pm_card_chargeDeclined").declined(),
        lambda h: h.pay().declined(),
        lambda h: h.pay().unknown(),
        lambda h: h.confirm_in_browser("pi_1").rejected(None, status=400),
        lambda h: h.confirm_in_browser("pi_1").failed(),
    ],
)
def test_clean_answers(story: Story) -> None:
    assert status("clean-rejections", story) is Status.VALID


def test_settings_widen_what_is_clean() -> None:
    locked = rejected(code="locked", status=423)
    assert status("clean-rejections", locked, settings={"clean_statuses": "409, 423"}) is (
        Status.VALID
    )
    assert status("clean-rejections", server_error, settings={"allow_failed": "true"}) is (
        Status.VALID
    )
    wrong = verdict("clean-rejections", locked, settings={"clean_statuses": "all"})
    assert wrong.status is Status.UNKNOWN
    assert "clean_statuses" in wrong.reason
    assert "'all'" in wrong.reason


def faulty(kind: str, victim: str | None, *, late: bool = False) -> Story:
    """A fault on one call to Stripe, while "tab 1" fails."""

    def story(h: HistoryBuilder) -> None:
        pay = h.pay("tab 1")
        seq = h.effect("payment_intent.create", attempt=victim)
        if late:
            pay.failed()
            h.fault(kind, seq=seq)
        else:
            h.fault(kind, seq=seq)
            pay.failed()

    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (faulty("drop_answer", "tab 1"), Status.VALID),
        (faulty("hold", "tab 1"), Status.VALID),
        (faulty("drop_answer", "tab 2"), Status.INVALID),
        (faulty("drop_answer", None), Status.VALID),
        (faulty("hold", None), Status.INVALID),
        (faulty("release", None), Status.INVALID),
        (faulty("drop_answer", "tab 1", late=True), Status.INVALID),
    ],
)
def test_a_fault_excuses_only_its_victim(story: Story, expected: Status) -> None:
    assert status("clean-rejections", story) is expected


def test_the_last_delivery_of_a_webhook_must_be_accepted() -> None:
    def delivered(*codes: str | None) -> Story:
        def story(h: HistoryBuilder) -> None:
            for code in codes:
                delivery = h.webhook("pi_1", event_id="evt_1")
                delivery.ok() if code is None else delivery.rejected(code)
            h.webhook("pi_1", event_id="evt_2").ok()

        return story

    assert status("clean-rejections", delivered("payment_in_progress", None)) is Status.VALID
    never = delivered(None, "payment_in_progress")
    assert status("clean-rejections", never) is Status.INVALID
    assert status("clean-rejections", never, cut=True) is Status.UNKNOWN


def test_a_success_is_not_taken_back() -> None:
    def then(code: str, *, overlapping: bool = False) -> Story:
        def story(h: HistoryBuilder) -> None:
            if overlapping:
                late = h.pay("retry", key="k")
                h.pay("tab 1", key="k").ok(payment_id="pi_1")
            else:
                h.pay("tab 1", key="k").ok(payment_id="pi_1")
                late = h.pay("retry", key="k")
            late.rejected(code)

        return story

    name = "same-key-same-answer"
    assert status(name, then("order_already_paid")) is Status.INVALID
    assert status(name, then("payment_in_progress")) is Status.VALID
    assert status(name, then("order_already_paid", overlapping=True)) is Status.VALID


def test_a_key_is_good_for_one_action_and_one_order() -> None:
    def story(h: HistoryBuilder) -> None:
        h.order("o2")
        h.pay(order="o1", key="k").ok(payment_id="pi_1")
        h.pay(order="o2", key="k").ok(payment_id="pi_2")
        h.create_intent(order="o1", key="k").ok(payment_id="pi_3")

    assert status("same-key-same-answer", story) is Status.VALID


def test_two_refunds_for_one_key_are_two_effects() -> None:
    def story(h: HistoryBuilder) -> None:
        h.refund(10, key="k").ok(refund_id="re_1", amount=10)
        h.refund(10, key="k").ok(refund_id="re_2", amount=10)

    found = verdict("same-key-same-answer", story)
    assert found.status is Status.INVALID
    assert "re_1 and re_2" in found.reason


def test_only_rejections_are_bounded_in_time() -> None:
    def slow(h: HistoryBuilder) -> None:
        pay, other = h.pay("tab 1"), h.pay("tab 2")
        other.rejected("payment_in_progress")
        h.wait(60_000)
        pay.ok(payment_id="pi_1")

    found = verdict("bounded-wait", slow, settings=BOUND)
    assert found.status is Status.VALID
    assert found.details["longest_ms"] == 1.0


@pytest.mark.parametrize("text", [None, "soon", "-1", "inf", "nan"])
def test_without_a_bound_there_is_no_judgement(text: str | None) -> None:
    settings = {} if text is None else {"max_wait_ms": text}
    found = verdict("bounded-wait", late_rejection, settings=settings)
    assert found.status is Status.UNKNOWN
    assert "max_wait_ms" in found.reason
