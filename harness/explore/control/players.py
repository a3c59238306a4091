"""The players of an execution: attempts, clients that give up, and time that passes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paidonce.harness.explore.control.attempts import Player
from paidonce.harness.explore.control.failures import PlannedFailure
from paidonce.harness.explore.footprint.expiry import CATCHING_UP, INDEXING, expiring
from paidonce.harness.explore.search.symmetry import twins
from paidonce.harness.service.passing import INDEXED_WITHIN_S
from paidonce.harness.service.script import ScriptAttempt
from paidonce.harness.testbed.bench import Bench

GIVES_UP = "gives up, and asks again"
"""The label of the step in which a client gives up."""


def player_of(attempt: ScriptAttempt, bench: Bench, *, lags: bool) -> Player:
    """Return an attempt of a script as one under control, or time that passes on a bench.

    ``lags`` says that Stripe's search sees nothing new until it catches up.
    """
    passing = attempt.passing
    if passing is None:
        begins = GIVES_UP if attempt.again else Player.begins
        return Player(attempt.name, delivers_raised=attempt.delivers_raised, begins=begins)
    touches = expiring(
        passing.seconds,
        redis=bench.redis is not None,
        stripe=bench.advance is not None and passing.at_stripe,
    )
    if passing.catches_up:
        touches = touches.union(CATCHING_UP)
    if passing.indexes or (lags and passing.seconds >= INDEXED_WITHIN_S):
        touches = touches.union(INDEXING)
    return Player(attempt.name, begins=passing.label, ours=touches)


def twins_of(
    attempts: Sequence[ScriptAttempt], failures: Collection[PlannedFailure]
) -> dict[str, str]:
    """Return for each attempt one that does the same, to which the same ``failures`` happen, as
    far as there is one."""
    return twins(
        {
            attempt.name: (
                attempt.likeness,
                frozenset(
                    (failure.step, failure.fault, failure.place)
                    for failure in failures
                    if failure.attempt == attempt.name
                ),
            )
            for attempt in attempts
        }
    )
