"""Which event of a history belongs to which step of the witness."""

from __future__ import annotations

import msgspec
import pytest
from narratives import Recorded, lock_story, witness

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.attempts import At
from paidonce.harness.explore.search.world import ANSWER, BEGINS
from paidonce.harness.explore.witness.file import Lock, Waiting
from paidonce.harness.explore.witness.narrative import Asked, Exchange, Wait, history_of, narrate
from paidonce.harness.explore.witness.narrative.row_access import Did, Row
from paidonce.harness.explore.witness.narrative.wording import waits
from paidonce.harness.history import Action, Outcome
from paidonce.harness.taps.faults import Crash


def outline(story):
    """Return each step's acts in short."""
    found = []
    for moment in story.moments:
        words = []
        for act in moment.acts:
            if isinstance(act, Exchange):
                label = act.event.label.split()[0]
                words += [("sent", label)] * act.sent + [("answered", label)] * act.answered
            else:
                words.append(("asked" if isinstance(act, Asked) else "told", ""))
        found.append((moment.step.actor, words))
    return found


def test_what_lies_between_two_steps_belongs_to_the_earlier_one_and_answers_to_where_they_came():
    assert outline(lock_story()) == [
        ("tab 1", [("asked", ""), ("sent", "BEGIN"), ("answered", "BEGIN")]),
        ("tab 1", [("sent", "UPDATE"), ("answered", "UPDATE")]),
        ("tab 2", [("asked", ""), ("sent", "BEGIN"), ("answered", "BEGIN")]),
        ("tab 2", [("sent", "UPDATE")]),
        (
            "tab 1",
            [("sent", "payment_intent.create"), ("answered", "payment_intent.create")],
        ),
        ("tab 1", [("sent", "COMMIT"), ("answered", "COMMIT"), ("told", "")]),
        ("tab 2", [("answered", "UPDATE")]),
        ("tab 2", [("sent", "COMMIT"), ("answered", "COMMIT"), ("told", "")]),
    ]


def test_a_wait_names_what_it_is_for_and_who_ends_it():
    waits = {moment.step.number: moment.wait for moment in lock_story().moments}
    assert waits.pop(4) == Wait(for_a_lock=True, until="tab 1", until_step=6)
    assert set(waits.values()) == {None}


def test_a_wait_says_for_which_lock_and_who_holds_it_where_the_witness_knows():
    row = "row of orders (id = order 1)"
    bare = lock_story()
    steps = [
        msgspec.structs.replace(
            step,
            locks=(Lock(actor="tab 2" if step.number > 6 else "tab 1", what=row),)
            if 1 < step.number < 8
            else (),
            waits=(Waiting(actor="tab 2", on=("tab 1",), what=row),) if 3 < step.number < 6 else (),
        )
        for step in bare.witness.steps
    ]
    told = narrate(msgspec.structs.replace(bare.witness, steps=tuple(steps)), bare.history)
    wait = told.moments[3].wait
    assert wait == Wait(for_a_lock=True, what=row, on=("tab 1",), until="tab 1", until_step=6)
    assert waits(wait) == f"waits for {row}, held by tab 1"
    locks = [[(lock.actor, lock.what) for lock in moment.gained] for moment in told.moments]
    assert locks == [[], [("tab 1", row)], [], [], [], [], [("tab 2", row)], []]
    locks = [[(lock.actor, lock.what) for lock in moment.released] for moment in told.moments]
    assert locks == [[], [], [], [], [], [], [("tab 1", row)], [("tab 2", row)]]


def test_what_a_statement_does_to_rows_is_part_of_it():
    (update,) = lock_story().moments[1].exchanges
    assert [(access.did, access.row) for access in update.rows] == [
        (Did.UPDATE, Row("orders", "1"))
    ]
    assert update.rows[0].values == {"status": "paid"}


def test_a_wait_without_a_held_answer_is_inside_the_service():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "SELECT 2")
    story = narrate(
        witness(("tab 1", "start", "waits"), ("tab 1", "postgres SELECT 2")), it.history
    )
    assert story.moments[0].wait == Wait(for_a_lock=False, until=None)


def test_a_call_under_way_is_sent_where_it_begins_and_answered_where_it_is_carried_out():
    it = Recorded()
    it.asks(0, "tab 1")
    it.asks(1, "tab 2")
    it.stripe("tab 2", status=409)
    it.stripe("tab 1")
    call = "stripe payment_intent.create"
    steps = [("tab 1", "start"), ("tab 1", BEGINS), ("tab 2", "start"), ("tab 2", call)]
    story = narrate(witness(*steps, ("tab 1", call)), it.history)
    kinds = [[kind for kind, _ in words] for _, words in outline(story)]
    assert kinds == [["asked"], ["sent"], ["asked"], ["sent", "answered"], ["answered"]]


def test_an_answer_at_which_the_process_dies_lets_nothing_through_a_tap():
    it = Recorded()
    it.asks(0, "tab 1")
    it.stripe("tab 1")
    it.told(0, Outcome.UNKNOWN)
    crash = Crash(process="shop")
    call, answer = (
        f"{label} · crash after it" for label in ("stripe payment_intent.create", ANSWER)
    )
    made = witness(("tab 1", "start"), ("tab 1", call), ("tab 1", answer))
    steps = (
        *made.steps[:1],
        *(msgspec.structs.replace(step, fault=crash) for step in made.steps[1:]),
    )
    sent = msgspec.structs.replace(steps[1], event=2)
    story = narrate(msgspec.structs.replace(made, steps=(steps[0], sent, steps[2])), it.history)
    kinds = [[kind for kind, _ in words] for _, words in outline(story)]
    assert kinds[:2] == [["asked"], ["sent"]]
    assert "answered" in kinds[2]


def test_a_unit_that_is_a_step_only_sometimes_is_told_apart_by_its_place():
    it = Recorded()
    it.asks(0, "tab 1")
    for label in ("BEGIN", "SELECT 2", "COMMIT", "BEGIN", "UPDATE x", "COMMIT"):
        it.sql("tab 1", label)
    steps = ("start", "postgres SELECT 2", "postgres UPDATE x", "postgres COMMIT")
    story = narrate(witness(*(("tab 1", label) for label in steps)), it.history)
    sent = [[word for kind, word in words if kind == "sent"] for _, words in outline(story)]
    assert sent == [["BEGIN"], ["SELECT", "COMMIT", "BEGIN"], ["UPDATE"], ["COMMIT"]]


def test_generated_values_in_a_label_stand_for_any():
    it = Recorded()
    it.asks(0, "tab 1")
    it.lost("tab 1", "stripe", "GET /v1/x/pi_3PqX8aLkdIwHu7ix0h4C")
    story = narrate(witness(("tab 1", "start"), ("tab 1", "stripe GET /v1/x/tab 1#3")), it.history)
    assert [kind for kind, _ in outline(story)[1][1]] == ["sent", "answered"]


def test_a_webhook_delivered_again_begins_with_the_step_that_says_so():
    it = Recorded()
    it.asks(0, "stripe", Action.WEBHOOK)
    it.sql("stripe", "SELECT 2")
    it.told(0, Outcome.REJECTED, status=409)
    it.asks(1, "stripe", Action.WEBHOOK)
    it.sql("stripe", "SELECT 2")
    it.told(1)
    labels = ("start", "postgres SELECT 2", str(At.AGAIN.value), "postgres SELECT 2")
    found = witness(*(("stripe", label) for label in labels), attempts=("stripe",))
    assert [[kind for kind, _ in words] for _, words in outline(narrate(found, it.history))] == [
        ["asked"],
        ["sent", "answered", "told"],
        ["asked"],
        ["sent", "answered", "told"],
    ]


def test_answers_in_another_order_than_the_requests_are_found():
    it = Recorded()
    it.asks(0, "tab 1")
    it.sql("tab 1", "SELECT b", session=2)
    it.sql("tab 1", "SELECT a", session=1)
    labels = ("start", "postgres SELECT a", "postgres SELECT b")
    story = narrate(witness(*(("tab 1", label) for label in labels)), it.history)
    units = [[word for _, word in words if word] for _, words in outline(story)[1:]]
    assert [len(found) for found in units] == [2, 2]


def test_a_step_that_says_which_event_its_unit_is_is_not_looked_for_by_its_label():
    it = Recorded()
    it.asks(0, "tab 1")
    for label in ("SELECT 2", "BEGIN", "SELECT 2"):
        it.sql("tab 1", label)
    bare = witness(("tab 1", "start"), ("tab 1", "postgres SELECT 2"))
    last = len(it.history.events) - 2  # before the end

    def units(place: int | None):
        steps = (bare.steps[0], msgspec.structs.replace(bare.steps[1], event=place))
        told = narrate(msgspec.structs.replace(bare, steps=steps), it.history)
        return [exchange.event for exchange in told.moments[1].exchanges]

    assert [unit.label for unit in units(None)] == ["SELECT 2", "BEGIN", "SELECT 2"]
    assert units(last) == [it.history.events[last]]
    for other in (0, 99):
        with pytest.raises(UsageError, match="the history does not belong to the witness"):
            units(other)


def test_events_of_nobody_are_left_out():
    it = Recorded()
    it.sql(None, "SELECT 2")
    it.asks(0, "tab 1")
    it.asks(1, "afterwards")
    it.told(1)
    story = narrate(witness(("tab 1", "start")), it.history)
    assert outline(story) == [("tab 1", [("asked", "")])]


def test_a_history_of_another_execution_is_refused():
    it = Recorded()
    it.asks(0, "tab 1")
    found = witness(("tab 1", "start"), ("tab 1", "postgres SELECT 2"))
    with pytest.raises(UsageError, match="step 2, tab 1 'postgres SELECT 2', is not in it"):
        narrate(found, it.history)


def test_a_witness_without_its_history_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"w\.json names no history"):
        history_of(witness(), tmp_path / "w.json")


def test_the_taps_are_listed_in_a_fixed_order():
    it = Recorded()
    it.asks(0, "tab 1")
    it.redis("tab 1")
    it.stripe("tab 1")
    it.sql("tab 1", "SELECT 2")
    labels = ("start", "redis SET lock ?", "stripe payment_intent.create", "postgres SELECT 2")
    story = narrate(witness(*(("tab 1", label) for label in labels)), it.history)
    assert story.taps == ("postgres", "stripe", "redis")
