"""What is left over once recovery is over has a name, and what is not left over has none."""

from __future__ import annotations

import pytest
from checker_stories import Story, asked_again, left, status, verdict

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import CHECKERS, judge, recovery_checkers
from paidonce.harness.history import Action
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status


def ended(**how: object) -> Story:
    """Recovery that ended so."""
    return lambda h: h.recovered(**how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("story", "name", "words"),
    [
        (left("unpaid", charged=True), "charged-recorded", "charged, not recorded"),
        (left("cancelled", charged=True), "charged-recorded", "charged, not recorded"),
        (
            left("cancelled", charged=True, accepted=True),
            "charged-recorded",
            "charged, not recorded",
        ),
        (left("paid", charged=False), "recorded-charged", "recorded, not charged"),
        (left("processing", charged=True), "held", "held for ever"),
        (left("processing", charged=False), "held", "held for ever"),
        (left("unpaid", charged=True, accepted=True), "event-lost", "event lost"),
    ],
)
def test_what_is_left_over_has_one_name(story: Story, name: str, words: str) -> None:
    found = verdict(name, story)
    assert found.status is Status.INVALID
    assert words in found.reason
    others = {other for other in recovery_checkers() if other != name}
    assert {other for other in others if status(other, story) is Status.INVALID} == set()


@pytest.mark.parametrize(
    "story",
    [
        left("unpaid", charged=False),
        left("paid", charged=True),
        left("paid", charged=True, accepted=True),
        left("refunded", charged=True, refunded=5000),
        left("cancelled", charged=True, refunded=5000),
    ],
)
@pytest.mark.parametrize("name", recovery_checkers())
def test_what_is_paid_and_charged_once_or_neither_or_refunded_is_right(
    story: Story, name: str
) -> None:
    assert status(name, story) is Status.VALID


@pytest.mark.parametrize("name", recovery_checkers())
def test_they_say_nothing_where_there_was_nothing_to_recover_from(name: str) -> None:
    assert status(name, left("unpaid", charged=True, recovered=False)) is Status.VALID


def test_an_event_that_is_never_accepted_is_lost() -> None:
    found = verdict("event-lost", ended(undelivered=("stripe",)))
    assert found.status is Status.INVALID
    assert "did not accept what stripe delivers" in found.reason


def test_a_key_that_is_in_progress_for_ever_is_lost() -> None:
    found = verdict("key-lost", asked_again("payment_in_progress", owed=True))
    assert found.status is Status.INVALID
    assert "asked again under k and was answered 409 payment_in_progress" in found.reason
    assert status("key-lost", asked_again("order_already_paid", owed=False)) is Status.VALID
    without = asked_again("payment_in_progress", owed=True, key=None)
    assert status("key-lost", without) is Status.VALID
    assert status("comes-to-rest", without) is Status.INVALID


def test_it_comes_to_rest_or_what_still_changes_is_named() -> None:
    found = verdict("comes-to-rest", ended(rounds=3, changing=("order of o1",)))
    assert found.status is Status.INVALID
    assert "not at rest after 3 rounds" in found.reason
    assert "order of o1" in found.reason
    rest = verdict("comes-to-rest", ended(rounds=2))
    assert rest.status is Status.VALID
    assert rest.reason == "came to rest within 2 rounds"


def test_a_second_charge_by_who_asks_again_is_one_all_the_same() -> None:
    def story(h: HistoryBuilder) -> None:
        h.pay(key="k").unknown()
        h.recovering()
        h.pay(key="k").ok(payment_id="pi_2")
        h.recovered()
        h.observed("o1", "paid", payment_id="pi_2")
        h.paid_at_stripe("o1")
        h.intent("pi_2", "o1")
        h.charge("ch_2", "pi_2", "o1")

    assert status("one-charge", story) is Status.INVALID


def test_whoever_had_to_recover_is_judged_by_them_without_naming_them() -> None:
    h = HistoryBuilder(checkers=("one-success",), capabilities=tuple(Capability))
    h.order("o1")
    h.invoke(Action.PAY).unknown()
    assert [found.checker for found in judge(h.build())] == ["one-success"]
    h.recovered()
    assert [found.checker for found in judge(h.build())] == ["one-success", *recovery_checkers()]
    assert all(CHECKERS[name].telling.broke for name in recovery_checkers())


def test_a_target_file_is_judged_by_what_can_be_known_of_its_orders() -> None:
    h = HistoryBuilder(checkers=("one-success",), capabilities=(Capability.STRIPE_LEDGER,))
    h.order("o1")
    h.pay().ok(payment_id="pi_1")
    h.recovered()
    verdicts = judge(h.build())
    assert [verdict.status for verdict in verdicts] == [Status.VALID] * len(verdicts)
    assert "held" not in {verdict.checker for verdict in verdicts}
