"""When a search is made again with leases over, and what a script with that time is."""

from __future__ import annotations

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.leases import Lease
from paidonce.harness.explore.lapsing import seconds_to_end
from paidonce.harness.service.passing import EVERY_LEASE_OVER
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.scenarios.catalog import scenario

KEY, LONGER, UNTOLD = Lease("a key", 30.0), Lease("another", 90.0), Lease("a script's")
ROW, OWN = Lease("a row", row=("jobs", "until")), Lease("its own clock", endless=True)


@pytest.mark.parametrize(
    ("leases", "seconds"),
    [
        ((), 0),
        ((KEY,), 30),
        ((KEY, LONGER), 90),
        ((KEY, UNTOLD), 300),
        ((KEY, ROW), 0),
        ((OWN,), 0),
    ],
)
def test_time_passes_until_the_longest_is_over_and_only_if_all_end_so(leases, seconds):
    assert seconds_to_end(leases) == seconds


FILE = """
name = "shop"
[[process]]
name = "web"
command = "serve {port}"
ready = "/health"
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "POST /pay"
[success]
status = 200
[observe.charges]
stripe = "charges"
[[invariants]]
name = "one charge"
check = "charges <= 1"
"""


def script(tmp_path, more=""):
    path = tmp_path / "target.toml"
    path.write_text(FILE + more)
    return script_of(load_target(path))


def names(played):
    return [attempt.name for attempt in played.attempts]


def test_a_target_has_the_time_until_it_is_taken_away(tmp_path):
    plain = script(tmp_path)
    lapsed = plain.lapsing(30)
    assert names(lapsed) == ["tab 1", "tab 2", EVERY_LEASE_OVER]
    assert lapsed.attempts[-1].passing.seconds == 30
    assert lapsed.lapsing(30) is lapsed
    assert names(lapsed.lapsing(60)) == names(lapsed)
    assert names(lapsed.lapsing(0)) == names(plain)
    assert names(lapsed.told_by(["tab 2", EVERY_LEASE_OVER])) == ["tab 2", EVERY_LEASE_OVER]
    assert names(lapsed.keeping(["tab 1"]).whole) == names(lapsed)


def test_it_has_a_name_of_its_own(tmp_path):
    clash = script(tmp_path, f'\n[[time]]\nname = "{EVERY_LEASE_OVER}"\nseconds = 5\n')
    with pytest.raises(UsageError, match=f"target.toml: '{EVERY_LEASE_OVER}' is the name"):
        clash.lapsing(30)


def test_a_scenario_has_it_too():
    story = scenario("two_tabs").in_search
    lapsed = story.lapsing(30)
    assert names(lapsed) == [*names(story), EVERY_LEASE_OVER]
    assert names(lapsed.told_by([EVERY_LEASE_OVER, *names(story)])) == names(lapsed)
    assert lapsed.lapsing(0) == story
