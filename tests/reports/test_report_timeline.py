"""What a timeline makes of a history: whose call was whose, what broke, and when."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from reports_sample import bad_day, sample
from sample_cells import verdict
from sample_history import MS, PI_A, PI_B, double_payment, write_history

from paidonce import reports
from paidonce.harness.history import (
    Action,
    ChargeObserved,
    Completed,
    Effect,
    Event,
    Fault,
    Header,
    History,
    IntentObserved,
    Invoked,
    OrderCreated,
    Outcome,
)
from paidonce.harness.verdict import Status
from paidonce.reports.charts.timescale import TimeScale
from paidonce.reports.order.story import story_of
from paidonce.reports.overview.evidence import double_payment as find_double_payment
from paidonce.reports.overview.evidence import unexpected
from paidonce.reports.timeline.lanes import MAX_ATTEMPTS
from paidonce.reports.timeline.model import timeline
from paidonce.reports.timeline.steps import MAX_STEPS, Kind
from paidonce.reports.timeline.svg import timeline_picture

CHARGED_TWICE = verdict("one-charge", Status.INVALID, evidence=(8, 9))


def test_double_payment_is_told_in_plain_words() -> None:
    shown = timeline(History(double_payment()), CHARGED_TWICE)
    assert shown is not None
    assert shown.lanes == ("tab 1", "tab 2", "Stripe")
    assert shown.conclusion == (
        "The customer paid twice: Stripe took 49.90 USD as payment A (pi_…Gd2m) and 49.90 USD "
        "as payment B (pi_…Kx9t). That is 99.80 USD for an order of 49.90 USD."
    )
    assert shown.broke == "charged twice"
    assert shown.broke_at == 52 * MS
    assert [step.text for step in shown.steps] == [
        "tab 1 asks to pay 49.90 USD.",
        "tab 2 asks to pay 49.90 USD.",
        "The harness holds both calls on their way to Stripe, as a slow network would.",
        "Stripe takes 49.90 USD for tab 1: payment A (pi_…Gd2m).",
        "tab 1 is told that it has paid, with payment A (pi_…Gd2m) (200).",
        "Stripe takes 49.90 USD again for tab 2: payment B (pi_…Kx9t).",
        "tab 2 is told that it has paid, with payment B (pi_…Kx9t) (200).",
    ]
    assert [step.number for step in shown.steps if step.broke] == [6]
    calls = [bar for bar in shown.bars if bar.lane == shown.stripe]
    assert [(bar.owner, bar.taken) for bar in calls] == [(0, "A"), (1, "B")]
    assert calls[0].holds == ((11 * MS, 17 * MS),)


def _answered(events: list[Event], op: int, **changes: object) -> list[Event]:
    """The history with the completion of ``op`` changed."""
    return [
        msgspec.structs.replace(event, **changes)
        if isinstance(event, Completed) and event.op == op
        else event
        for event in events
    ]


def test_call_of_a_rejected_attempt_is_found_by_elimination() -> None:
    events = _answered(double_payment(), 1, outcome=Outcome.REJECTED, status=409, value={})
    story = story_of(History(events), "ord_1")
    assert [call.owner for call in story.calls] == [0, 1]


def test_nobody_is_guessed_when_two_could_have_called() -> None:
    events = _answered(double_payment(), 0, outcome=Outcome.UNKNOWN, status=None, value={})
    events = _answered(events, 1, outcome=Outcome.REJECTED, status=409, value={})
    story = story_of(History(events), "ord_1")
    assert [call.owner for call in story.calls] == [None, None]
    shown = timeline(History(events), CHARGED_TWICE)
    assert shown is not None
    assert "Stripe takes 49.90 USD: payment A (pi_…Gd2m)." in [s.text for s in shown.steps]


def test_a_replayed_answer_does_not_claim_the_call() -> None:
    events = _answered(
        double_payment(), 1, value={"payment_id": PI_A, "amount": 4990}, replayed=True
    )
    story = story_of(History(events), "ord_1")
    assert story.calls[0].owner == 0


def test_attempt_named_by_the_tap_is_believed() -> None:
    events = [
        msgspec.structs.replace(event, attempt="tab 2")
        if isinstance(event, Effect) and event.seq == 1
        else event
        for event in double_payment()
    ]
    assert story_of(History(events), "ord_1").calls[0].owner == 1


def test_money_is_taken_when_stripe_did_it_not_when_the_answer_came() -> None:
    """An answer held on its way back is late; the charge it tells of is not."""
    events = [
        msgspec.structs.replace(event, detail=event.detail.replace("request", "answer"))
        if isinstance(event, Fault)
        else event
        for event in double_payment()
    ]
    shown = timeline(History(events), CHARGED_TWICE)
    assert shown is not None
    assert shown.broke_at == 13 * MS
    held = [step.text for step in shown.steps if step.kind is Kind.HOLD]
    assert held[0].startswith("The harness holds Stripe’s answer to tab 1’s call on its way,")


def test_charges_in_the_ledger_count_even_where_no_call_was_seen() -> None:
    events = [event for event in double_payment() if not isinstance(event, Effect)]
    story = story_of(History(events), "ord_1")
    assert story.taken == {PI_A: 4990, PI_B: 4990}


def test_without_a_ledger_the_calls_tell() -> None:
    events = [
        event
        for event in double_payment()
        if not isinstance(event, ChargeObserved | IntentObserved)
    ]
    assert story_of(History(events), "ord_1").taken == {PI_A: 4990, PI_B: 4990}


def test_two_intents_without_a_second_charge() -> None:
    def unpaid(event: Event) -> Event:
        if isinstance(event, Effect):
            state = {**(event.answer or {}), "state": "requires_payment_method"}
            return msgspec.structs.replace(event, answer=state)
        return event

    events = [
        unpaid(event)
        for event in double_payment()
        if not isinstance(event, ChargeObserved | IntentObserved)
    ]
    shown = timeline(History(events), verdict("one-intent", Status.INVALID, evidence=(8, 9)))
    assert shown is not None
    assert shown.conclusion.startswith("One order has 2 payment intents, payment A")
    assert shown.broke == "a second payment"


def test_other_invariants_break_at_their_last_evidence() -> None:
    events = [e for e in double_payment() if not (isinstance(e, Effect) and e.seq == 2)]
    events = [e for e in events if getattr(e, "id", "") != PI_B]
    events = [e for e in events if getattr(e, "intent", "") != PI_B]
    position = next(i for i, e in enumerate(events) if isinstance(e, Completed) and e.op == 1)
    shown = timeline(
        History(events),
        verdict("ledger-agrees", Status.INVALID, "order ord_1 is lost", (position, 99)),
    )
    assert shown is not None
    assert shown.broke_at == 61 * MS
    assert shown.conclusion == "Order ord_1 is lost"


def test_a_history_without_orders_has_no_timeline() -> None:
    header = double_payment()[0]
    assert isinstance(header, Header)
    assert timeline(History([header]), CHARGED_TWICE) is None


def test_a_crowd_is_cut_to_what_a_person_can_read() -> None:
    head, order = double_payment()[:2]
    crowd: list[Event] = [head, order]
    for op in range(40):
        crowd.append(
            Invoked(t=op * MS, op=op, attempt=f"tab {op}", action=Action.PAY, order="ord_1")
        )
        crowd.append(Completed(t=(op + 50) * MS, op=op, outcome=Outcome.REJECTED, status=409))
    crowd[-1] = msgspec.structs.replace(
        crowd[-1], outcome=Outcome.OK, status=200, value={"payment_id": PI_A}
    )
    shown = timeline(History(crowd), verdict("one-success", Status.INVALID, evidence=(2,)))
    assert shown is not None
    assert len(shown.lanes) == MAX_ATTEMPTS + 1
    assert shown.left_out == 40 - MAX_ATTEMPTS
    assert len(shown.steps) <= MAX_STEPS
    assert {"tab 0", "tab 39"} <= set(shown.lanes)


def test_evidence_of_another_order_moves_the_focus() -> None:
    head, *rest = double_payment()
    other: list[Event] = [
        OrderCreated(t=0, order="ord_0", amount=100, currency="usd"),
        Invoked(t=1, op=90, attempt="tab 9", action=Action.PAY, order="ord_0"),
    ]
    history = History([head, *other, *rest])
    at = next(i for i, e in enumerate(history.events) if isinstance(e, Effect))
    shown = timeline(history, verdict("one-charge", Status.INVALID, evidence=(at,)))
    assert shown is not None
    assert shown.order == "ord_1"
    assert "tab 9" not in shown.lanes


# --- the scale --------------------------------------------------------------------------------


def test_scale_is_true_where_it_can_be() -> None:
    scale = TimeScale([0, 50, 100], 0, 100, 10)
    assert not scale.stretched
    assert [scale(0), scale(25), scale(100)] == [0, 25, 100]


def test_scale_is_stretched_where_moments_would_meet() -> None:
    times = [0, 1, 2, 1000]
    scale = TimeScale(times, 100, 400, 30)
    places = [scale(t) for t in times]
    assert scale.stretched
    assert places[0] == 100
    assert places[-1] == pytest.approx(400)
    assert all(b - a >= 30 - 1e-9 for a, b in pairwise(places))
    assert places[3] - places[2] > places[2] - places[1]
    assert scale(-5) == 100
    assert scale(5000) == pytest.approx(400)


def test_scale_gives_way_where_room_is_short() -> None:
    scale = TimeScale(range(100), 0, 50, 30)
    assert scale(99) == pytest.approx(50)


# --- the picture and its choice ---------------------------------------------------------------


def test_picture_has_lanes_numbers_and_words_for_a_screen_reader() -> None:
    shown = timeline(History(double_payment()), CHARGED_TWICE)
    assert shown is not None
    root = ET.fromstring(str(timeline_picture(shown, "t")))
    texts = [element.text for element in root.iter("text")]
    for expected in ("tab 1", "tab 2", "Stripe", "charged twice", "takes 49.90 USD", "A", "B"):
        assert expected in texts
    for step in shown.steps:
        assert str(step.number) in texts
    assert root.get("role") == "img"
    identities = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert shown.conclusion in (identities[root.get("aria-labelledby") or ""] or "")
    assert shown.steps[0].text in (identities[root.get("aria-describedby") or ""] or "")


def test_everything_drawn_stays_inside_the_picture() -> None:
    shown = timeline(History(double_payment()), CHARGED_TWICE)
    assert shown is not None
    root = ET.fromstring(str(timeline_picture(shown, "t")))
    *_, width, height = (float(part) for part in (root.get("viewBox") or "").split())
    for element in root.iter("rect"):
        if element.get("x") is not None:
            right = float(element.get("x") or 0) + float(element.get("width") or 0)
            bottom = float(element.get("y") or 0) + float(element.get("height") or 0)
            assert right <= width + 0.01
            assert bottom <= height + 0.01


def test_the_first_readable_double_payment_of_a_vulnerable_guard_is_chosen(tmp_path: Path) -> None:
    proof = sample(tmp_path)
    shown = find_double_payment(proof, tmp_path)
    assert shown is not None
    assert shown.run.history == "histories/none/two_tabs-1.jsonl"
    (tmp_path / "histories/none/two_tabs-1.jsonl").unlink()
    (tmp_path / "histories/none/two_tabs-2.jsonl").write_text("not a history\n")
    shown = find_double_payment(proof, tmp_path)
    assert shown is not None
    assert shown.run.history == "histories/none/two_tabs-3.jsonl"


def test_no_history_no_timeline(tmp_path: Path) -> None:
    assert find_double_payment(sample(), tmp_path) is None


def test_broken_sound_guards_get_a_timeline_of_their_own(tmp_path: Path) -> None:
    assert [
        shown.cell.variant for shown in unexpected(reports.assess(bad_day(tmp_path)), tmp_path)
    ] == ["serializable"]


def test_history_of_a_refund_is_attributed_by_its_refund(tmp_path: Path) -> None:
    events: list[Event] = [*double_payment()[:2]]
    for op, refund in ((0, "re_A"), (1, "re_B")):
        events.append(
            Invoked(
                t=op + 1,
                op=op,
                attempt=f"clerk {op}",
                action=Action.REFUND,
                order="ord_1",
                args={"amount": 1500},
            )
        )
        events.append(
            Effect(
                t=op + 20,
                tap="stripe",
                seq=op,
                label="refund.create",
                began=op + 10,
                order="ord_1",
                request={"params": {"payment_intent": PI_A}},
                answer={"status": 200, "id": refund, "state": "succeeded", "amount": 1500},
            )
        )
    for op, refund in ((0, "re_B"), (1, "re_A")):
        value = {"refund_id": refund}
        events.append(Completed(t=op + 40, op=op, outcome=Outcome.OK, status=201, value=value))
    write_history(tmp_path / "h.jsonl", events)
    assert [call.owner for call in story_of(History(events), "ord_1").calls] == [1, 0]
