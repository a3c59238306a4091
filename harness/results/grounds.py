"""The grounds of a complete search's verdict: the claims by which executions were left out, and
which of them were confirmed by executions of their own."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from paidonce.harness.results.words import listed, quoted


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of claim, by the names of the steps (or attempts) that it is about."""

    names: tuple[str, ...]
    confirmed: bool


class Wrong(enum.StrEnum):
    """The ways in which a claim can turn out to be false."""

    PAIR = "pair"
    """Two kinds of steps do not commute."""
    MEMORY = "memory"
    """Attempts share what no tap sees."""
    MOMENT = "moment"
    """A statement that commits by itself is no single moment."""
    DEFERRAL = "deferral"
    """A statement that finds its lock taken does more than wait."""
    KILL = "kill"
    """A kill makes a difference to what others only looked at before it."""
    EXCHANGE = "exchange"
    """Attempts are not interchangeable."""
    BEGINNING = "beginning"
    """Executions leave something behind, so that later ones did not begin as the first did."""
    UNKNOWN = "unknown"
    """Something that was left out came to something else."""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a search has learnt by trying, and relied on from then on."""

    wrong: Wrong
    names: tuple[str, ...]

    def __str__(self) -> str:
        names = [quoted(name) for name in self.names]
        match self.wrong:
            case Wrong.PAIR:
                return f"{names[0]} and {names[-1]} do not commute"
            case Wrong.MEMORY:
                return (
                    f"{self.names[0]} goes another way after {names[1]} although all that it was "
                    "answered at the taps is the same: attempts share memory, or something else "
                    "that no tap sees, so whatever the service does is taken to touch it, and an "
                    "answer may come late"
                )
            case Wrong.MOMENT:
                return f"{names[0]} is no single moment: it is committed in a step of its own"
            case Wrong.DEFERRAL:
                return f"{names[0]} does more than wait for a lock: it is tried in every place"
            case Wrong.KILL:
                return f"it matters whether {names[0]} is before {names[-1]}: every order is made"
            case Wrong.EXCHANGE:
                return f"{' and '.join(self.names)} are not interchangeable"
            case Wrong.BEGINNING:
                return (
                    "executions leave something behind: after the search the attempts, one after "
                    f"the other, went another way than before it ({self.names[0]}), so the tables "
                    "are put back before each execution"
                )
            case Wrong.UNKNOWN:
                return (
                    "something was left out that makes a difference, and nobody knows why: every "
                    "step is taken to matter to every other"
                )


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """See the module.

    ``pairs`` are of steps taken to commute, ``moments`` statements that commit by themselves,
    ``deferrals`` statements that would only wait, ``kills`` steps that come to the same before and
    after the kill of their process, ``exchanges`` attempts taken to be
    interchangeable. ``schedules`` were executed without any reduction; ``whole`` if those are all.
    ``executions`` is what it took. ``polled`` are steps that were tried over and over, and are
    taken to be tried until they are granted; of those in ``tried_at_once`` tries were made in one
    step, so that they are granted at one of the first tries or never. ``waited_at_lock`` if
    attempts waited for locks of the database's, ``waited_for_stripe`` if for answers of Stripe's,
    ``waited_inside`` if inside the service, and are taken never to give up; ``pieces`` if they
    share memory, and what one does there between two of its steps is taken for one piece.
    ``answering`` are processes besides the service that answer requests: no tap sees those of the
    service itself. ``never_found`` are observations of certain objects of Stripe's that found none
    in any execution: what must hold of them then holds of nothing.
    """

    pairs: tuple[Claim, ...] = ()
    moments: tuple[Claim, ...] = ()
    deferrals: tuple[Claim, ...] = ()
    kills: tuple[Claim, ...] = ()
    exchanges: tuple[Claim, ...] = ()
    schedules: int = 0
    whole: bool = False
    executions: int = 0
    lessons: tuple[Lesson, ...] = ()
    polled: tuple[str, ...] = ()
    tried_at_once: tuple[str, ...] = ()
    waited_at_lock: bool = False
    waited_for_stripe: bool = False
    waited_inside: bool = False
    pieces: bool = False
    answering: tuple[str, ...] = ()
    never_found: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        """Tell whether everything was tried."""
        claims = (*self.pairs, *self.moments, *self.deferrals, *self.kills, *self.exchanges)
        return all(claim.confirmed for claim in claims)

    def __str__(self) -> str:
        """``41 of 41 kinds of independent pairs, 6 of 6 single moments confirmed by execution``."""
        parts = [
            _share(self.pairs, "kind of independent pairs", "kinds of independent pairs"),
            _share(self.moments, "single moment", "single moments"),
            _share(self.deferrals, "deferral", "deferrals"),
            _share(self.kills, "kind of step beside a kill", "kinds of steps beside a kill"),
            _share(self.exchanges, "exchange of attempts", "exchanges of attempts"),
        ]
        told = ", ".join(filter(None, parts))
        found = [f"{told} confirmed by execution"] if told else []
        schedules = "1 schedule" if self.schedules == 1 else f"{self.schedules} schedules"
        if self.whole:
            found.append(f"all {schedules} executed")
        elif self.schedules:
            found.append(f"{schedules} without any reduction came to nothing else")
        if self.polled:
            quoted = ", ".join(repr(label) for label in self.polled)
            found.append(f"provided that nobody gives up who tries {quoted} over and over")
        if self.tried_at_once:
            quoted = ", ".join(repr(label) for label in self.tried_at_once)
            found.append(f"provided that it makes no difference at which try {quoted} is granted")
        awaited = ["a lock of the database's"] if self.waited_at_lock else []
        awaited += ["an answer of Stripe's"] if self.waited_for_stripe else []
        if awaited:
            found.append(f"provided that nobody gives up who waits for {' or '.join(awaited)}")
        if self.waited_inside:
            found.append("provided that nobody gives up who waits inside the service")
        if self.pieces:
            found.append(
                "provided that what an attempt does in memory between two steps is one piece"
            )
        if self.answering:
            found.append(
                f"provided that the service and {listed(self.answering)} tell each other nothing "
                "but by what is seen at the taps"
            )
        if self.never_found:
            found.append(
                f"provided that [observe] is right to find none of {listed(self.never_found)} in "
                "any execution"
            )
        return "; ".join(found)


def resting(coverage: str, grounds: Grounds | None) -> str:
    """Return in one line what a complete search has covered, and what that rests on."""
    told = "" if grounds is None else str(grounds)
    return f"{coverage}; {told}" if told else coverage


def _share(claims: Sequence[Claim], one: str, many: str) -> str:
    if not claims:
        return ""
    known = sum(claim.confirmed for claim in claims)
    return f"{known} of {len(claims)} {one if len(claims) == 1 else many}"
