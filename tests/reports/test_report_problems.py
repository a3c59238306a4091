"""Standings, problems, headline and exit status: what a proof amounts to."""

from __future__ import annotations

import msgspec
import pytest
from reports_sample import bad_day, load, sample
from sample_cells import cell, not_judged, verdict, with_cells
from sample_history import double_payment

from paidonce import reports
from paidonce.harness.checkers import judge
from paidonce.harness.history import ChargeObserved, Header, History, IntentObserved
from paidonce.harness.results.problem import Weight
from paidonce.harness.results.proof import Cell, Proof, Run
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.results.standing import Standing, standing, tally
from paidonce.harness.verdict import Broken, Status
from paidonce.reports.overview.headline import Tone, headline

VALID, INVALID, UNKNOWN = Status.VALID, Status.INVALID, Status.UNKNOWN


@pytest.mark.parametrize(
    ("expected", "statuses", "kind", "count"),
    [
        (VALID, (VALID, VALID, VALID), Standing.HELD, "3/3"),
        (VALID, (VALID, INVALID, VALID), Standing.BROKEN, "1/3"),
        (VALID, (UNKNOWN, INVALID), Standing.BROKEN, "1/2"),
        (VALID, (VALID, UNKNOWN), Standing.UNKNOWN, "1/2"),
        (INVALID, (VALID, INVALID, VALID), Standing.CAUGHT, "1/3"),
        (INVALID, (VALID, VALID), Standing.MISSED, "0/2"),
        (INVALID, (VALID, UNKNOWN), Standing.UNKNOWN, "1/2"),
    ],
)
def test_standing_follows_from_declaration_and_runs(
    expected: Status, statuses: tuple[Status, ...], kind: Standing, count: str
) -> None:
    found = cell("g", "s", expected, *statuses)
    assert standing(found) is kind
    assert tally(found, kind) == count
    assert found.as_declared is (kind in (Standing.HELD, Standing.CAUGHT))


def test_error_hides_all_but_a_broken_sound_guard() -> None:
    for status, expected, kind in (
        (VALID, VALID, Standing.ERROR),
        (INVALID, INVALID, Standing.ERROR),
        (INVALID, VALID, Standing.BROKEN),
    ):
        found = msgspec.structs.replace(cell("g", "s", expected, status), error="cut off")
        assert standing(found) is kind
        assert not found.as_declared


def test_absent_skipped_and_empty_cells() -> None:
    skipped = Cell(variant="g", scenario="s", expected=VALID, skipped="no lease")
    assert standing(None) is Standing.NOT_RUN
    assert standing(skipped) is Standing.SKIPPED
    assert standing(Cell(variant="g", scenario="s", expected=VALID)) is Standing.NOT_RUN
    assert tally(skipped, Standing.SKIPPED) == tally(None, Standing.NOT_RUN) == ""


def test_lacking_names_capabilities_only_when_nothing_else_was_in_the_way() -> None:
    lacking = not_judged("row_lock", "two_tabs")
    assert lacking.lacking == ("stripe.ledger",)
    assert lacking.as_declared
    assert standing(lacking) is Standing.NOT_JUDGED
    crashed = msgspec.structs.replace(lacking.runs[0], verdicts=(verdict("one-intent", UNKNOWN),))
    both = msgspec.structs.replace(lacking, runs=(*lacking.runs, crashed))
    assert both.lacking == ()
    assert standing(both) is Standing.UNKNOWN
    assert not both.as_declared


def test_lacking_is_read_from_what_the_checkers_really_say() -> None:
    events = [e for e in double_payment() if not isinstance(e, IntentObserved | ChargeObserved)]
    header = events[0]
    assert isinstance(header, Header)
    events[0] = msgspec.structs.replace(header, capabilities=("stripe.calls",))
    verdicts = judge(History(events), ("ledger-agrees",))
    ran = Run(history="h.jsonl", status=verdicts[0].status, verdicts=verdicts, seconds=0.1)
    found = Cell(variant="none", scenario="two_tabs", expected=INVALID, runs=(ran,))
    assert "stripe.ledger" in found.lacking
    assert standing(found) is Standing.NOT_JUDGED


def test_cells_not_judged_for_the_same_want_share_a_note() -> None:
    proof = with_cells(sample(), not_judged("claim", "two_tabs"), not_judged("none", "two_tabs"))
    found = reports.assess(proof).problems
    assert [problem.standing for problem in found] == [Standing.NOT_JUDGED]
    assert found[0].text.startswith("2 cells not judged")


def test_unknown_run_without_a_verdict_lacks_no_capability() -> None:
    empty = Run(history="h.jsonl", status=UNKNOWN, verdicts=(), seconds=0.1)
    found = Cell(variant="g", scenario="s", expected=VALID, runs=(empty,))
    assert found.lacking == ()
    assert standing(found) is Standing.UNKNOWN


def test_all_as_declared() -> None:
    proof = sample()
    assert reports.assess(proof).problems == ()
    assert reports.assess(proof).exit_status == 0
    told = headline(reports.assess(proof))
    assert told.tone is Tone.PROVEN
    assert told.sentence == (
        "8 guards held in all 13 scenarios that apply to them, 3 vulnerable guards were caught."
    )
    assert told.remarks == ("2 cells did not apply or were left out.",)


def test_everything_wrong_is_reported_contradictions_first() -> None:
    proof = bad_day()
    found = reports.assess(proof).problems
    assert [problem.standing for problem in found] == [
        Standing.BROKEN,
        Standing.MISSED,
        Standing.ERROR,
        Standing.UNKNOWN,
        None,
        Standing.NOT_JUDGED,
    ]
    broken = found[0]
    assert (broken.variant, broken.scenario) == ("serializable", "two_tabs")
    assert "1 of 3 runs" in broken.text
    assert "two succeeded charges" in broken.text
    assert broken.history == "histories/serializable/two_tabs-2.jsonl"
    assert "interrupted" in found[4].text
    assert "2 cells" in found[4].text
    assert "Stripe's objects can be listed" in found[5].text
    assert reports.assess(proof).exit_status == 1
    told = headline(reports.assess(proof))
    assert told.tone is Tone.CONTRADICTED
    assert told.sentence.startswith("1 guard declared sound broke (serializable in two_tabs)")
    assert any(remark.startswith("Interrupted: ") for remark in told.remarks)


def test_a_guard_with_an_undecided_cell_is_not_said_to_have_held_everywhere() -> None:
    proof = with_cells(sample(), cell("claim", "two_tabs", VALID, UNKNOWN))
    told = headline(reports.assess(proof))
    assert told.tone is Tone.UNDECIDED
    assert told.sentence.startswith("7 guards held in all 13 scenarios")
    assert "1 more held only where it was judged" in told.sentence


def test_unknown_alone_is_exit_status_three() -> None:
    assert (
        reports.assess(with_cells(sample(), cell("claim", "two_tabs", VALID, UNKNOWN))).exit_status
        == 3
    )


def test_interruption_is_three_unless_something_was_contradicted() -> None:
    cut = msgspec.structs.replace(sample(), interrupted=True)
    assert reports.assess(cut).exit_status == 3
    broken = with_cells(cut, cell("claim", "two_tabs", VALID, INVALID))
    assert reports.assess(broken).exit_status == 1


def test_lacking_capability_does_not_fail_the_proof_unless_nothing_was_judged() -> None:
    some = with_cells(sample(), not_judged("claim", "two_tabs"))
    assert reports.assess(some).exit_status == 0
    assert [problem.weight for problem in reports.assess(some).problems] == [Weight.NOTE]
    whole = sample(with_loads=False)
    none = with_cells(whole, *(not_judged(c.variant, c.scenario) for c in whole.cells))
    assert reports.assess(none).exit_status == 3
    assert any("nothing at all" in problem.text for problem in reports.assess(none).problems)


def test_nothing_run() -> None:
    empty = msgspec.structs.replace(sample(with_loads=False), cells=())
    assert reports.assess(empty).exit_status == 3
    assert headline(reports.assess(empty)).sentence == "Nothing was run."


def test_all_skipped_is_not_a_proof() -> None:
    whole = sample(with_loads=False)
    skipped = [
        Cell(variant=c.variant, scenario=c.scenario, expected=c.expected, skipped="left out")
        for c in whole.cells
    ]
    assert reports.assess(with_cells(whole, *skipped)).exit_status == 3


def test_vulnerable_guard_never_caught() -> None:
    whole = sample()
    missed = [
        cell(c.variant, c.scenario, c.expected, VALID)
        for c in whole.cells
        if c.variant == "optimistic_late"
    ]
    proof = with_cells(whole, *missed)
    named = [
        problem
        for problem in reports.assess(proof).problems
        if problem.variant == "optimistic_late"
    ]
    assert sum(problem.standing is Standing.MISSED for problem in named) == 4
    never = [problem for problem in named if problem.scenario == ""]
    assert [problem.weight for problem in never] == [Weight.CONTRADICTED]
    assert reports.assess(proof).exit_status == 1


def test_vulnerable_guard_in_a_scenario_that_is_not_to_catch_it_is_a_note() -> None:
    whole = sample(with_loads=False)
    kept = tuple(c for c in whole.cells if c.scenario == "declined_then_paid")
    proof = msgspec.structs.replace(whole, cells=kept)
    assert {problem.weight for problem in reports.assess(proof).problems} == {Weight.NOTE}
    assert reports.assess(proof).exit_status == 0


def _only_load(variant: str, status: Status, **details: object) -> Proof:
    checked = verdict("one-charge", status, **details)
    ran = msgspec.structs.replace(load(variant, 0), status=status, verdicts=(checked,))
    return msgspec.structs.replace(sample(), cells=(), loads=(ran,))


def test_loads_count_for_sound_guards() -> None:
    assert reports.assess(_only_load("claim", VALID)).exit_status == 0
    assert reports.assess(_only_load("none", INVALID)).exit_status == 0
    assert reports.assess(_only_load("claim", INVALID)).exit_status == 1
    assert reports.assess(_only_load("claim", UNKNOWN)).exit_status == 3
    assert (
        "broke under load (claim)"
        in headline(reports.assess(_only_load("claim", INVALID))).sentence
    )
    assert headline(reports.assess(_only_load("claim", VALID))).sentence.startswith(
        "1 guard measured under load"
    )


def searched(cell: Cell, how: How, **more: object) -> Cell:
    """``cell`` after a search."""
    return msgspec.structs.replace(cell, search=Searched(how=how, **more))


def test_a_counterexample_of_the_search_breaks_a_sound_cell_that_was_played_well() -> None:
    held = cell("claim", "two_tabs", VALID, VALID, VALID)
    said = (Broken(checker="one-charge", reason="twice"),)
    broken = searched(held, How.COUNTEREXAMPLE, witness="w.json", broken=said)
    assert standing(broken) is Standing.BROKEN
    assert tally(broken, standing(broken)) == "0/2, found"
    found = [
        p for p in reports.assess(with_cells(sample(), broken)).problems if p.scenario == "two_tabs"
    ]
    assert [p.weight for p in found] == [Weight.CONTRADICTED]
    assert "paidonce replay w.json" in found[0].text
    assert reports.assess(with_cells(sample(), broken)).exit_status == 1


def test_a_complete_search_proves_a_cell_and_denies_a_vulnerable_one() -> None:
    held = searched(cell("claim", "two_tabs", VALID, VALID), How.COMPLETE, explored=40, pruned=2)
    assert standing(held) is Standing.PROVED
    assert tally(held, standing(held)) == "all 42"
    assert reports.assess(with_cells(sample(), held)).exit_status == 0
    caught = searched(cell("none", "two_tabs", INVALID, INVALID), How.COMPLETE, explored=40)
    assert standing(caught) is Standing.MISSED
    assert not caught.as_declared
    assert reports.assess(with_cells(sample(), caught)).exit_status == 1


@pytest.mark.parametrize("how", [How.INCOMPLETE, How.NOT_SEARCHED])
def test_what_is_not_searched_to_the_end_only_held(how: How) -> None:
    held = searched(cell("claim", "two_tabs", VALID, VALID), how, reason="no time")
    assert standing(held) is Standing.HELD
    assert tally(held, standing(held)) == "1/1"
    assert reports.assess(with_cells(sample(), held)).exit_status == 0
    noted = [p for p in reports.assess(with_cells(sample(), held)).problems if "no time" in p.text]
    assert [p.weight for p in noted] == ([Weight.NOTE] if how is How.INCOMPLETE else [])
