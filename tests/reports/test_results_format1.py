"""Files that an earlier build wrote are read, and come to the same report.

``tests/fixtures/format1`` was written by two commands: ``paidonce check`` of a small shop whose
racy variant was declared sound, and ``paidonce prove`` of two guards on localstripe.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from paidonce import reports
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.history import read_history
from paidonce.harness.results.proof import RESULTS_FORMAT
from paidonce.harness.verdict import Status
from paidonce.reports.film import film_of

FORMAT1 = Path(__file__).parents[1] / "fixtures" / "format1"
CHECK, MATRIX = FORMAT1 / "check", FORMAT1 / "matrix"
WITNESSES = (
    CHECK / "witnesses" / "racy-small-shop.witness.json",
    MATRIX / "witnesses" / "none-two_tabs.witness.json",
)


def test_a_check_comes_to_the_findings_it_had() -> None:
    proof = reports.load(CHECK)
    assert reports.assess(proof).exit_status == 1
    assert [reports.assess(proof).of(cell).value for cell in proof.cells] == ["broken", "proved"]
    found = reports.assess(proof).findings
    assert {one.witness for one in found} == {"witnesses/racy-small-shop.witness.json"}
    assert [(one.id, one.reason) for one in found] == [
        (
            "racy/one charge at most",
            "one charge at most: not charges <= 1, with charges = 2",
        ),
        (
            "racy/shown: not more than the price",
            "shown: not more than the price: not shown <= 4990, with shown = 9980",
        ),
        (
            "racy/one payment: each sees one",
            "one payment: each sees one for tab 1: not mine <= 1, with mine = 2",
        ),
        ("racy/successes", "2 of 2 attempts succeeded, 1 may at most: tab 1, tab 2"),
    ]
    assert found[2].why == "for tab 1: not mine <= 1, with mine = 2"


def test_what_bursts_broke_is_data_too() -> None:
    run = reports.load(CHECK).cells[0].runs[0]
    assert run.status is Status.INVALID
    invariants, successes = run.broken
    assert [one.rule for one in invariants.titled] == [
        "one charge at most",
        "shown: not more than the price",
        "one payment: each sees one",
        "one payment: each sees one",
    ]
    assert invariants.reason == "; ".join(one.words for one in invariants.titled)
    (one,) = successes.violations
    assert (one.reason, one.title) == ("2 of 2 attempts succeeded, 1 may at most: tab 1, tab 2", "")


def test_without_its_witness_a_finding_has_the_checkers_name(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes((CHECK / "results.json").read_bytes())
    found = reports.assess(reports.load(tmp_path)).findings
    assert [one.id for one in found] == ["racy/invariants", "racy/successes"]
    assert found[0].reason.startswith("one charge at most: not charges <= 1, with charges = 2; ")


def test_a_matrix_comes_to_the_problems_it_had() -> None:
    proof = reports.load(MATRIX)
    assert reports.assess(proof).exit_status == 3
    assert [reports.assess(proof).of(cell).value for cell in proof.cells] == [
        "caught",
        "not-judged",
    ]
    assert proof.cells[1].lacking == ("stripe.ledger", "stripe.idempotency")
    assert [problem.text.partition("(")[0] for problem in reports.assess(proof).problems] == [
        "could not be decided under load ",
        "not judged, since the backend lacks: Stripe's objects can be listed and are true ",
        "not searched completely: 3 executions could not be judged: a checker could not decide",
    ]
    assert [one.checker for one in proof.cells[0].search.broken] == [
        "one-success",
        "one-intent",
        "linearizable",
    ]


@pytest.mark.parametrize("folder", [CHECK, MATRIX])
def test_every_report_can_be_made_again(folder: Path, tmp_path: Path) -> None:
    proof = reports.load(folder)
    written = reports.write_all(reports.assess(proof), tmp_path)
    again = reports.load(tmp_path)
    assert again.format == RESULTS_FORMAT
    assert again == proof
    assert msgspec.json.decode(written["json"].read_bytes())["format"] == RESULTS_FORMAT


@pytest.mark.parametrize("path", WITNESSES)
def test_witnesses_and_their_histories_are_read(path: Path) -> None:
    witness = read_witness(path)
    assert witness.status is Status.INVALID
    assert read_history(path.parent / witness.history).events
    assert film_of(path).cards


def test_histories_of_bursts_are_read() -> None:
    history = read_history(CHECK / "histories" / "racy" / "burst-1.jsonl")
    assert history.complete
