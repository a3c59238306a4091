"""The sequential order, rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paidonce.harness.history import Operation, OrderCreated
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.models.order import OrderModel
from paidonce.harness.models.order_state import SOME, OrderState, Phase

Story = Callable[[HistoryBuilder], None]


def operations(*steps: Story, amount: int | None = 100) -> tuple[list[Operation], OrderModel]:
    """The operations that ``steps`` tell, one after the other, and the order's model."""
    h = HistoryBuilder()
    h.order("o1", amount or 0)
    for step in steps:
        step(h)
    history = h.build()
    created = [order for _, order in history.of(OrderCreated)]
    told = list(history.operations)
    return told, OrderModel.of(created[0] if amount is not None else None, told)


def after(*steps: Story, amount: int | None = 100) -> OrderState | None:
    """The state after ``steps``, None if the last cannot follow; the others must."""
    told, model = operations(*steps, amount=amount)
    state: OrderState | None = model.initial()
    for number, operation in enumerate(told):
        assert state is not None, f"step {number - 1} of the story is impossible already"
        state = model.step(state, operation)
    return state


def pay(payment: str | None = "pi_1", key: str | None = None, **value: Any) -> Story:
    said = {"payment_id": payment, **value} if payment else value
    return lambda h: h.pay(key=key).ok(**said)


def lost_pay(key: str | None = None) -> Story:
    return lambda h: h.pay(key=key).unknown()


def intent(payment: str = "pi_1", key: str | None = None) -> Story:
    return lambda h: h.create_intent(key=key).ok(payment_id=payment)


def cancel(h: HistoryBuilder) -> None:
    h.cancel().ok()


def refund(amount: int | None, said: int | None = None, key: str | None = None) -> Story:
    value = {} if said is None else {"amount": said}
    return lambda h: h.refund(amount, key=key).ok(**value)


def reprice(amount: int, key: str | None = None) -> Story:
    return lambda h: h.change_amount(amount, key=key).ok(amount=amount)


def webhook(payment: str = "pi_1", event: str = "payment_intent.succeeded") -> Story:
    return lambda h: h.webhook(payment, event).ok()


def browser(payment: str = "pi_1") -> Story:
    return lambda h: h.confirm_in_browser(payment).ok()


def read(status: str, payment: str | None = None, amount: int = 100, refunded: int = 0) -> Story:
    return lambda h: h.read().ok(
        payment_status=status, payment_id=payment, amount=amount, refunded_amount=refunded
    )


def turned_away(action: str, code: str, **more: Any) -> Story:
    amount = (more.pop("amount", 10),) if action in ("refund", "change_amount") else ()
    return lambda h: getattr(h, action)(*amount).rejected(code, **more)


POSSIBLE: dict[str, tuple[Story, ...]] = {
    "an order is paid": (pay(), read("paid", "pi_1")),
    "its intent, then": (intent("pi_1"), pay("pi_1"), read("paid", "pi_1")),
    "without a name": (pay(None), read("paid", "pi_9"), read("paid", "pi_9")),
    "a second payment is turned away": (pay(), turned_away("pay", "order_already_paid")),
    "also of a refunded one": (pay(), refund(None), turned_away("pay", "order_already_paid")),
    "a replay of the same key": (pay(key="k"), pay(key="k")),
    "a replay after no answer": (lost_pay("k"), webhook(), pay(key="k")),
    "no answer, then a refund": (lost_pay(), refund(40), read("partially_refunded", "x", 100, 40)),
    "declined, then paid": (turned_away("pay", "card_declined", status=402), pay()),
    "an old decline repeated": (
        pay(),
        turned_away("pay", "card_declined", status=402, replayed=True),
    ),
    "somebody is at it": (turned_away("pay", "payment_in_progress"), pay()),
    "and at it afterwards": (pay(), turned_away("pay", "payment_in_progress")),
    "unknown codes say nothing": (pay(), turned_away("pay", "try_later")),
    "cancelled": (cancel, read("cancelled"), turned_away("pay", "order_cancelled")),
    "cancelled twice": (cancel, cancel),
    "cancelled with an intent": (intent(), cancel, turned_away("refund", "order_not_paid")),
    "refunds up to the payment": (
        pay(),
        refund(40),
        refund(60),
        read("refunded", "pi_1", 100, 100),
    ),
    "the rest, then no more": (
        pay(),
        refund(40),
        refund(None, 60),
        turned_away("refund", "refund_exceeds_payment", amount=1),
    ),
    "too much": (pay(), refund(40), turned_away("refund", "refund_exceeds_payment", amount=61)),
    "a refund replayed": (pay(), refund(40, key="k"), refund(40, key="k"), refund(60)),
    "too early": (turned_away("refund", "order_not_paid"),),
    "another price": (reprice(200), read("unpaid", None, 200), pay("pi_1", amount=200)),
    "a price replayed": (
        reprice(200, "k"),
        reprice(300),
        reprice(200, "k"),
        read("unpaid", None, 300),
    ),
    "a price after payment": (pay(), turned_away("change_amount", "order_already_paid")),
    "by webhook": (webhook(), read("paid", "pi_1"), webhook()),
    "a failure later": (webhook(), webhook("pi_1", "payment_intent.payment_failed"), refund(100)),
    "webhook names it": (lost_pay(), webhook("pi_5"), read("paid", "pi_5")),
    "an intent replayed": (intent(key="k"), intent(key="k")),
    "processing fits all": (read("processing"), pay(), read("processing"), refund(100)),
    "an intent after a decline": (
        turned_away("pay", "card_declined", status=402),
        read("unpaid", "pi_1"),
    ),
    "words of another service": (read("open"), pay(), read("closed")),
    "browser, unnoticed": (
        intent(),
        browser(),
        read("unpaid", "pi_1"),
        webhook(),
        read("paid", "pi_1"),
    ),
    "browser, noticed": (intent(), browser(), read("paid", "pi_1")),
    "browser, run into": (intent(), browser(), turned_away("pay", "order_already_paid")),
    "browser, then refunded": (browser(), refund(40), read("paid", "pi_1", 100, 40)),
    "browser, too late to cancel": (browser(), turned_away("cancel", "order_already_paid")),
    "browser, told as paid": (browser(), pay("pi_1")),
    "paid says nothing of refunds": (pay(), refund(40), read("paid", "pi_1", 100, 40)),
}


@pytest.mark.parametrize("story", POSSIBLE)
def test_this_can_happen(story: str) -> None:
    assert after(*POSSIBLE[story]) is not None


IMPOSSIBLE: dict[str, tuple[Story, ...]] = {
    "paid twice": (pay("pi_1"), pay("pi_2")),
    "paid twice, same id, no key": (pay("pi_1"), pay("pi_1")),
    "another key": (pay("pi_1", "a"), pay("pi_1", "b")),
    "replay of another payment": (pay("pi_1", "k"), pay("pi_2", "k")),
    "another intent than the open one": (intent("pi_1"), pay("pi_2")),
    "two intents": (intent("pi_1"), intent("pi_2")),
    "an intent for a paid order": (pay(), intent("pi_2")),
    "replay of another intent": (intent("pi_1", "k"), intent("pi_2", "k")),
    "another amount than the order's": (pay("pi_1", amount=99),),
    "turned away from an unpaid order": (turned_away("pay", "order_already_paid"),),
    "turned away as cancelled": (turned_away("pay", "order_cancelled"),),
    "declined after payment": (pay(), turned_away("pay", "card_declined", status=402)),
    "paid after cancellation": (cancel, pay()),
    "cancelled after payment": (pay(), cancel),
    "refunded before payment": (refund(10),),
    "refunded beyond the payment": (pay(), refund(60), refund(41)),
    "refunded nothing": (pay(), refund(None), refund(None)),
    "another refund than asked": (pay(), refund(40, 50)),
    "all that is left is less": (pay(), refund(40), refund(None, 100)),
    "not paid, though it is": (pay(), turned_away("refund", "order_not_paid")),
    "too much, though it is not": (
        pay(),
        turned_away("refund", "refund_exceeds_payment", amount=100),
    ),
    "too much of nothing": (turned_away("refund", "refund_exceeds_payment"),),
    "repriced after payment": (pay(), reprice(200)),
    "repriced under an open intent": (intent(), reprice(200)),
    "still the old price": (reprice(200), read("unpaid", None, 100)),
    "told another price": (lambda h: h.change_amount(200).ok(amount=300),),
    "unpaid after payment": (pay(), read("unpaid")),
    "paid by another": (pay("pi_1"), read("paid", "pi_2")),
    "paid by nobody": (read("paid", "pi_1"),),
    "unpaid by another intent": (intent("pi_1"), read("unpaid", "pi_2")),
    "cancelled by nobody": (read("cancelled"),),
    "refunds lost": (pay(), refund(40), read("paid", "pi_1", 100, 0)),
    "refunded in part by all": (pay(), refund(100), read("partially_refunded", "pi_1", 100, 100)),
    "refunded in full by part": (pay(), refund(40), read("refunded", "pi_1", 100, 40)),
    "a webhook of a second payment": (pay("pi_1"), webhook("pi_2")),
    "a webhook for a cancelled order": (cancel, webhook()),
    "a webhook not applied": (webhook(), read("unpaid")),
    "a webhook of another intent": (intent("pi_1"), webhook("pi_2")),
    "browser, then cancelled": (intent(), browser(), cancel),
    "browser, then paid otherwise": (browser("pi_1"), pay("pi_2")),
    "browser, after cancellation": (intent(), cancel, browser()),
    "browser, twice": (browser(), browser()),
    "browser, after payment": (pay(), browser("pi_1")),
    "browser, another intent": (intent("pi_1"), browser("pi_2")),
    "browser, then declined": (browser(), turned_away("pay", "card_declined", status=402)),
}


@pytest.mark.parametrize("story", IMPOSSIBLE)
def test_this_cannot_happen(story: str) -> None:
    assert after(*IMPOSSIBLE[story]) is None


def test_an_unknown_amount_is_learnt_from_the_first_answer_that_tells_it() -> None:
    assert after(pay("pi_1", amount=70), amount=None) == OrderState(
        phase=Phase.PAID, amount=70, payment="pi_1"
    )
    assert after(pay(), refund(10_000), amount=None) is not None
    assert after(pay("pi_1", amount=70), refund(71), amount=None) is None
    learnt_late = (pay(), refund(None), read("refunded", "pi_1", 70, 70))
    assert after(*learnt_late, amount=None) is not None


def test_an_unanswered_payment_leaves_a_payment_without_a_name() -> None:
    state = after(lost_pay())
    assert state is not None
    assert (state.phase, state.payment) == (Phase.PAID, SOME)
    assert "an unnamed payment" in str(state)


def test_only_keys_seen_again_are_part_of_the_state() -> None:
    once = after(pay(key="a"), refund(10, key="b"))
    twice = after(pay(key="a"), refund(10, key="b"), refund(10, key="b"))
    assert once is not None
    assert twice is not None
    assert once.done == frozenset()
    assert {key for _, key in twice.done} == {"b"}


def test_operations_are_alike_only_if_their_answers_are() -> None:
    def kinds(*steps: Story) -> int:
        told, model = operations(*steps)
        return len({model.signature(operation) for operation in told})

    assert kinds(pay("pi_1"), pay("pi_2")) == 2
    assert kinds(pay("pi_1"), lost_pay()) == 2
    assert kinds(turned_away("pay", "a"), turned_away("pay", "b")) == 2
    assert kinds(refund(1), refund(2)) == 2
    assert kinds(pay("pi_1", "a"), pay("pi_1", "b"), pay("pi_1", "b")) == 2
    # What the model never looks at does not tell them apart: keys used once, refund ids.
    assert kinds(pay("pi_1", "a"), pay("pi_1", "b")) == 1
    assert kinds(*(lambda h, n=n: h.refund(1).ok(refund_id=f"re_{n}") for n in range(2))) == 1


def test_a_key_belongs_to_its_action() -> None:
    assert after(pay(key="k"), refund(40, key="k"), refund(40, key="k"), refund(61)) is None
    assert after(intent(key="k"), pay("pi_1", "k"), pay("pi_1", "k")) is not None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (OrderState(amount=5), "unpaid, amount 5"),
        (OrderState(intent="pi_1", taken=True), "unpaid, pi_1 is open and confirmed"),
        (OrderState(intent=SOME), "unpaid, an intent is open"),
        (OrderState(phase=Phase.PAID, payment="pi_1", refunded=3), "paid by pi_1, 3 refunded"),
    ],
)
def test_a_state_reads_as_words(state: OrderState, words: str) -> None:
    assert str(state) == words


def checkout(h: HistoryBuilder) -> None:
    h.checkout().ok(checkout_id="cs_1")


def paid_on_page(h: HistoryBuilder) -> None:
    h.pay_on_page("cs_1").ok()


def back(status: str, payment: str | None = None) -> Story:
    said = {"payment_status": status} | ({} if payment is None else {"payment_id": payment})
    return lambda h: h.come_back().ok(**said)


def completed(h: HistoryBuilder) -> None:
    h.webhook("pi_1", event="checkout.session.completed").ok()


def test_a_page_is_paid_once_and_both_may_tell_of_it() -> None:
    paid = after(checkout, paid_on_page, back("paid", "pi_1"), completed)
    assert paid is not None
    assert (paid.phase, paid.payment) == (Phase.PAID, "pi_1")
    assert after(checkout, paid_on_page, completed, back("paid", "pi_1")) is not None
    assert after(checkout, back("unpaid"), paid_on_page) is not None
    assert after(checkout, back("paid", "pi_1")) is None  # nobody paid
    assert after(checkout, paid_on_page, paid_on_page) is None
    assert after(checkout, checkout) is None
    assert after(checkout, cancel, completed) is None  # Stripe decides once
    assert after(checkout, paid_on_page, completed, back("unpaid")) is None


def test_a_coupon_makes_an_unpaid_order_cheaper() -> None:
    def redeemed(amount: int) -> Story:
        return lambda h: h.redeem("ONCE", 1).ok(amount=amount)

    cheaper = after(redeemed(60))
    assert cheaper is not None
    assert cheaper.amount == 60
    assert after(redeemed(100)) is None
    assert after(pay("pi_1"), redeemed(60)) is None
    assert after(checkout, redeemed(60)) is None
