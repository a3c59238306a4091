"""What goes wrong in a counterexample, as every writer tells it."""

from __future__ import annotations

import msgspec
import pytest
from narratives import Recorded, witness

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.failures import Place, PlannedFailure
from paidonce.harness.explore.search.world import LOST
from paidonce.harness.explore.witness.export.brief import steps_in_brief
from paidonce.harness.explore.witness.export.isolation_spec import isolation_spec
from paidonce.harness.explore.witness.export.sequence import mermaid, text
from paidonce.harness.explore.witness.export.snapshot import Snapshot
from paidonce.harness.explore.witness.file import read_witness, write_witness
from paidonce.harness.explore.witness.narrative import narrate
from paidonce.harness.history import Action, Completed, History, Invoked, Outcome, Recovering
from paidonce.harness.taps.faults import Crash, LostAnswer, NoContact
from paidonce.reports.film import film

CALL = "stripe payment_intent.create"


def struck(fault, *, done=False):
    """tab 1 calls Stripe, and ``fault`` strikes; after a crash tab 2 is told of nothing either."""
    it = Recorded()
    it.events[0] = msgspec.structs.replace(it.events[0], checkers=("one-success",))
    it.order()
    it.asks(0, "tab 1")
    it.asks(1, "tab 2")
    if done:
        it.stripe("tab 1")
        it.events[-1] = msgspec.structs.replace(it.events[-1], delivered=False)
    else:
        it.lost("tab 1", "stripe", "payment_intent.create")
    it.told(0, Outcome.UNKNOWN, error="no answer")
    it.told(1, Outcome.UNKNOWN, error="no answer")
    place = Place.ANSWER if done else Place.REQUEST
    failure = PlannedFailure(attempt="tab 1", step=1, fault=fault, place=place)
    lost = [("tab 2", LOST)] if isinstance(fault, Crash) else []
    label = f"{CALL} · {failure.possible.label}"
    made = witness(("tab 1", "start"), ("tab 2", "start"), ("tab 1", label), *lost)
    steps = list(made.steps)
    place_of = next(n for n, e in enumerate(it.events) if type(e).__name__ == "Effect")
    steps[2] = msgspec.structs.replace(steps[2], fault=fault, done=done, event=place_of)
    told = msgspec.structs.replace(made, steps=tuple(steps), failures=(failure,))
    return narrate(told, it.history)


def test_a_lost_answer_is_an_arrow_that_does_not_arrive():
    story = struck(LostAnswer(), done=True)
    drawn = mermaid(story)
    assert "L1->>L3: 3. " in drawn
    assert "L3--xL1: " in drawn
    assert "Note over L1: that is done, and its answer never arrives" in drawn
    assert any("-x" in line or "x-" in line for line in text(story).splitlines())


def test_what_never_got_there_is_one_as_well_and_is_not_answered():
    drawn = mermaid(struck(NoContact()))
    assert "L1-xL3: 3. " in drawn
    assert "L3--" not in drawn


@pytest.mark.parametrize("done", [False, True])
def test_a_crash_cuts_the_lanes_of_all_in_the_process(done):
    story = struck(Crash("web"), done=done)
    told = film(story.witness, story.history)
    cut = [[rail.kind == "cut" for rail in card.rails] for card in told.cards]
    assert [lanes for lanes in cut if any(lanes)] == [[True, False], [False, True]]
    assert told.cut
    when = "once that is done" if done else "before that gets there"
    lines = steps_in_brief(story.witness, story.history)
    assert any(f"the process is killed {when}, and started again" in line for line in lines)
    assert any("its process is gone: it gets no answer" in line for line in lines)


def test_who_asks_again_in_recovery_does_so_after_all_steps():
    story = struck(Crash("web"))
    *events, ended = story.history.events
    t = ended.t
    more = [
        Recovering(t=t, round=1),
        Invoked(t=t, op=2, attempt="tab 1", action=Action.PAY, order="o-1"),
        Completed(t=t, op=2, outcome=Outcome.OK, status=200),
    ]
    told = narrate(story.witness, History([*events, *more, ended]))
    assert [len(moment.acts) for moment in told.moments] == [
        len(moment.acts) for moment in story.moments
    ]
    assert "in recovery tab 1 asks again: pay" in mermaid(told)
    assert "in recovery" not in mermaid(story)


def test_a_spec_for_isolationtester_cannot_have_it():
    with pytest.raises(UsageError, match="tab 1, step 1: answer lost"):
        isolation_spec(struck(LostAnswer(), done=True), Snapshot(setup="", teardown=""))


def test_a_witness_file_has_its_failures(tmp_path):
    made = struck(Crash("web"), done=True).witness
    path = tmp_path / "a.witness.json"
    write_witness(made, path)
    assert read_witness(path) == made
