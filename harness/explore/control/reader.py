"""Reads what arrives at the taps: whose it is, what it touches, and what it is called.

What a call means is told by the reader that is registered for its tap (``readers``); what is the
same whatever the protocol is here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.attribution_learnt import Habits
from paidonce.harness.explore.control.failures import Place, Possible
from paidonce.harness.explore.control.polling import changed_nothing
from paidonce.harness.explore.control.readers import TAPS, TapKind
from paidonce.harness.explore.control.readers.base import NOBODYS, CallReader, Reading
from paidonce.harness.explore.control.readers.stripe import touched_at_stripe
from paidonce.harness.explore.control.timed_answers import Told
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.search.world import Tenure
from paidonce.harness.results.words import quoted
from paidonce.harness.service.script import LookedUp
from paidonce.harness.taps.gate import Call, Connection
from paidonce.harness.taps.stripe.calls import read_call


class TapReader:
    """The ``Reader`` of a control (see ``paidonce.harness.explore.control.controller``) for real
    taps, whose ``kinds`` are known by the names of their calls' taps."""

    def __init__(
        self,
        reading: Reading,
        players: Sequence[Player] = (),
        habits: Habits | None = None,
        kinds: Mapping[str, TapKind] = TAPS,
    ) -> None:
        self.names = reading.names
        self.late = reading.late
        self.one_key = reading.one_key
        self._reading = reading
        self._kinds = kinds
        self._readers: dict[str, CallReader[Any]] = {
            name: kind.reader(reading) for name, kind in kinds.items()
        }
        self._of: dict[str, CallReader[Any]] = {}
        """By session, who reads what comes on it."""
        self._owners = reading.owners
        self._players = {player.name: player for player in players}
        self._background = reading.background
        self._habits = habits or Habits({})
        self._stories: dict[str, list[Told]] = {}
        self._answers = 0

    # --- sessions -----------------------------------------------------------------------------

    def session(self, call: Call, connection: Connection) -> tuple[str, int | None]:
        """A name for the connection, and the Postgres backend behind it."""
        return self.named(call.tap, connection.id), self._readers[call.tap].pid(call)

    def named(self, tap: str, number: int) -> str:
        """The name of a tap's connection of this number."""
        session = f"{tap} session {number}"
        self._of[session] = self._readers[tap]
        return session

    def owner(self, session: str) -> str | None:
        """The attempt whose transaction is open on the session; ``NOBODYS`` if nobody's is."""
        return self._owners.get(session)

    def holds_locks(self, session: str) -> bool:
        """Return whether the transaction on the session has locked anything yet."""
        reader = self._of.get(session)
        return reader is not None and reader.holds_locks(session)

    def held(self, session: str) -> frozenset[Resource]:
        """Return what the transaction on the session has locked so far."""
        reader = self._of.get(session)
        return frozenset() if reader is None else reader.held(session)

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction of that attempt open on them."""
        return tuple(session for session, name in self._owners.items() if name == owner)

    def closed(self, session: str) -> tuple[str | None, Footprint]:
        """The connection has ended: whose transaction that ended, and what it let go of."""
        let_go = self._of[session].closed(session)
        return self._owners.pop(session, None), let_go

    def shares(self, call: Call) -> None:
        """The unit waited for its turn on a connection, in an order that might be another one if
        its attempt or the one before it were slower; see
        ``paidonce.harness.explore.control.shared_connections``."""
        self._reading.disturbs(
            f"connection {call.tap}",
            f"attempts share one connection to {self._kinds[call.tap].server}, and what they "
            f"send there waits for one another ({quoted(call.label)} did): what comes of it "
            "where one "
            "overtakes the other was not tried (two copies of the process, copies = 2 in "
            "[[process]], have a connection each)",
        )

    def sent_at_once(self, actor: str, one: str, other: str) -> None:
        """``actor`` has sent two units at once, and only in this order they were carried out."""
        self._background.one_order(actor, one, other)

    def looked_between(self, tables: frozenset[Resource]) -> None:
        """It was looked at these tables after a step: what the service does to them by itself is in
        the way of that."""
        self._background.attempted("", Footprint(looks=tables))

    def passed_over(self, who: str) -> None:
        """Several attempts have published something in one step that is looked at after each."""
        self._reading.disturbs(
            f"{who} at once",
            f"{who} committed in one step, and what must hold always was not looked at in between",
        )

    # --- whose it is --------------------------------------------------------------------------

    def background(self, arrival: Arrival) -> bool:
        """Return whether this is the service's own business; then it is followed as such."""
        call, owner = arrival.call, self._owners.get(arrival.session)
        reader = self._readers[call.tap]
        begun = owner is not None and reader.begun(arrival.session)
        if owner == NOBODYS and not begun:
            known = self._background.knows(call) or self.local(arrival)
        elif not begun:
            known = self._background.expected and self._background.knows(call)
        else:
            known = owner == NOBODYS
        if not known:
            return False
        arrival.itself = True
        if owner is not None:  # begun by a statement that could have been anybody's
            self._owners[arrival.session] = NOBODYS
        self._background.passed(call, arrival.session, reader.touches(call, arrival))
        return True

    def after_the_end(self, call: Call, connection: Connection) -> None:
        """The unit came when every attempt was through."""
        session, _ = self.session(call, connection)
        if self._owners.get(session) in (None, NOBODYS):
            works = self._readers[call.tap].works(call)
            self._background.after_the_end(call, works=works)

    def watched(self, call: Call, connection: Connection) -> bool:
        """Return whether a unit that came while nobody moved is to be known when it comes again."""
        return self._readers[call.tap].watched(call, self._alone(call, connection))

    def passed(self, call: Call, connection: Connection) -> None:
        """Such a unit was answered."""
        self._readers[call.tap].passed(call, self._alone(call, connection))

    def local(self, arrival: Arrival) -> bool:
        """Return whether the unit touches nothing, whoever sends it."""
        return self._readers[arrival.call.tap].touches(arrival.call, arrival).empty

    def habitual(self, arrival: Arrival, players: Sequence[Player]) -> Player | None:
        """The only one of ``players`` that is known to go on like this."""
        return self._habits.whose(self._readers[arrival.call.tap].text(arrival.call), players)

    # --- what it is ---------------------------------------------------------------------------

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""
        call, reader = arrival.call, self._readers[arrival.call.tap]
        call.attempt = owner.name
        reader.made_up(call, owner.name)
        self._told_apart_by_time(call, reader.sends(call, owner.name))
        text, touched = reader.read(call, arrival, owner)
        if not touched.empty and not arrival.goes_on:
            self._habits.learn(owner, text)
        return self.names.label(owner.name, text), touched

    def expected(self, arrival: Arrival) -> Footprint:
        """Return what a unit will touch, as it is known by now."""
        return self._readers[arrival.call.tap].expected(arrival.call, arrival)

    def passing(self, arrival: Arrival) -> Footprint:
        """Return what its attempt has touched as soon as the unit is let go."""
        return self._readers[arrival.call.tap].passing(arrival.call, arrival)

    def backs_off(self, arrival: Arrival) -> bool:
        """Return whether the attempt is about to be refused, and may wait before it tries again."""
        return self._readers[arrival.call.tap].backs_off(arrival.call)

    def begins(self, arrival: Arrival) -> bool:
        """Return whether the next step with the unit is only that it is under way."""
        return self._readers[arrival.call.tap].begins(arrival.call)

    def let_go(self, arrival: Arrival) -> None:
        """The unit makes its next step."""
        self._readers[arrival.call.tap].let_go(arrival.call)

    def counts(self, arrival: Arrival) -> bool:
        """Return whether the unit begins a step of its attempt's own, and does not end one."""
        return self._readers[arrival.call.tap].counts(arrival.call)

    def faults(self, arrival: Arrival) -> tuple[Possible, ...]:
        """Return the faults that can happen to a unit that is about to be let go."""
        return tuple(self._readers[arrival.call.tap].faults(arrival.call, arrival))

    def crash_places(self, arrival: Arrival) -> tuple[Place, ...]:
        """Return where in the unit's step a process may be killed."""
        first = Place.REQUEST if self.counts(arrival) else Place.COMMIT
        return (first, Place.ANSWER) if self.told(arrival.call) else (first,)

    def ends(self, arrival: Arrival) -> Footprint:
        """Return what ending the unit's connection touches, if nothing of the unit is done."""
        return self._readers[arrival.call.tap].ends(arrival.call, arrival)

    def starts(self, arrival: Arrival) -> Footprint:
        """Return what a unit touches that the service sends as it starts."""
        return self._readers[arrival.call.tap].touches(arrival.call, arrival)

    def deferred(self, arrival: Arrival, actor: str) -> bool:
        """Return whether all that the unit could do now is wait for what another attempt holds."""
        return self._readers[arrival.call.tap].deferred(arrival.call, arrival, actor)

    def past(self, arrival: Arrival, actor: str) -> tuple[Tenure, ...]:
        """Return when it could only have waited."""
        return self._readers[arrival.call.tap].past(arrival.call, arrival, actor)

    def waits(self, arrival: Arrival) -> None:
        """A unit waits for a lock of another attempt's, or would if it were sent."""
        self._readers[arrival.call.tap].waits(arrival.call, arrival)

    def looked_up(self, actor: str, seen: LookedUp) -> Footprint:
        """Return what was looked at to tell what is delivered to the service for ``actor``."""
        for value, name in seen.known.items():
            self.names.call(value, name)
        if not seen.path:
            return LOCAL
        call = read_call(0, "GET", seen.path, {}, b"")
        call.touched = seen.told
        return touched_at_stripe(self._reading.told, call, actor)

    def made(self, actor: str, call: Call) -> None:
        """Learn who made what is in a call of the preparation, and in its answer."""
        reader = self._readers[call.tap]
        reader.made_up(call, actor)
        reader.created(call, actor)

    # --- what came of it ----------------------------------------------------------------------

    def answered(self, arrival: Arrival) -> Footprint:
        """Return what an answered unit did touch; follows whose transaction is open on its
        session."""
        call, owner, reader = arrival.call, arrival.owner, self._readers[arrival.call.tap]
        if owner is not None and not arrival.undone:
            reader.created(call, owner.name)
            self._told_apart_by_time(call, reader.answers(call, owner.name))
        how = reader.failed if arrival.undone else reader.touched
        touched = how(call, arrival)
        if owner is not None:
            self._background.attempted(arrival.session, touched)
            if not arrival.footprint.empty:
                owner.heard.append(reader.heard(call))
                owner.refused = reader.refused(call)
                unchanged = changed_nothing(touched, refused=owner.refused)
                again = arrival.failing is None and reader.idle(call, arrival, owner, unchanged)
                owner.idle = again and owner.idle
                if reader.counts(call):
                    self._heard(owner, arrival, looks=unchanged)
        return touched

    async def hidden(self, arrival: Arrival) -> Footprint:
        """Return what an answered unit touched beyond what its text tells."""
        extra = await self._readers[arrival.call.tap].hidden(arrival.call, arrival)
        if arrival.owner is not None and not extra.empty:
            self._background.attempted(arrival.session, extra)
        return extra

    def told(self, call: Call) -> bool:
        """Return whether the service goes on with the answer, and not the tap or the driver
        alone."""
        return self._readers[call.tap].told(call)

    def raises(self, call: Call) -> bool:
        """Return whether the unit may have had Stripe raise an event."""
        return self._readers[call.tap].raises(call)

    def blocks(self, call: Call) -> bool:
        """Return whether the unit may wait until another one comes."""
        return self._readers[call.tap].blocks(call)

    # --- what the search has to know ----------------------------------------------------------

    @property
    def overtaken(self) -> frozenset[str]:
        """The units of this execution that are no single moments, though they passed as such."""
        sessions = self._reading.sessions
        return frozenset(sessions.moments.overtaken) - sessions.held_apart

    @property
    def listed(self) -> frozenset[str]:
        """The collections of Stripe's that somebody was told to have looked through, the tables
        that somebody looked through in which attempts make rows, and columns that were changed."""
        told_by_stripe, rows, facts = (
            self._reading.told,
            self._reading.new_rows,
            self._reading.facts,
        )
        tables: frozenset[str] = frozenset() if rows is None else rows.in_order
        tables |= frozenset() if facts is None else facts.changed
        return tables if told_by_stripe is None else tables | told_by_stripe.listed

    def through(self, roles: Mapping[str, Hashable]) -> None:
        """All attempts are through: see what decided. ``roles`` are equal for those that do the
        same."""
        timed = self._reading.timed_answers
        timed.add(self._stories, roles)
        for answer in timed.found:
            self._reading.decided(answer)
        for answer in timed.withdrawn:
            self._reading.leases.stands_without(answer.kind)

    @property
    def due(self) -> bool:
        """Return whether anything is due at Stripe at a later time."""
        return self._reading.due

    def settle(self) -> None:
        """The execution is over: see between whose looks others did something."""
        for unit in self._reading.sessions.gaps.torn():
            self._reading.disturbs(
                f"{unit} torn",
                f"{quoted(unit)} looks several times, each time at what is there by then, and what "
                "others commit between two of its looks was not tried",
            )

    # --- helpers ------------------------------------------------------------------------------

    def _heard(self, owner: Player, arrival: Arrival, *, looks: bool) -> None:
        """``owner`` was answered: its story goes on."""
        call, reader = arrival.call, self._readers[arrival.call.tap]
        self._answers += 1
        told = Told(
            kind=arrival.label.replace(f"{owner.name}#", "#"),
            said=owner.heard[-1].said,
            looks=looks,
            keyed=reader.keyed(call),
            ahead=reader.ahead(call),
            window=reader.window(call),
            many=reader.many(call),
            number=self._answers,
        )
        self._stories.setdefault(owner.name, []).append(told)

    def _alone(self, call: Call, connection: Connection) -> Arrival:
        """A unit of nobody's."""
        return Arrival(call, *self.session(call, connection))

    def _told_apart_by_time(self, call: Call, how: str | None) -> None:
        if how is not None:
            self._reading.disturbs(
                f"time {call.tap} {call.label}",
                f"whether two times are equal decides ({quoted(call.label)} {how}), and two "
                "attempts "
                "that read the clock at the same moment were not tried: tell them apart by a "
                "random value or a counter",
            )
