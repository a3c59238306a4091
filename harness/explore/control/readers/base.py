"""A reader of one tap's calls in one execution: the questions to it, and its answers.

A reader says what only its protocol tells. Whose a call is, what it is called in this execution and
what comes of it is the same for all of them, and is seen to by ``TapReader``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.control.database_timeouts import Timeouts
from paidonce.harness.explore.control.deferral import DeferralTracker
from paidonce.harness.explore.control.failures import Possible
from paidonce.harness.explore.control.hidden_locks import HiddenLocks
from paidonce.harness.explore.control.leases import Leases
from paidonce.harness.explore.control.new_rows import NewRows
from paidonce.harness.explore.control.one_key import OneKey
from paidonce.harness.explore.control.row_facts import RowFacts
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.control.time_keys import TimeKeys
from paidonce.harness.explore.control.time_windows import TimeWindows, Window
from paidonce.harness.explore.control.timed_answers import Deciding, TimedAnswers
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.explore.naming.answer_digest import AnswerDigest
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.results.words import quoted
from paidonce.harness.taps.gate import Call

NOBODYS = ""
"""The owner of a transaction that no attempt began."""

C = TypeVar("C", bound=Call)


@dataclass
class Reading:
    """The things that the readers of one execution share."""

    names: Names
    background: Background
    times: Times
    sessions: SqlSessions
    late: DeferralTracker
    one_key: OneKey
    leases: Leases
    timeouts: Timeouts
    hidden_locks: HiddenLocks | None = None
    new_rows: NewRows | None = None
    """Sees which rows are made, and who looks through their tables."""
    facts: RowFacts | None = None
    """Facts about rows that were there before anybody moved."""
    told: ToldByStripe | None = None
    """Reads what Stripe tells of its calls, where it does."""
    time_keys: TimeKeys = field(default_factory=TimeKeys)
    timed_answers: TimedAnswers = field(default_factory=TimedAnswers)
    time_windows: TimeWindows = field(default_factory=TimeWindows)
    due: bool = False
    """True once anything is due at Stripe at a later time."""
    owners: dict[str, str] = field(default_factory=dict)
    """By session, whose transaction is open on it; ``NOBODYS`` if no attempt began it."""

    def opens(self, arrival: Arrival) -> None:
        """A transaction is open on the session: it belongs to whoever sent this."""
        if arrival.itself:
            self.owners[arrival.session] = NOBODYS
        elif arrival.owner is not None:
            self.owners[arrival.session] = arrival.owner.name

    def disturbs(self, key: str, why: str) -> None:
        """Executions are not under control, for this reason."""
        self.background.disturbing[key] = why

    def keyed(self, call: Call, how: str | None) -> None:
        """An attempt uses a key with the time in it that another has used, if ``how`` says so."""
        if how is not None:
            self.disturbs(
                f"time key {call.tap} {call.label}",
                "two attempts come to one key only while the clock shows the same "
                f"({quoted(call.label)}: {how}), and one that comes when it shows another was "
                "not tried: "
                "make the key of what is paid for alone",
            )

    def decided(self, answer: Deciding) -> None:
        """An answer decides, and somebody would have got another at another time
        of day."""
        if answer.within is not None:
            self.leases.looked(answer.kind, answer.within.column, answer.within.of_rows)
            return
        if answer.ahead:
            self.leases.read(answer.kind, answer.ahead)
            return
        self.disturbs(
            f"time key {answer.kind}",
            f"what {answer.kind!r} is answered decides, its key has the time in it, "
            f"{answer.keyed!r}, and an attempt that comes when the clock shows another was not "
            "tried: make the key of what is paid for alone",
        )


class CallReader(ABC, Generic[C]):
    """Reads the calls of one tap. What it is not made to say is what is most cautious."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    # --- before it is let go ------------------------------------------------------------------

    @abstractmethod
    def touches(self, call: C, arrival: Arrival) -> Footprint:
        """Return what a call touches that has arrived, whoever sends it; it is read once."""

    def text(self, call: C) -> str:
        """Return the words for a call; names of this execution may be used in them."""
        return f"{call.tap} {call.label}"

    def made_up(self, call: C, actor: str) -> None:
        """``actor`` sends a call: name what is new in it after who has made it up."""

    def sends(self, call: C, actor: str) -> str | None:
        """``actor`` sends a call: see whether it takes a lease.

        Returns what it compares with the time, in words, if anything.
        """
        return None

    def read(self, call: C, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """Return the words for the call, and what it touches when ``owner`` sends it."""
        return self.text(call), self.touches(call, arrival)

    def expected(self, call: C, arrival: Arrival) -> Footprint:
        """Return what the call will touch, as it is known by now."""
        return arrival.footprint

    def passing(self, call: C, arrival: Arrival) -> Footprint:
        """Return what its attempt has touched as soon as the call is let go."""
        return self.expected(call, arrival)

    def backs_off(self, call: C) -> bool:
        """Return whether its attempt is about to be refused, and may wait before it tries again."""
        return False

    def begins(self, call: C) -> bool:
        """Return whether the next step with the call is only that it is under way."""
        return False

    def let_go(self, call: C) -> None:
        """The call makes its next step."""

    # --- what can go wrong with it ------------------------------------------------------------

    def counts(self, call: C) -> bool:
        """Return whether the call begins a step of its attempt's own, and does not end one."""
        return True

    def faults(self, call: C, arrival: Arrival) -> Iterable[Possible]:
        """The faults that can happen to the call, those of its tap."""
        return ()

    def ends(self, call: C, arrival: Arrival) -> Footprint:
        """Return what ending the call's connection touches, or failing it, if nothing of it is
        done."""
        return LOCAL

    def failed(self, call: C, arrival: Arrival) -> Footprint:
        """The call was not carried out; returns what that touched."""
        return LOCAL

    def deferred(self, call: C, arrival: Arrival, actor: str) -> bool:
        """Return whether all that the call could do now is wait for what another attempt holds."""
        return False

    def past(self, call: C, arrival: Arrival, actor: str) -> tuple[Tenure, ...]:
        """Return when it could only have waited."""
        return ()

    def waits(self, call: C, arrival: Arrival) -> None:
        """The call waits for another attempt's lock, or would if it were sent."""

    # --- once it is answered ------------------------------------------------------------------

    def created(self, call: C, actor: str) -> None:
        """``actor`` is answered: name what did not exist before after it."""

    def answers(self, call: C, actor: str) -> str | None:
        """``actor`` is answered: what existed before may be anybody's.

        Returns what it asked for that may be a time of its own, in words, if anything.
        """
        return None

    def touched(self, call: C, arrival: Arrival) -> Footprint:
        """Return what an answered call did touch."""
        return arrival.footprint

    async def hidden(self, call: C, arrival: Arrival) -> Footprint:
        """Return what it touched beyond what its text tells."""
        return LOCAL

    @abstractmethod
    def heard(self, call: C) -> AnswerDigest:
        """The answer, in a form that can be compared between executions."""

    def keyed(self, call: C) -> str:
        """Return the time that is in a key under which the call asks; empty if there is none."""
        return ""

    def ahead(self, call: C) -> frozenset[str]:
        """Return where the answer has a time that is ahead of now, by a few minutes at most."""
        return frozenset()

    def window(self, call: C) -> Window | None:
        """Return the stretch of time in which the call has looked for something, if it has."""
        return None

    def many(self, call: C) -> int:
        """Return how much it is answered: the number, or else how many rows or members."""
        return 0

    def refused(self, call: C) -> bool:
        """Return whether the call asked for something, did not get it, and changed nothing."""
        return False

    def idle(self, call: C, arrival: Arrival, owner: Player, changed_nothing: bool) -> bool:
        """Return whether ``owner`` is where it was before the call."""
        return changed_nothing

    def told(self, call: C) -> bool:
        """Return whether the service's own code goes on with the answer, not the tap or the
        driver."""
        return True

    # --- the session it came on ---------------------------------------------------------------

    def pid(self, call: C) -> int | None:
        """The Postgres backend behind the connection."""
        return None

    def begun(self, session: str) -> bool:
        """Return whether the transaction on the session has touched anything yet."""
        return False

    def holds_locks(self, session: str) -> bool:
        """Return whether the transaction on the session has locked anything yet."""
        return False

    def held(self, session: str) -> frozenset[Resource]:
        """Return what the transaction on the session has locked so far."""
        return frozenset()

    def closed(self, session: str) -> Footprint:
        """The session is over; returns what it let go of."""
        return LOCAL

    def raises(self, call: C) -> bool:
        """Return whether a call may have had Stripe raise an event."""
        return False

    def blocks(self, call: C) -> bool:
        """Return whether a call may wait until another one comes."""
        return False

    # --- the service's own business -----------------------------------------------------------

    def works(self, call: C) -> bool:
        """Return whether a call that is no attempt's may change anything."""
        return True

    def watched(self, call: C, arrival: Arrival) -> bool:
        """Return whether a call that came while nobody moved is to be known when it comes again."""
        return True

    def passed(self, call: C, arrival: Arrival) -> None:
        """Such a call was answered."""
