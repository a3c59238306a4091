"""Attempts that wait for locks which nobody will ever let go of, in no cycle that Postgres sees.

One request that works on two connections can wait for itself: its second connection waits for a
lock of the transaction on the first, which ends only when the second is through. To the server the
first session is idle and waits for nothing, so it finds no deadlock (manual, section 13.3.4: "so
long as no deadlock situation is detected, a transaction seeking either a table-level or row-level
lock will wait indefinitely"). Several attempts can close such a circle as well. That is a
counterexample as any other: the invariant is that whoever began comes to an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from paidonce.harness.checkers.progress import Progress
from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.interfaces import Reader, Waits
from paidonce.harness.history import Effect
from paidonce.harness.results.words import quoted
from paidonce.harness.verdict import Status, Verdict, Violation

CHECKER = Progress.name


@dataclass(frozen=True)
class Wait:
    """``actor`` waits, with a statement on ``session``, for what ``holder`` has on ``held_by``."""

    actor: str
    label: str
    session: str
    holder: str
    held_by: str

    def __str__(self) -> str:
        if self.holder == self.actor:
            return (
                f"{self.actor} waits for itself: {self.session} ({quoted(self.label)}) waits for "
                "a lock "
                f"that its own {self.held_by} holds"
            )
        return (
            f"{self.actor} waits for {self.holder}: {self.session} ({quoted(self.label)}) waits "
            "for a "
            f"lock that {self.held_by} holds"
        )


async def standstill(
    players: Iterable[Player], pids: Mapping[str, int], reader: Reader, waits: Waits
) -> tuple[Wait, ...]:
    """Return who waits for whom where nobody can move and no wait can end.

    Empty unless everybody who is not through waits for locks in Postgres, and all of those are
    held by such attempts: whatever could let go of them waits itself. ``pids`` are the backends
    behind the sessions.
    """
    # Who waits for an event that nobody raises any more never was sent one.
    left = [player for player in players if player.at is not At.DONE and not player.absent]
    if any(player.at is not At.LOCK for player in left):
        return ()
    owners: dict[int, tuple[str, str]] = {}
    for player in left:
        sessions = reader.open_sessions(player.name)
        owners |= {pids[name]: (player.name, name) for name in sessions if name in pids}
        owners |= {a.pid: (player.name, a.session) for a in player.flying if a.pid is not None}
    blockers = await waits.blockers({pid for player in left for pid in player.pids})
    found: list[Wait] = []
    for player in left:
        for arrival in player.flying:
            if not arrival.in_flight or arrival.pid is None:
                return ()
            holders = blockers.get(arrival.pid, ())
            if not holders or not owners.keys() >= set(holders):
                return ()
            found += [
                Wait(player.name, arrival.label, arrival.session, *owners[pid]) for pid in holders
            ]
    return tuple(found)


def unanswered(players: Iterable[Player], now: int) -> Iterator[Effect]:
    """The statements that wait, as a history has them: their answers never came."""
    for player in players:
        for arrival in player.flying:
            if arrival.in_flight and arrival.pid is not None:
                call = arrival.call
                yield Effect(
                    t=now,
                    tap=call.tap,
                    seq=call.seq,
                    label=call.label,
                    began=now,
                    attempt=player.name,
                    request=call.as_request(),
                    delivered=False,
                )


def verdict_on(waits: tuple[Wait, ...]) -> Verdict:
    """Return the verdict on attempts that never come to an end."""
    stuck = sorted({wait.actor for wait in waits})
    return Verdict(
        checker=CHECKER,
        status=Status.INVALID,
        reason="; ".join(dict.fromkeys(map(str, waits))),
        violations=tuple(Violation(rule="comes to an end", whose=actor) for actor in stuck),
    )
