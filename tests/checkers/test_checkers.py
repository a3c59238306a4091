"""Every checker: a history it must fail, one it must pass, one it cannot judge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.capability import CAPABILITY_MEANING, Capability
from harness.checkers import CHECKERS, judge
from harness.history.builder import HistoryBuilder
from harness.verdict import Status, Verdict

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


# ------------------------------------------------------------------------------- stories


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
}
BOUND = {"max_wait_ms": "2000"}


def test_every_checker_is_named_and_has_a_bad_history() -> None:
    assert set(BAD) == set(CHECKERS)
    assert all(name == checker.name and checker.title for name, checker in CHECKERS.items())


@pytest.mark.parametrize("name", BAD)
def test_fails_a_history_that_deserves_it(name: str) -> None:
    found = verdict(name, BAD[name], settings=BOUND)
    assert found.status is Status.INVALID
    assert found.evidence
    assert found.details["count"] >= 1
    assert found.details["violations"][0]["evidence"] == list(found.evidence)


@pytest.mark.parametrize("name", BAD)
def test_passes_a_good_history(name: str) -> None:
    found = verdict(name, good, settings=BOUND)
    assert found.status is Status.VALID, found.reason


@pytest.mark.parametrize("name", BAD)
def test_says_what_it_lacks(name: str) -> None:
    found = verdict(name, BAD[name], capabilities=())
    if any(not alternative for alternative in CHECKERS[name].needs):
        assert found.status is (Status.UNKNOWN if name == "bounded-wait" else Status.INVALID)
        return
    assert found.status is Status.UNKNOWN
    for capability in set().union(*CHECKERS[name].needs):
        assert capability in found.reason
        assert CAPABILITY_MEANING[capability] in found.reason


@pytest.mark.parametrize("name", BAD)
def test_a_good_history_that_was_cut_off_is_not_valid(name: str) -> None:
    found = verdict(name, good, settings=BOUND, cut=True)
    assert found.status is Status.UNKNOWN
    assert "cut off" in found.reason


def test_one_of_the_alternatives_is_enough() -> None:
    for capabilities in ([Capability.STRIPE_LEDGER], [Capability.STRIPE_CALLS]):
        assert status("one-intent", good, capabilities=capabilities) is Status.VALID
    assert status("one-charge", double, capabilities=[Capability.STRIPE_CALLS]) is Status.UNKNOWN


# ----------------------------------------------------------------------------- one-success


def test_the_same_key_is_one_attempt() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay("tab 1", key="k").ok(payment_id="pi_1")
        h.pay("retry", key="k").ok(payment_id="pi_1", replayed=True)

    assert status("one-success", story) is Status.VALID


def test_success_names_both_winners() -> None:
    reason = verdict("one-success", double).reason
    assert reason == "order o1 was paid 2 times: tab 1 (operation 1) and tab 2 (operation 2)"


def test_two_intents_are_two_successes_but_intent_and_payment_are_not() -> None:
    def both(h: HistoryBuilder) -> None:
        h.create_intent().ok(payment_id="pi_1")
        h.pay().ok(payment_id="pi_1")

    def two(h: HistoryBuilder) -> None:
        h.create_intent("tab 1").ok(payment_id="pi_1")
        h.create_intent("tab 2").ok(payment_id="pi_1")

    assert status("one-success", both) is Status.VALID
    assert status("one-success", two) is Status.INVALID


def test_two_orders_may_each_be_paid() -> None:
    def story(h: HistoryBuilder) -> None:
        h.order("o2")
        h.pay(order="o1").ok(payment_id="pi_1")
        h.pay(order="o2").ok(payment_id="pi_2")

    assert status("one-success", story) is Status.VALID


# -------------------------------------------------------------------------------- progress


@pytest.mark.parametrize(
    "winner",
    [
        lambda h: h.pay("other").unknown(),
        lambda h: h.pay("other").failed(),
        lambda h: h.pay("other").declined(),
        lambda h: h.cancel("other").ok(),
        lambda h: h.refund(10, "other").rejected("order_not_paid"),
        lambda h: h.create_intent("other").ok(payment_id="pi_1"),
        lambda h: h.webhook("pi_1").ok(),
        lambda h: h.confirm_in_browser("pi_1", "other").ok(),
    ],
)
def test_losing_to_somebody_is_no_lack_of_progress(
    winner: Callable[[HistoryBuilder], None],
) -> None:
    def story(h: HistoryBuilder) -> None:
        pay = h.pay()
        winner(h)
        pay.rejected("payment_in_progress")
        h.observed("o1", "unpaid")

    assert status("progress", story) is Status.VALID


@pytest.mark.parametrize(
    "bystander",
    [
        lambda h: h.read().ok(payment_status="unpaid"),
        lambda h: h.cancel("other").rejected("payment_in_progress"),
        lambda h: h.pay("other").rejected("not_found", status=404),
    ],
)
def test_losing_to_nobody_is(bystander: Callable[[HistoryBuilder], None]) -> None:
    def story(h: HistoryBuilder) -> None:
        pay = h.pay()
        bystander(h)
        pay.rejected("payment_in_progress")
        h.observed("o1", "processing")

    assert status("progress", story) is Status.INVALID


def test_a_decline_before_does_not_excuse_but_an_unanswered_payment_does() -> None:
    def after(first: Callable[[HistoryBuilder], None]) -> Story:
        def story(h: HistoryBuilder) -> None:
            first(h)
            nobody_wins(h)

        return story

    assert status("progress", after(lambda h: h.pay().declined())) is Status.INVALID
    assert status("progress", after(lambda h: h.pay().unknown())) is Status.VALID
    assert status("progress", after(lambda h: h.cancel().failed())) is Status.VALID


def test_a_later_winner_heals() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().rejected("payment_in_progress")
        h.pay().ok(payment_id="pi_1")
        h.observed("o1", "paid")

    assert status("progress", story) is Status.VALID


def test_progress_needs_every_order_to_be_read() -> None:
    found = verdict("progress", lambda h: h.pay().rejected("payment_in_progress"))
    assert found.status is Status.UNKNOWN
    assert found.reason == "order o1 was never read at rest"


# ------------------------------------------------------------------------ clean-rejections


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


# ------------------------------------------------------------- one-intent and one-charge

BY_CALLS = {"capabilities": [Capability.STRIPE_CALLS, Capability.STRIPE_IDEMPOTENCY]}


def call(h: HistoryBuilder, key: str | None, http: int | None = 200, **more: object) -> None:
    answer = None if http is None else {"status": http, "object": "payment_intent", **more}
    h.effect("payment_intent.create", order="o1", key=key, answer=answer)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([("k", 200), ("k", 200)], Status.VALID),
        ([("k1", 200), ("k2", 200)], Status.INVALID),
        ([(None, 200), (None, 200)], Status.INVALID),
        ([("k", None), ("k", 200)], Status.VALID),
        ([("k1", None), ("k2", 200)], Status.INVALID),
        ([("k1", 500), ("k2", 200)], Status.INVALID),
        ([("k1", 402), ("k2", 200)], Status.INVALID),
        ([("k1", 409), ("k2", 429), ("k3", 200), ("k4", 400)], Status.VALID),
    ],
)
def test_intents_counted_from_calls(
    calls: list[tuple[str | None, int | None]], expected: Status
) -> None:
    def story(h: HistoryBuilder) -> None:
        for key, http in calls:
            call(h, key, http)

    assert status("one-intent", story, capabilities=[Capability.STRIPE_CALLS]) is expected


def test_the_ledger_decides_where_there_is_one() -> None:
    def story(h: HistoryBuilder) -> None:
        call(h, "k1", None)  # never reached Stripe, as its ledger shows
        call(h, "k2", 200, id="pi_1")
        h.intent("pi_1", "o1")

    assert status("one-intent", story) is Status.VALID
    assert status("one-intent", story, **BY_CALLS) is Status.INVALID


def test_a_cancelled_intent_is_an_intent_and_a_failed_charge_is_no_charge() -> None:
    def story(h: HistoryBuilder) -> None:
        h.intent("pi_1", "o1", status="canceled")
        h.intent("pi_2", "o1")
        h.charge("ch_1", "pi_2", "o1", status="failed")
        h.charge("ch_2", "pi_2", "o1")

    assert status("one-intent", story) is Status.INVALID
    assert status("one-charge", story) is Status.VALID


def test_charges_counted_from_calls() -> None:
    def confirmed(*intents: str) -> Story:
        def story(h: HistoryBuilder) -> None:
            for intent in intents:
                h.effect(
                    "payment_intent.confirm",
                    attempt="tab 1",
                    path=f"/v1/payment_intents/{intent}/confirm",
                    answer={
                        "status": 200,
                        "object": "payment_intent",
                        "state": "succeeded",
                        "id": intent,
                    },
                )

        return story

    assert status("one-charge", confirmed("pi_1", "pi_1"), **BY_CALLS) is Status.VALID
    assert status("one-charge", confirmed("pi_1", "pi_2"), **BY_CALLS) is Status.INVALID
    assert status("one-charge", double, **BY_CALLS) is Status.INVALID


def test_whose_an_intent_is_can_be_told_in_many_ways() -> None:
    def told(tell: Callable[[HistoryBuilder], object]) -> Story:
        """Two intents, one of o1 by metadata, and one that only ``tell`` gives to o1."""

        def story(h: HistoryBuilder) -> None:
            h.order("o2")
            tell(h)
            h.intent("pi_1", "o1")
            h.intent("pi_2", None)

        return story

    created = {"status": 200, "id": "pi_2", "object": "payment_intent"}
    ways: list[Callable[[HistoryBuilder], object]] = [
        lambda h: h.pay(order="o1").ok(payment_id="pi_2"),
        lambda h: h.webhook("pi_2", order="o1"),
        lambda h: h.observed("o1", "paid", payment_id="pi_2"),
        lambda h: h.charge("ch_2", "pi_2", "o1"),
        lambda h: h.effect("payment_intent.create", order="o1", answer=created),
        lambda h: h.effect(
            "payment_intent.create", params={"metadata[order_id]": "o1"}, answer=created
        ),
        lambda h: (
            h.pay("tab 7", order="o1"),
            h.effect("payment_intent.create", attempt="tab 7", answer=created),
        ),
    ]
    for way in ways:
        assert status("one-intent", told(way)) is Status.INVALID
    unknown = verdict("one-intent", told(lambda h: None))
    assert unknown.status is Status.UNKNOWN
    assert unknown.reason == "pi_2 at Stripe belongs to no known order"


def test_with_a_single_order_all_is_its() -> None:
    def story(h: HistoryBuilder) -> None:
        for n in (1, 2):
            h.intent(f"pi_{n}", None)
            h.charge(f"ch_{n}", f"pi_{n}", None)

    assert status("one-intent", story) is Status.INVALID
    assert status("one-charge", story) is Status.INVALID


# --------------------------------------------------------------------------- ledger-agrees


def at_rest(shown: str, payment: str | None = "pi_1", refunds: int = 0, given: int = 0) -> Story:
    """An order shown as ``shown``, for which Stripe took 5000 and gave back ``given``."""

    def story(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1")
        h.observed("o1", shown, payment_id=payment, refunded=refunds)
        h.paid_at_stripe("o1", refunded=given)

    return story


def shown_only(shown: str) -> Story:
    """An order shown as ``shown``, for which Stripe has nothing."""
    return lambda h: h.observed("o1", shown)


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (at_rest("unpaid"), "a lost payment"),
        (at_rest("processing"), "never came to rest"),
        (shown_only("processing"), "never came to rest"),
        (shown_only("paid"), "Stripe took nothing"),
        (at_rest("cancelled"), "Stripe keeps 5000"),
        (at_rest("paid", "pi_9"), "names pi_9, but was paid by ch_1 and pi_1"),
        (at_rest("paid", None), "names no payment"),
        (at_rest("paid", refunds=0, given=10), "shows 0 refunded, Stripe 10"),
        (at_rest("partially_refunded", refunds=10, given=20), "shows 10 refunded, Stripe 20"),
        (at_rest("refunded", refunds=10, given=10), "Stripe keeps 4990"),
        (at_rest("partially_refunded"), "Stripe gave back 0"),
    ],
)
def test_books_that_differ(story: Story, words: str) -> None:
    found = verdict("ledger-agrees", story)
    assert found.status is Status.INVALID
    assert words in found.reason


@pytest.mark.parametrize(
    "story",
    [
        at_rest("paid"),
        at_rest("paid", "ch_1"),
        at_rest("paid", refunds=10, given=10),
        at_rest("partially_refunded", refunds=10, given=10),
        at_rest("refunded", refunds=5000, given=5000),
        at_rest("cancelled", given=5000),
        shown_only("unpaid"),
        shown_only("cancelled"),
    ],
)
def test_books_that_agree(story: Story) -> None:
    assert status("ledger-agrees", story) is Status.VALID


def test_a_payment_that_was_told_must_exist() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay("tab 1").ok(payment_id="pi_9")
        h.observed("o1", "unpaid")

    found = verdict("ledger-agrees", story)
    assert found.status is Status.INVALID
    assert "paid by pi_9, but Stripe has no such charge" in found.reason


def test_a_service_that_names_no_payments_is_not_blamed_for_it() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().ok()
        h.observed("o1", "paid")
        h.paid_at_stripe("o1")

    assert status("ledger-agrees", story) is Status.VALID


def test_what_a_cut_off_history_lacks_proves_nothing() -> None:
    assert status("ledger-agrees", shown_only("paid"), cut=True) is Status.UNKNOWN
    assert status("ledger-agrees", lost_payment, cut=True) is Status.INVALID


def test_what_nobody_owns_may_be_what_is_missing() -> None:
    def story(h: HistoryBuilder) -> None:
        h.order("o2")
        h.pay(order="o2").ok()
        h.observed("o1", "unpaid")
        h.observed("o2", "paid")
        h.intent("pi_1", None)
        h.charge("ch_1", "pi_1", None)

    found = verdict("ledger-agrees", story)
    assert found.status is Status.UNKNOWN
    assert "pi_1 at Stripe belongs to no known order" in found.reason


def test_money_for_an_order_never_shown_is_a_doubt() -> None:
    def story(h: HistoryBuilder) -> None:
        good(h)
        h.charge("ch_2", "pi_2", "o9")

    assert status("ledger-agrees", story) is Status.UNKNOWN


# ------------------------------------------------------- amounts, refunds, keys, waiting


def test_another_currency_is_another_amount() -> None:
    def charged(currency: str) -> Story:
        def story(h: HistoryBuilder) -> None:
            h.observed("o1", "paid", payment_id="pi_1")
            h.charge("ch_1", "pi_1", "o1", currency=currency)

        return story

    assert status("amounts-agree", charged("eur")) is Status.INVALID
    assert status("amounts-agree", charged("USD")) is Status.VALID


@pytest.mark.parametrize("told", [{"amount": 4999}, {"currency": "eur"}])
def test_the_customer_is_told_what_was_taken(told: dict[str, object]) -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay().ok(payment_id="pi_1", **told)
        h.observed("o1", "paid", payment_id="pi_1")
        h.paid_at_stripe("o1")

    assert status("amounts-agree", story) is Status.INVALID


def test_refunds_told_and_given_are_equal() -> None:
    def refunds(given: int, *more: Callable[[HistoryBuilder], object]) -> Story:
        def story(h: HistoryBuilder) -> None:
            h.pay().ok(payment_id="pi_1")
            h.refund(2000, key="k").ok(amount=2000)
            for step in more:
                step(h)
            h.paid_at_stripe("o1", refunded=given)

        return story

    assert status("refunds-bounded", refunds(2000)) is Status.VALID
    assert status("refunds-bounded", refunds(1999)) is Status.INVALID
    assert status("refunds-bounded", refunds(2001)) is Status.INVALID
    assert status("refunds-bounded", refunds(1999), cut=True) is Status.UNKNOWN
    replay = refunds(2000, lambda h: h.refund(2000, key="k").ok(amount=2000, replayed=True))
    assert status("refunds-bounded", replay) is Status.VALID
    twice = refunds(2000, lambda h: h.refund(2000, key="other").ok(amount=2000))
    assert status("refunds-bounded", twice) is Status.INVALID
    for unclear in (
        lambda h: h.refund(500).unknown(),
        lambda h: h.refund(500).failed(),
        lambda h: h.cancel().ok(),
    ):
        assert status("refunds-bounded", refunds(2500, unclear)) is Status.VALID
        assert status("refunds-bounded", refunds(1500, unclear)) is Status.INVALID
    silent = refunds(5000, lambda h: h.refund(None).ok())
    assert status("refunds-bounded", silent) is Status.UNKNOWN
    assert status("refunds-bounded", refunded) is Status.VALID


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


# -------------------------------------------------------------- many orders, cancelled ones


def many(count: int, spoil: Callable[[HistoryBuilder], object] = lambda h: None) -> Story:
    """Orders n1, n2 ... each paid once, and o1 as ``spoil`` would have it."""

    def story(h: HistoryBuilder) -> None:
        for n in range(1, count + 1):
            h.order(f"n{n}")
            h.pay(f"client {n}").ok(payment_id=f"pi_n{n}")
            h.observed(f"n{n}", "paid", payment_id=f"pi_n{n}")
            h.charge(f"ch_n{n}", f"pi_n{n}", f"n{n}")
        spoil(h)

    return story


def paid(h: HistoryBuilder, *, charges: int = 1, wins: int = 1, shown: str = "paid") -> None:
    for n in range(wins):
        h.pay(f"tab {n}", order="o1").ok(payment_id="pi_1")
    h.observed("o1", shown, payment_id="pi_1")
    for n in range(charges):
        h.charge(f"ch_{n}", "pi_1", "o1")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda h: paid(h), Status.VALID),
        (lambda h: paid(h, wins=2), Status.INVALID),
        (lambda h: paid(h, wins=0), Status.INVALID),
        (lambda h: paid(h, charges=2), Status.INVALID),
        (lambda h: paid(h, charges=0), Status.INVALID),
        (lambda h: paid(h, shown="unpaid"), Status.INVALID),
        (lambda h: (h.pay(order="o1").unknown(), paid(h, wins=0)), Status.VALID),
        (lambda h: (h.pay(order="o1").unknown(), paid(h, charges=0)), Status.INVALID),
    ],
)
def test_each_order_is_paid_exactly_once(
    spoil: Callable[[HistoryBuilder], object], expected: Status
) -> None:
    found = verdict("independent-orders", many(3, spoil))
    assert found.status is expected
    if expected is Status.INVALID:
        assert "o1" in found.reason


def test_a_cancelled_order_whose_money_was_given_back_is_forgiven() -> None:
    def cancelled(refunds: int, shown: str = "cancelled") -> Story:
        def story(h: HistoryBuilder) -> None:
            h.cancel().ok()
            h.observed("o1", shown)
            h.paid_at_stripe("o1", refunded=refunds)

        return story

    name = "no-charge-when-cancelled"
    assert status(name, cancelled(5000)) is Status.VALID
    assert status(name, cancelled(4999)) is Status.INVALID
    # told so, even if the order forgot it again
    assert status(name, cancelled(0, "paid")) is Status.INVALID
    assert verdict(name, good).reason == "no order was cancelled"


# ---------------------------------------------------------------------------- linearizable


def test_the_counterexample_says_what_did_not_fit() -> None:
    found = verdict("linearizable", double)
    assert (
        found.reason
        == (
            "order o1: after tab 1 (operation 1) pay -> ok pi_1 5000 the order is paid by pi_1, "
            "amount 5000, where tab 2 (operation 2) pay -> ok pi_2 5000, at rest read -> ok paid "
            "pi_2 5000 cannot be"
        )
        or "tab 2 (operation 2) pay -> ok pi_2" in found.reason
    )
    counterexample = found.details["counterexamples"][0]
    assert counterexample["order"] == "o1"
    assert set(counterexample["placed"]) | set(counterexample["stuck"]) == {1, 2}


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
