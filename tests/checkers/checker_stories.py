"""Stories that checkers are told, and how to put them."""

from __future__ import annotations

from collections.abc import Callable

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import judge
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status, Verdict

EVERYTHING = tuple(Capability)
Story = Callable[[HistoryBuilder], None]


def verdict(checker: str, story: Story, *, cut: bool = False, **header: object) -> Verdict:
    header.setdefault("capabilities", EVERYTHING)
    h = HistoryBuilder(**header)  # type: ignore[arg-type]
    h.order("o1", 5000)
    story(h)
    found = judge(h.build(cut=cut), [checker])
    assert len(found) == 1
    assert found[0].checker == checker
    return found[0]


def status(checker: str, story: Story, **more: object) -> Status:
    return verdict(checker, story, **more).status  # type: ignore[arg-type]


def good(h: HistoryBuilder) -> None:
    """Two tabs, one winner, books that agree."""
    first, second = h.pay("tab 1", key="a"), h.pay("tab 2", key="b")
    second.rejected("order_already_paid")
    first.ok(payment_id="pi_1", amount=5000, currency="usd")
    call = {"status": 200, "id": "pi_1", "object": "payment_intent", "state": "succeeded"}
    h.effect("payment_intent.create", order="o1", key="o1:pay:1", answer=call)
    h.observed("o1", "paid", payment_id="pi_1")
    h.paid_at_stripe("o1")


def double(h: HistoryBuilder) -> None:
    """Two tabs, two payments: the bug this project is about."""
    first, second = h.pay("tab 1"), h.pay("tab 2")
    for n in (1, 2):
        answer = {"object": "payment_intent", "state": "succeeded", "status": 200, "id": f"pi_{n}"}
        h.effect("payment_intent.create", attempt=f"tab {n}", answer=answer)
    first.ok(payment_id="pi_1", amount=5000)
    second.ok(payment_id="pi_2", amount=5000)
    h.observed("o1", "paid", payment_id="pi_2")
    for n in (1, 2):
        h.intent(f"pi_{n}", "o1")
        h.charge(f"ch_{n}", f"pi_{n}", "o1")


def refunded(h: HistoryBuilder) -> None:
    h.pay().ok(payment_id="pi_1", amount=5000)
    h.refund(2000, key="r1").ok(refund_id="re_1", amount=2000)
    h.observed("o1", "partially_refunded", payment_id="pi_1", refunded=2000)
    h.paid_at_stripe("o1", refunded=2000)


def cancelled_but_charged(h: HistoryBuilder) -> None:
    pay, cancel = h.pay("tab 1"), h.cancel("tab 2")
    cancel.ok()
    pay.rejected("order_cancelled")
    h.observed("o1", "cancelled")
    h.paid_at_stripe("o1")


def nobody_wins(h: HistoryBuilder) -> None:
    first, second = h.pay("tab 1"), h.pay("tab 2")
    first.rejected("payment_in_progress")
    second.rejected("payment_in_progress")
    h.observed("o1", "unpaid")


def server_error(h: HistoryBuilder) -> None:
    h.pay("tab 1").ok(payment_id="pi_1")
    h.pay("tab 2").failed(500)


def lost_payment(h: HistoryBuilder) -> None:
    h.pay().unknown()
    h.observed("o1", "unpaid")
    h.paid_at_stripe("o1")


def wrong_amount(h: HistoryBuilder) -> None:
    h.change_amount(7000).ok()
    h.pay().ok(payment_id="pi_1")
    h.observed("o1", "paid", payment_id="pi_1", amount=7000)
    h.paid_at_stripe("o1", amount=5000)


def over_refunded(h: HistoryBuilder) -> None:
    h.pay().ok(payment_id="pi_1")
    h.refund(3000, "a").ok(amount=3000)
    h.refund(3000, "b").ok(amount=3000)
    h.observed("o1", "refunded", payment_id="pi_1", refunded=6000)
    h.paid_at_stripe("o1", refunded=6000)


def two_answers_to_one_key(h: HistoryBuilder) -> None:
    h.pay(key="k").ok(payment_id="pi_1", amount=5000)
    h.pay(key="k").ok(payment_id="pi_2", amount=5000)


def late_rejection(h: HistoryBuilder) -> None:
    pay = h.pay()
    h.wait(3000)
    pay.rejected("payment_in_progress")


def left(
    shown: str,
    *,
    charged: bool,
    refunded: int = 0,
    accepted: bool = False,
    recovered: bool = True,
) -> Story:
    """An order shown as ``shown`` after a crash, its first payment not answered."""

    def story(h: HistoryBuilder) -> None:
        h.pay().unknown()
        h.fault("crash", tap="service")
        h.recovering()
        if accepted:
            h.webhook("pi_1").ok()
        if recovered:
            h.recovered()
        h.observed("o1", shown, payment_id="pi_1" if charged else None, refunded=refunded)
        if charged:
            h.paid_at_stripe("o1", refunded=refunded)

    return story


def asked_again(code: str, *, owed: bool, key: str | None = "k") -> Story:
    """A client that asks again, and is answered so to the last."""

    def story(h: HistoryBuilder) -> None:
        h.pay(key=key).unknown()
        h.recovering()
        h.pay(key=key).rejected(code)
        h.recovered(owed=("tab 1",) if owed else ())

    return story


def restless(h: HistoryBuilder) -> None:
    h.recovered(3, changing=("order of o1",))


def handed_out_twice(h: HistoryBuilder) -> None:
    h.checkout().ok(checkout_id="cs_1")
    h.observed("o1", "paid", handed_out=("cs_1", "cs_1"))


def last_coupon_twice(h: HistoryBuilder) -> None:
    for order in ("o1", "o2"):
        h.redeem("ONCE", 1, order=order).ok(amount=4500)


BAD: dict[str, Story] = {
    "one-success": double,
    "progress": nobody_wins,
    "clean-rejections": server_error,
    "one-intent": double,
    "one-charge": double,
    "ledger-agrees": lost_payment,
    "amounts-agree": wrong_amount,
    "refunds-bounded": over_refunded,
    "same-key-same-answer": two_answers_to_one_key,
    "linearizable": double,
    "independent-orders": nobody_wins,
    "bounded-wait": late_rejection,
    "no-charge-when-cancelled": cancelled_but_charged,
    "handed-out-once": handed_out_twice,
    "coupon-limit": last_coupon_twice,
    "charged-recorded": left("unpaid", charged=True),
    "recorded-charged": left("paid", charged=False),
    "event-lost": lambda h: h.recovered(undelivered=("stripe",)),
    "held": left("processing", charged=True),
    "key-lost": asked_again("payment_in_progress", owed=True),
    "comes-to-rest": restless,
}
BOUND = {"max_wait_ms": "2000"}
