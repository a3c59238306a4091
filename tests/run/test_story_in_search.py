"""A story as a search tells it: time passes in it, and the clock decides nothing."""

from __future__ import annotations

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.scenario.model import TOGETHER
from paidonce.scenarios.catalog import SCENARIOS, scenario


@pytest.mark.parametrize("story", SCENARIOS, ids=lambda story: story.name)
def test_no_clock_decides_in_a_search(story):
    told = story.in_search
    assert {attempt.start for attempt in told.attempts} == {TOGETHER}
    assert not any(step.timeout_s for attempt in told.attempts for step in attempt.steps)
    assert (told.name, told.checkers) == (story.name, story.checkers)
    assert told.in_search == told


def test_a_lease_runs_out_as_time_passes():
    told = scenario("slow_stripe_lease").in_search
    assert [attempt.name for attempt in told.attempts] == ["tab 1", "tab 2", "lease over"]
    assert told.attempts[0].likeness != told.attempts[2].likeness
    (over,) = [attempt.passing for attempt in told.attempts if attempt.passing is not None]
    assert over.seconds * 1000 >= 600_000  # redis_lease_ms under control
    assert all(attempt.passing is None for attempt in scenario("slow_stripe_lease").attempts)


def test_a_witness_tells_who_of_them_took_part():
    story = scenario("slow_stripe_lease")
    assert len(story.told_by(["tab 2", "lease over"]).attempts) == 2
    assert len(story.in_search.with_attempts(3).attempts) == 4
    with pytest.raises(UsageError, match="no attempt 'nobody'"):
        story.told_by(["tab 1", "nobody"])
