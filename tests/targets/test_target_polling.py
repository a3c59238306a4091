"""Services that try for a lock until it is free, or until they give up."""

from __future__ import annotations

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending

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
    assert bool(grounds.tried_at_once) is (variant == "gives_up")


def test_who_gives_up_waiting_and_goes_on_is_found_out():
    found = explored(TARGET, "goes_on")
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    assert "invariants" in [one.checker for one in found.witness.broken]
