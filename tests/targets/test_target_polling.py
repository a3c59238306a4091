"""Services that try for a lock until it is free, or until they give up."""

from __future__ import annotations

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending
from paidonce.harness.explore.validate.spending import Validation

TARGET = HERE / "polling" / "target.toml"


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["gives_up", "waits", "advisory", "claim"])
def test_a_sound_lock_that_is_polled_is_searched_to_the_end(variant):
    found = explored(TARGET, variant)
    assert found.result.ending is Ending.COMPLETE, found.result.reason
    said = "\n".join(found.notes)
    assert ("is tried over and over while another has it" in said) is (variant != "gives_up")
    grounds = found.result.grounds
    assert grounds is not None
    assert bool(grounds.polled) is (variant != "gives_up")
    assert not grounds.tried_at_once, "each try was a step of its own in the end"


def test_who_gives_up_waiting_and_goes_on_is_found_out():
    found = explored(TARGET, "goes_on")
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    assert "invariants" in [one.checker for one in found.witness.broken]


@pytest.mark.slow
def test_at_which_try_a_lock_is_granted_is_tried_in_the_end():
    found = explored(TARGET, "trusts")
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    assert found.witness.each_try == ("redis SET NX lock",)


@pytest.mark.slow
def test_where_there_is_no_time_for_each_try_the_verdict_says_so():
    found = explored(TARGET, "gives_up", validation=Validation(least=0.0, tries=0.0))
    assert found.result.ending is Ending.COMPLETE, found.result.reason
    assert found.result.grounds is not None
    assert found.result.grounds.tried_at_once == ("redis SET NX lock",)
