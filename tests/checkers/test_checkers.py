"""Every checker: a history it must fail, one it must pass, one it cannot judge."""

from __future__ import annotations

import pytest
from checker_stories import BAD, BOUND, double, good, status, verdict

from paidonce.harness.capability import CAPABILITY_MEANING, Capability
from paidonce.harness.checkers import CHECKERS
from paidonce.harness.verdict import Status

# They judge by rules that only a target file's histories carry: see test_declared_rules.py.
DECLARED = ("invariants", "successes", "rejections")


def test_every_checker_is_named_and_has_a_bad_history() -> None:
    assert {*BAD, *DECLARED} == set(CHECKERS)
    assert all(name == checker.name and checker.title for name, checker in CHECKERS.items())


@pytest.mark.parametrize("name", BAD)
def test_fails_a_history_that_deserves_it(name: str) -> None:
    found = verdict(name, BAD[name], settings=BOUND)
    assert found.status is Status.INVALID
    assert found.evidence
    assert found.details["count"] >= 1
    assert found.violations[0].evidence == found.evidence


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
