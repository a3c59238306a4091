"""The rule of the gate: red needs a witness, green a complete search; load decides neither."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from gate_proofs import INVARIANTS, bursts, cell, complete, found, incomplete, proof

from paidonce import reports
from paidonce.harness.results import Level, accepting, findings
from paidonce.harness.results.standing import Standing, standing
from paidonce.harness.verdict import Status
from paidonce.reports.formats.junit import junit

VALID, INVALID, UNKNOWN = Status.VALID, Status.INVALID, Status.UNKNOWN
ACCEPTED = {
    f"racy/{name}": "accepted until 2027-01-01: soon" for name in (*INVARIANTS, "successes")
}

CASES = [
    # what is claimed, the search, the bursts; what that is, the exit code, the findings' levels
    (VALID, found(), bursts(INVALID), Standing.BROKEN, 1, {Level.ERROR}),
    (VALID, found(), bursts(VALID), Standing.BROKEN, 1, {Level.ERROR}),
    (VALID, complete(), bursts(VALID, VALID), Standing.PROVED, 0, set()),
    (VALID, incomplete(), bursts(VALID, INVALID), Standing.BROKEN, 1, {Level.ERROR}),
    (VALID, complete(), bursts(VALID, INVALID), Standing.BROKEN, 1, {Level.ERROR}),
    (VALID, incomplete(), bursts(VALID), Standing.HELD, 0, {Level.WARNING}),
    (INVALID, found(), bursts(INVALID), Standing.CAUGHT, 0, set()),
    (INVALID, incomplete(), bursts(VALID, INVALID), Standing.CAUGHT, 0, set()),
    (INVALID, incomplete(), bursts(VALID, VALID), Standing.UNKNOWN, 3, {Level.WARNING}),
    (INVALID, complete(), bursts(VALID, VALID), Standing.MISSED, 1, {Level.ERROR}),
    (INVALID, complete(), bursts(INVALID), Standing.MISSED, 1, {Level.ERROR}),
]


@pytest.mark.parametrize(("expected", "search", "runs", "what", "code", "levels"), CASES)
def test_what_a_check_comes_to(expected, search, runs, what, code, levels):
    one = cell(search, runs, expected=expected)
    whole = proof(one)
    assert standing(one) is what
    assert reports.assess(whole).exit_status == code
    assert {f.level for f in findings(whole, {})} == levels


def test_what_broke_in_a_burst_is_never_green():
    for search in (found(), complete(), incomplete()):
        for runs in ((INVALID,), (VALID, INVALID), (VALID, UNKNOWN, INVALID)):
            assert reports.assess(proof(cell(search, bursts(*runs)))).exit_status == 1


def test_what_only_bursts_showed_says_so_everywhere():
    whole = proof(cell(complete(), bursts(VALID, INVALID, VALID)))
    (only,) = findings(whole, {})
    assert only.id == "racy/one charge at most"
    assert "seen in 1 of 3 bursts, and no witness was found that shows it again" in only.reason
    (problem,) = (p for p in reports.assess(whole).problems if p.standing is not None)
    assert problem.text.startswith("declared sound, but broke in 1 of 3 bursts, and no witness")
    assert problem.history == "histories/burst-2.jsonl"
    root = ET.fromstring(junit(reports.assess(whole)))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("1", "0", "0")


def test_findings_are_named_by_what_broke():
    broken = findings(proof(cell(found(), bursts(INVALID))), {})
    assert [one.id for one in broken] == [
        "racy/one charge at most",
        "racy/taken: what Stripe took",
        "racy/successes",
    ]
    assert broken[0].reason == "one charge at most: charges <= 1, but charges = 2"
    assert broken[1].reason.startswith("taken: what Stripe took for tab 1: taken == shown")
    assert {one.witness for one in broken} == {"witnesses/racy-shop.witness.json"}


def test_what_is_accepted_is_listed_and_not_red():
    whole = proof(cell(found(), bursts(INVALID)))
    listed = findings(whole, ACCEPTED)
    assert {one.level for one in listed} == {Level.ACCEPTED}
    accepted = accepting(whole, listed)
    assert standing(accepted.cells[0]) is Standing.ACCEPTED
    assert reports.assess(accepted).exit_status == 0
    (note,) = reports.assess(accepted).problems
    assert "accepted until 2027-01-01: soon" in note.text
    root = ET.fromstring(junit(reports.assess(accepted)))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("0", "0", "1")


def test_one_finding_that_is_not_accepted_keeps_it_red():
    whole = proof(cell(found(), bursts(INVALID)))
    some = {name: why for name, why in ACCEPTED.items() if name != "racy/successes"}
    listed = findings(whole, some)
    assert [one.level for one in listed] == [Level.ACCEPTED, Level.ACCEPTED, Level.ERROR]
    assert reports.assess(accepting(whole, listed)).exit_status == 1


def test_whatever_breaks_in_a_variant_can_be_accepted():
    whole = proof(cell(found(), bursts(INVALID)))
    listed = findings(whole, {"racy/*": "accepted until 2027-01-01: soon"})
    assert reports.assess(accepting(whole, listed)).exit_status == 0
    listed = findings(whole, {"locked/*": "accepted until 2027-01-01: soon"})
    assert reports.assess(accepting(whole, listed)).exit_status == 1


def test_a_baseline_does_not_accept_a_claim_that_is_false():
    whole = proof(cell(complete(), bursts(VALID), expected=INVALID))
    listed = findings(whole, {"racy/*": "accepted until 2027-01-01: soon"})
    assert [one.level for one in listed] == [Level.ERROR]


def test_an_error_is_a_warning_of_its_own():
    (only,) = findings(proof(cell(None, error="the service went away")), {})
    assert (only.id, only.level) == ("racy/undecided", Level.WARNING)
    assert only.reason == "could not be checked: the service went away"
