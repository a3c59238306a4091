"""Caveats: how much a search may claim of a service that was not wholly under control, and what it
says first.

A service that works by itself makes a search trip over many things: its statement is taken for an
attempt's in one execution and not in the next, so a step differs after the same choices, or
something comes while nobody moves. Which of them is met first depends on the clock; what they come
from does not, so that is what the reason begins with.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import ExecutionOutcome, successes
from paidonce.harness.explore.control.polling import LONGEST_S, MOST
from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.lapsing import leases_left, stayed
from paidonce.harness.explore.search import Ending, SearchResult
from paidonce.harness.explore.search.unnamed import words
from paidonce.harness.process.sockets import Connections
from paidonce.harness.results.grounds import Grounds, Wrong
from paidonce.harness.results.words import quoted
from paidonce.harness.testbed.past_stripe import past_the_tap

_NOT_OVER = "it was not let run out"
_NEVER_OUT = "time-outs do not run out in a search"


def learnt(grounds: Grounds | None) -> tuple[str, ...]:
    """Return what a search has learnt by trying, a sentence each."""
    lessons = () if grounds is None else grounds.lessons
    return tuple(f"learnt by trying: {lesson}" for lesson in lessons)


def notes(
    worlds: Sequence[ServiceWorlds],
    elsewhere: Elsewhere | None = None,
    grounds: Grounds | None = None,
) -> tuple[str, ...]:
    """Return what else is to be known of the service, a sentence each.

    ``grounds`` have what was learnt by trying, which is said elsewhere.
    """
    lessons = () if grounds is None else grounds.lessons
    suspected = any(lesson.wrong in (Wrong.MEMORY, Wrong.UNKNOWN) for lesson in lessons)
    own = _own(worlds, elsewhere)
    found = [f"the service sends {quoted(label)} by itself; it is let through" for label in own]
    found += dict.fromkeys(note for each in worlds for note in each.warmth.notes)
    for key in sorted({key for each in worlds for key in each.bench.stripe_tap.live_keys}):
        found.append(f"the service called Stripe with the live key {key}; such calls were refused")
    if any(each.bench.subject.keeps_state_unseen for each in worlds):
        found.append(
            "what the service knows is where no tap is (it needs neither Postgres nor Redis): "
            "every order of its calls is searched, but what an attempt does between two of them is "
            "one piece, and a race within it, or in a file or another store, is not seen"
        )
    elif any(each.mode.shared_memory for each in worlds) and not suspected:
        found.append(
            "attempts wait for each other inside the service: every step is taken to touch its "
            "memory, so nothing is left out as the same in another order"
        )
    if worlds[0].bench.subject.leases_hold:
        found += [
            f"{lease}; {_NOT_OVER} (leases_hold = true)" for lease in _leases(worlds, elsewhere)
        ]
    if worlds[0].bench.subject.timeouts_hold:
        found += [f"{timeout}; {_NEVER_OUT}" for timeout in _timeouts(worlds, elsewhere)]
    for label in sorted({one for each in worlds for one in each.mode.endless}):
        found.append(
            f"{quoted(label)} is tried over and over while another has it ({MOST} times, or for "
            f"{LONGEST_S:g} s, without giving up): it is taken to be tried until it is granted"
        )
    unnamed = sorted({one for each in worlds for one in each.mode.unnamed})
    for place, column in unnamed:
        found.append(
            f"the values of {column} in {words(Resource(place))} differ from execution to "
            "execution and have no name, so a step that speaks of one is taken to touch them all; "
            "what a step of [[prepare]] captures has a name"
        )
    return tuple(found if elsewhere is None else (*found, *elsewhere.notes))


def honest(
    worlds: Sequence[ServiceWorlds], result: SearchResult, elsewhere: Elsewhere | None = None
) -> SearchResult:
    """Nothing is complete where something went on that was not under control; and a search that is
    not complete says so before it says what it tripped over."""
    surprises = {each.surprise for each in worlds if each.surprise}
    if elsewhere is not None:
        surprises |= elsewhere.surprises
    own = _own(worlds, elsewhere) or sorted(surprises)
    out_of_control = _out_of_control(worlds, elsewhere)
    if result.ending is Ending.COMPLETE:
        nothing = (about_nothing(worlds[0], result), *undelivered(worlds[0], result))
        out_of_control += [one for one in nothing if one]
    if not worlds[0].bench.subject.leases_hold:
        out_of_control += [
            f"it rests on a lease: {lease}; {_NOT_OVER}" for lease in _leases(worlds, elsewhere)
        ]
        out_of_control += [
            f"it may rest on a lease: {one} is set by a trigger, or kept, so that its time cannot "
            "be let run out (a [[time]] that ends it, or leases_hold = true)"
            for one in sorted(stayed(worlds, elsewhere))
        ]
    if not worlds[0].bench.subject.timeouts_hold:
        out_of_control += [
            f"it rests on a time-out: {timeout}; {_NEVER_OUT}"
            for timeout in _timeouts(worlds, elsewhere)
        ]
    return claimed(result, out_of_control, own)


def about_nothing(worlds: ServiceWorlds, result: SearchResult) -> str:
    """Return why a search says nothing, since who succeeds alone never did in it; empty if that is
    not so.

    Whoever begins first and is through before anybody else begins is alone as well. If it does
    not succeed then, something is left of an execution before.
    """
    first = worlds.scenario.attempts[0].name
    alone = worlds.alone.get(first, 0)
    if max((successes(outcome, first) for outcome in result.outcomes), default=alone) >= alone:
        return ""
    others = any(
        successes(outcome, attempt.name)
        for outcome in result.outcomes
        for attempt in worlds.scenario.attempts[1:]
    )
    nobody = f"{first} never succeeded" if others else "nobody succeeded"
    return (
        f"{nobody} in the execution that plays them one after the other, though {first} alone "
        "does: state of an earlier execution is still there (is the reset complete?)"
    )


def undelivered(worlds: ServiceWorlds, result: SearchResult) -> tuple[str, ...]:
    """The events that are to be delivered and that no execution has raised, a sentence each."""
    came = {
        attempt
        for outcome in result.outcomes
        if isinstance(outcome, ExecutionOutcome)
        for attempt, *_ in outcome.answers
    }
    return tuple(
        f"{attempt.name} delivered nothing: no execution raised the {attempt.awaits} that it waits"
        " for (optional = true, if that may be)"
        for attempt in worlds.scenario.attempts
        if attempt.awaits and attempt.name not in came
    )


def claimed(
    result: SearchResult, out_of_control: Sequence[str], own: Sequence[str]
) -> SearchResult:
    """``result`` as it may be told: ``out_of_control`` are reasons for which nothing is complete,
    ``own`` names what the service sends by itself, which may be why executions were invalid."""
    if result.ending is Ending.COUNTEREXAMPLE:
        return result
    reasons = list(out_of_control)
    if not reasons and own and result.invalid and result.ending is Ending.INCOMPLETE:
        reasons = [f"the service works by itself, at its own pace ({', '.join(map(repr, own))})"]
    if not reasons:
        return result
    said = "; ".join([*reasons, result.reason] if result.reason else reasons)
    return msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=said)


def _out_of_control(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> list[str]:
    disturbing = {} if elsewhere is None else dict(elsewhere.disturbing)
    disturbing |= {k: v for each in worlds for k, v in each.background.disturbing.items()}
    reasons = [disturbing[label] for label in sorted(disturbing)]
    untapped = any(w.bench.controlled and "redis" not in w.bench.taps for w in worlds)
    now = Connections()
    if untapped and any(each.bench.talks_to_redis(now) for each in worlds):
        reasons.append("the service talks to Redis, which is not behind a tap")
    refused = {one for each in worlds for one in past_the_tap(each.bench)}
    reasons += [f"{one}, and is not seen once it is answered" for one in sorted(refused)]
    if any(each.bench.talks_past_the_tap(now) for each in worlds):
        reasons.append("the service has connections to Postgres that are not behind the tap")
    shared = [each for each in worlds if each.mode.shared_memory]
    if shared and (many := max(each.bench.workers() for each in shared)) > 1:
        reasons.append(
            f"attempts meet in the service's memory, and {many} processes of it answer at one "
            "address: which of them an attempt comes to is not chosen, and what one has in its "
            "memory (a lock, a set of orders) the others do not know"
        )
    return reasons


def _leases(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> list[str]:
    """The leases that attempts were seen to take and that no time ends in a search, in words."""
    return sorted({lease.words for lease in leases_left(worlds, elsewhere)})


def _timeouts(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> list[str]:
    """The time-outs that could have run out for who waited for a lock, each in words."""
    found = {one for each in worlds for one in each.timeouts.found}
    return sorted(found if elsewhere is None else found | elsewhere.timeouts)


def _own(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> list[str]:
    learnt = {label for each in worlds for label in each.background.learnt}
    return sorted(learnt if elsewhere is None else learnt | elsewhere.learnt)
