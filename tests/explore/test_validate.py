"""Whatever a reduced search relies on is tried, and found out where it is wrong."""

from __future__ import annotations

import math
import time

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search import Ending
from paidonce.harness.explore.search.types import Run
from paidonce.harness.explore.search.world import Taken
from paidonce.harness.explore.validate.claims import Claims
from paidonce.harness.explore.validate.spending import Validation, validation_of
from paidonce.harness.verdict import Status, Verdict
from tests.explore.lying_worlds import Do, Programs, tried


def things(*names: str) -> frozenset[Resource]:
    return frozenset(Resource(("toy",), (("name", name),)) for name in names)


def looks(*names: str) -> Footprint:
    return Footprint(looks=things(*names))


def writes(*names: str) -> Footprint:
    return Footprint(locks=things(*names), publishes=things(*names))


def read(name, *, tells=True, claims=None):
    def act(shared, own):
        own[name] = shared.get(name, 0)
        return f"{name}={own[name]}" if tells else None

    return Do(f"read {name}", act, looks(name) if claims is None else claims)


def write(name, value=1, *, claims=None):
    def act(shared, own):
        shared[name] = value
        return "done"

    return Do(f"write {name}", act, writes(name) if claims is None else claims)


def never_both(outcome):
    """Both actors must not have found the flag unset."""
    _, own = outcome
    bad = all(dict(mine).get("flag") == 0 for _, mine in own)
    status = Status.INVALID if bad else Status.VALID
    return Verdict(checker="toy", status=status, reason="bad" if bad else "good")


TRUE: Programs = {
    "a": [read("x"), write("x"), write("own a")],
    "b": [read("x"), write("x"), write("own b")],
}


@pytest.mark.parametrize("lanes", [1, 2])
def test_what_is_true_is_confirmed(lanes):
    result, found, claims = tried(TRUE, lanes=lanes)
    assert result.ending is Ending.COMPLETE
    assert found.finding is None
    grounds = found.grounds
    assert len(grounds.pairs) == len(claims.pairs) > 3
    assert grounds.confirmed
    assert grounds.whole
    assert grounds.schedules == 20
    assert str(grounds) == (
        f"{len(claims.pairs)} of {len(claims.pairs)} kinds of independent pairs confirmed by "
        "execution; all 20 schedules executed"
    )


def test_what_counts_all_executions_is_no_difference():
    programs = {**TRUE, "b": [read("x"), write("own b")]}
    result, found, _ = tried(programs, counting=True)
    assert len(result.outcomes) == result.counts.explored > 1
    assert found.finding is None
    assert found.grounds.confirmed
    assert found.grounds.whole


def test_what_there_was_no_time_for_is_said():
    _, found, claims = tried(TRUE, most=0)
    assert found.finding is None
    assert not found.grounds.confirmed
    assert str(found.grounds) == (
        f"0 of {len(claims.pairs)} kinds of independent pairs confirmed by execution"
    )
    _, found, claims = tried(TRUE, most=2)
    known = sum(claim.confirmed for claim in found.grounds.pairs)
    assert 0 < known < len(claims.pairs)


def test_steps_that_do_not_commute_although_they_say_so_are_found_out():
    # What b reads is what a writes, but it claims to read something else.
    programs = {
        "a": [write("p"), write("x"), write("q")],
        "b": [read("y"), read("x", claims=looks("other"))],
    }
    result, found, _ = tried(programs)
    assert result.ending is Ending.COMPLETE
    assert found.finding is not None
    assert found.finding.pair == ("read x", "write x")
    assert found.finding.memory is None
    # Once that is known the search goes both ways.
    result, found, _ = tried(programs, pairs=frozenset({("read x", "write x")}))
    assert (len(result.outcomes), found.finding, found.grounds.whole) == (2, None, True)


def test_memory_is_suspected_when_nothing_that_was_answered_differs():
    flag = read("flag", tells=False, claims=looks("other"))
    programs = {
        actor: [
            flag,
            Do("pay", lambda shared, own: "paid", writes(actor), unless=lambda own: own["flag"]),
            write("flag", claims=writes(f"{actor}'s")),
        ]
        for actor in ("a", "b")
    }
    result, found, _ = tried(programs, judge=never_both)
    assert result.ending is Ending.COMPLETE
    finding = found.finding
    assert finding is not None
    assert finding.memory is not None
    assert (finding.memory.after, finding.memory.unseen) == ("read flag", True)
    assert finding.found is not None
    assert finding.found.verdict.status is Status.INVALID


@pytest.mark.parametrize("reduced", [True, False])
def test_memory_shows_in_the_search_itself(reduced):
    # It is written where both meet, so that the order that shows it is searched in any case.
    programs = {
        actor: [
            Do("meet", lambda shared, own: "met", writes("x")),
            read("flag", tells=False, claims=Footprint()),
            Do("pay", lambda shared, own: "paid", writes("x"), unless=lambda own: own["flag"]),
            write("flag", claims=writes("x")),
        ]
        for actor in ("a", "b")
    }
    _, found, _ = tried(programs, reduced=reduced)
    assert found.finding is not None
    assert found.finding.memory is not None
    assert found.finding.memory.after == "read flag"


def test_memory_shows_in_who_does_the_same_and_comes_second():
    # a is first in every execution that is searched, so that neither of them ever goes two ways.
    def busy(shared, own):
        own["busy"] = shared.get("busy", 0)
        shared["busy"] = 1

    programs = {
        actor: [Do("start", busy, writes("x")), Do("pay", unless=lambda own: own["busy"])]
        for actor in ("a", "b")
    }
    _, found, _ = tried(programs, late=True, twins={"b": "a"})
    assert found.finding is not None
    assert found.finding.memory is not None
    assert (found.finding.memory.actor, found.finding.memory.after) == ("b", "start")


def test_a_statement_that_is_no_single_moment_is_found_out():
    def look(shared, own):
        own["flag"] = shared.get("flag", 0)
        return str(own["flag"])

    def set_it(shared, own):
        if not own["flag"]:
            shared["flag"] = 1

    claim = Do("claim", look, writes("flag"), moment=True, ends=set_it)
    programs = {actor: [claim, write(f"own {actor}")] for actor in ("a", "b")}
    result, found, _ = tried(programs, judge=never_both)
    assert result.ending is Ending.COMPLETE
    assert found.finding is not None
    assert found.finding.apart == "claim"


def test_a_single_moment_is_confirmed():
    # It does all it does before it is held open, so nobody gets between.
    def claim(shared, own):
        own["flag"] = shared.get("flag", 0)
        shared["flag"] = 1
        return str(own["flag"])

    one = Do("claim", claim, writes("flag"), moment=True, ends=lambda shared, own: None)
    _, found, _ = tried({"a": [one], "b": [one]}, judge=never_both)
    assert found.finding is None
    assert [claim.confirmed for claim in found.grounds.moments] == [True]


def locked(actor, *, first=None):
    """Takes a lock, looks, writes and gives it back; ``first`` is what it does before it waits."""

    def act(shared, own):
        own.setdefault("flag", shared.get("flag", 0))
        return str(own["flag"])

    return [
        Do("take", act, writes("lock"), takes="lock", first=first),
        write("flag", claims=writes("flag of the lock")),
        Do("give", lambda shared, own: "given", writes("lock"), gives="lock"),
    ]


def test_who_only_waits_is_confirmed():
    programs = {actor: locked(actor) for actor in ("a", "b")}
    result, found, _ = tried(programs, late=True, judge=never_both)
    assert result.counts.explored == 2
    assert found.finding is None
    assert [claim.confirmed for claim in found.grounds.deferrals] == [True]


def test_where_nothing_is_tried_it_is_seen_who_waited_and_nothing_else():
    def step(actor, *, at_lock=False):
        row, label = writes("row"), "take"
        return Taken(actor=actor, label=label, footprint=row, enabled=("a", "b"), at_lock=at_lock)

    for run in (Run(taken=(step("a"), step("b"))), Run(taken=(step("a"), step("b", at_lock=True)))):
        noted, unnoted = Claims(), Claims(wanted=False)
        noted.add(run)
        unnoted.add(run)
        assert unnoted.waited == noted.waited == run.taken[1].at_lock
        assert noted.whole
        assert unnoted.nothing
        assert not unnoted.whole


def test_who_does_more_than_wait_is_found_out():
    def too_soon(shared, own):
        own["flag"] = shared.get("flag", 0)

    programs = {actor: locked(actor, first=too_soon) for actor in ("a", "b")}
    result, found, _ = tried(programs, late=True, judge=never_both)
    assert result.ending is Ending.COMPLETE
    assert found.finding is not None
    assert found.finding.deferral == "take"
    assert found.finding.found is not None


def test_who_does_the_same_can_be_exchanged_and_who_does_not_is_found_out():
    def program(value):
        return [read("x"), write("x", value), read("x")]

    twins = {"b": "a"}
    result, found, _ = tried({"a": program(1), "b": program(1)}, late=True, twins=twins)
    assert result.ending is Ending.COMPLETE
    assert found.finding is None
    assert [claim.names for claim in found.grounds.exchanges] == [("a", "b")]
    assert found.grounds.confirmed
    _, found, _ = tried({"a": program(1), "b": program(2)}, late=True, twins=twins)
    assert found.finding is not None
    assert found.finding.exchange == ("a", "b")


def test_an_outcome_with_who_does_the_same_exchanged_is_a_known_one():
    # Who begins first takes it, and that the first of the two begins first is all that is searched.
    def take(shared, own):
        own["mine"] = int(not shared.get("taken"))
        shared["taken"] = 1
        return str(own["mine"])

    programs = {actor: [Do("take", take, writes("taken")), read("y")] for actor in ("a", "b")}
    result, found, _ = tried(programs, late=True, twins={"b": "a"})
    assert len(result.outcomes) == 1
    assert found.finding is None
    assert found.grounds.whole


def test_what_breaks_in_a_schedule_that_was_left_out_is_a_counterexample():
    programs = {
        "a": [write("p"), write("flag", claims=writes("a's")), read("q"), write("r")],
        "b": [read("flag", claims=looks("b's")), write("s")],
    }

    def judge(outcome):
        seen = dict(dict(outcome[1])["b"])["flag"]
        status = Status.INVALID if seen == 0 else Status.VALID
        return Verdict(checker="toy", status=status, reason="seen too early")

    result, found, _ = tried(programs, judge=judge)
    assert result.ending is Ending.COMPLETE
    assert found.finding is not None
    assert found.finding.pair == ("read flag", "write flag")
    assert found.finding.found is not None
    assert found.finding.found.verdict.reason == "seen too early"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Validation()),
        ("off", None),
        ("30s", Validation(seconds=30)),
        ("1.5m", Validation(seconds=90)),
        ("100", Validation(seconds=math.inf, executions=100)),
    ],
)
def test_how_much_is_spent_is_for_a_person_to_say(text, expected):
    assert validation_of(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-1s", "1h", "1e3", "two", "1.5", "no"])
def test_what_cannot_be_spent_is_said(text):
    with pytest.raises(UsageError, match=r"--validate: expected a time"):
        validation_of(text)


def test_it_takes_as_long_as_the_search_unless_it_is_told_and_never_longer_than_is_left(
    monkeypatch,
):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    assert Validation().deadline(10.0, None) == 110
    assert Validation().deadline(0.1, None) == 102
    assert Validation().deadline(10.0, 4.0) == 104
    assert Validation().deadline(10.0, -1.0) == 100
    assert Validation(seconds=30).deadline(10.0, None) == 130
    assert Validation(beside=True).deadline(10.0, 4.0) == 110
