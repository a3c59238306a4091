"""A narrative: a counterexample as plain data, a moment for each step of its witness."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from paidonce.harness.explore.search.world import LOST
from paidonce.harness.explore.witness.file import Lock, Witness, WitnessStep
from paidonce.harness.explore.witness.narrative.row_access import Did, RowAccess
from paidonce.harness.history import Completed, Effect, History, Invoked, Recovering
from paidonce.harness.taps.faults import Crash

_TAPS = ("postgres", "stripe", "redis", "replica")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt's client sent a request to the service."""

    event: Invoked


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A unit and its answer, or the half of the two that falls into this step.

    ``sent``: it went on to its dependency here. ``answered``: the answer came back to the service
    here. ``rows`` is what it did to which rows, as far as its SQL tells.
    """

    event: Effect
    sent: bool
    answered: bool
    rows: tuple[RowAccess, ...] = ()

    @property
    def failed(self) -> bool:
        """Return whether Postgres answered it with an error."""
        return bool((self.event.answer or {}).get("error"))

    @property
    def arrived(self) -> bool:
        """Return whether what was sent got there: there is an answer, wherever that went."""
        return self.event.answer is not None

    @property
    def touches_nothing(self) -> bool:
        """Return whether it only begins a transaction or is a ping, which is no step."""
        label = self.event.label.strip("; ").upper()
        return self.event.tap in ("postgres", "replica") and label in (
            "",
            "BEGIN",
            "START TRANSACTION",
        )

    @property
    def only_ends_or_begins(self) -> bool:
        """Return whether it is nothing but the beginning or the end of a transaction."""
        ends = {Did.BEGIN, Did.COMMIT, Did.ROLLBACK}
        return bool(self.rows) and {access.did for access in self.rows} <= ends


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The client got its answer from the service; ``invoked`` is the request it answers."""

    event: Completed
    invoked: Invoked


Act = Asked | Exchange | Reply
"""The things that can happen in a step."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt went no further: for a lock in Postgres, or somewhere inside the service.

    ``what`` is the lock and ``on`` who holds it, both empty where the witness does not tell.
    ``until`` is who let the attempt go on, at step ``until_step``; None where nobody did.
    """

    for_a_lock: bool
    what: str = ""
    on: tuple[str, ...] = ()
    until: str | None = None
    until_step: int | None = None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the witness: what happened in it, in order, and what it came to.

    ``released`` and ``gained`` are the locks that somebody lost and got by it.
    """

    step: WitnessStep
    acts: tuple[Act, ...] = ()
    wait: Wait | None = None
    released: tuple[Lock, ...] = ()
    gained: tuple[Lock, ...] = ()

    @property
    def cut(self) -> bool:
        """Return whether the attempt's process is gone by it."""
        return self.step.label == LOST or isinstance(self.step.fault, Crash)

    @property
    def exchanges(self) -> Iterator[Exchange]:
        """Return the exchanges of this step."""
        return (act for act in self.acts if isinstance(act, Exchange))


class Narrative(msgspec.Struct, frozen=True, kw_only=True):
    """A whole counterexample, step by step."""

    witness: Witness
    history: History
    moments: tuple[Moment, ...]

    @property
    def exchanges(self) -> Iterator[Exchange]:
        """Return the exchanges of all steps, in order."""
        return (exchange for moment in self.moments for exchange in moment.exchanges)

    @property
    def asked_again(self) -> Iterator[Reply]:
        """Return the answers that clients got in recovery, with what they asked then."""
        began = next((n for n, _ in self.history.of(Recovering)), len(self.history.events))
        asked: dict[int, Invoked] = {}
        for event in self.history.events[began:]:
            if isinstance(event, Invoked):
                asked[event.op] = event
            elif isinstance(event, Completed) and event.op in asked:
                yield Reply(event=event, invoked=asked[event.op])

    @property
    def taps(self) -> tuple[str, ...]:
        """The taps that anything crossed, in a fixed order."""
        crossed = {exchange.event.tap for exchange in self.exchanges}
        return tuple(tap for tap in (*_TAPS, *sorted(crossed - set(_TAPS))) if tap in crossed)
