"""How many intents and charges, and whose they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from checker_stories import Story, double, status, verdict

from paidonce.harness.capability import Capability
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status

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
