"""Reads what arrives at the taps: whose it is, what it touches, and what it is called."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.attribution_learnt import Habits
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.control.database_timeouts import Timeouts
from paidonce.harness.explore.control.deferral import LateLocks
from paidonce.harness.explore.control.hidden_locks import HiddenLocks
from paidonce.harness.explore.control.leases import Leases
from paidonce.harness.explore.control.one_key import OneKey
from paidonce.harness.explore.control.polling import changed_nothing, refused
from paidonce.harness.explore.control.sql_sessions import SqlSessions, session_name
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.explore.footprint.stripe import key_of, stripe_footprint
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.explore.naming.answer_digest import heard
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.naming.provenance import created, looked_at, sent
from paidonce.harness.service.script import LookedUp
from paidonce.harness.taps.gate import Call, Connection
from paidonce.harness.taps.postgres import Unit
from paidonce.harness.taps.redis import RedisCommand
from paidonce.harness.taps.stripe.calls import StripeCall, read_call

ITSELF = ""
"""The owner of a transaction that no attempt began."""
_ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
_SERVERS = {"redis": "Redis", "postgres": "Postgres", "stripe": "Stripe"}


class TapReader:
    """The ``Reader`` of a control (see ``paidonce.harness.explore.control.controller``) for real
    taps.
    """

    def __init__(
        self,
        sessions: SqlSessions,
        names: Names,
        players: Sequence[Player],
        background: Background | None = None,
        habits: Habits | None = None,
        hidden_locks: HiddenLocks | None = None,
        began: float | None = None,
        told: ToldByStripe | None = None,
        leases: Leases | None = None,
        timeouts: Timeouts | None = None,
        split: Collection[str] = (),
    ) -> None:
        """``told`` reads what Stripe tells of its calls, where it does; ``split`` are the labels of
        those that are two steps (see ``paidonce.harness.explore.control.one_key``)."""
        self.names = names
        self.late = LateLocks(sessions)
        self.one_key = OneKey(split)
        self._sessions = sessions
        self._players = {player.name: player for player in players}
        self._background = background or Background()
        self._times = Times(
            time.time() if began is None else began, self._background, names.beforehand
        )
        self._habits = habits or Habits({})
        self._hidden_locks = hidden_locks
        self._told = told
        self._makers: dict[int, str] = {}
        """By the number of a call to Stripe, what its attempt's calls are told apart by."""
        self._leases = leases or Leases()
        self._timeouts = timeouts or Timeouts()
        self._owners: dict[str, str] = {}
        self._parsed: dict[str, tuple[str, ...]] = {}
        """What was parsed last on a session, to be run in the same step."""

    def session(self, call: Call, connection: Connection) -> tuple[str, int | None]:
        """A name for the connection, and the Postgres backend behind it."""
        if isinstance(call, Unit):
            return session_name(call.session), call.pid
        return f"{call.tap} connection {id(connection)}", None

    def owner(self, session: str) -> str | None:
        """The attempt whose transaction is open on the session; ``ITSELF`` if nobody's is."""
        return self._owners.get(session)

    def holds_locks(self, session: str) -> bool:
        """Whether the transaction on the session has locked anything yet."""
        return self._sessions.tracker(session).holds_locks

    def held(self, session: str) -> frozenset[Resource]:
        """What the transaction on the session has locked so far."""
        return self._sessions.tracker(session).touched.locks

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction of that attempt open on them."""
        return tuple(session for session, name in self._owners.items() if name == owner)

    def background(self, arrival: Arrival) -> bool:
        """Whether this is the service's own business; then it is followed as such."""
        call, owner = arrival.call, self._owners.get(arrival.session)
        if owner == ITSELF and not self._begun(arrival.session):
            known = self._background.knows(call) or self.local(arrival)
        elif owner is None or not self._begun(arrival.session):
            known = self._background.expected and self._background.knows(call)
        else:
            known = owner == ITSELF
        if not known:
            return False
        arrival.itself = True
        if owner is not None:  # begun by a statement that could have been anybody's
            self._owners[arrival.session] = ITSELF
        self._background.passed(call, arrival.session, self._touches(arrival))
        return True

    def after_the_end(self, call: Call, connection: Connection) -> None:
        """The unit came when every attempt was through."""
        session, _ = self.session(call, connection)
        if self._owners.get(session) in (None, ITSELF):
            self._background.after_the_end(call)

    def local(self, arrival: Arrival) -> bool:
        """Whether the unit touches nothing, whoever sends it."""
        return not isinstance(arrival.call, StripeCall) and self._touches(arrival).empty

    def habitual(self, arrival: Arrival, players: Sequence[Player]) -> Player | None:
        """The only one of ``players`` that is known to go on like this."""
        return self._habits.whose(self._labelled(arrival.call), players)

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""
        call = arrival.call
        call.attempt = owner.name
        self._leases.saw(call)
        sent(self.names, owner.name, call)
        self._told_apart_by_time(call, self._times.sent(owner.name, call))
        text = self._labelled(call)
        if isinstance(call, StripeCall):
            owner.calls += 1
            self.one_key.sends(owner.name, call)
            maker = self._makers[call.seq] = f"{owner.name} {owner.calls}"
            touched = self._at_stripe(call, maker)
        else:
            touched = self._touches(arrival)
            self.late.read(arrival.session, touched)
            if isinstance(call, Unit):
                self._look_between(call, arrival.session, owner.name)
        if isinstance(call, Unit) and not touched.empty:
            arrival.goes_on = self._parsed.pop(arrival.session, None) == tuple(
                one.sql for one in call.statements
            )
            if _parses_once(call):
                self._parsed[arrival.session] = tuple(one.sql for one in call.prepared)
                text = f"{call.tap} {call.label_when_run}"
        if not touched.empty and not arrival.goes_on:
            self._habits.learn(owner, text)
        return self.names.text(owner.name, text), touched

    def _labelled(self, call: Call) -> str:
        """What a unit is in words: a key of Redis with what was captured in it by its name, which
        the history is told as well."""
        if isinstance(call, RedisCommand):
            call.named = self.names.seen_within
        return f"{call.tap} {call.label}"

    @property
    def overtaken(self) -> frozenset[str]:
        """The units of this execution that are no single moments, though they passed as such."""
        return frozenset(self._sessions.moments.overtaken) - self._sessions.held_apart

    def _look_between(self, call: Unit, session: str, actor: str) -> None:
        if self._sessions.came(actor, session, f"{call.tap} {call.label}", call.statements):
            self._background.disturbing[f"{call.tap} {call.label}"] = (
                f"{call.label!r} could not be held before its commit, and what others come to "
                "meanwhile was not tried"
            )
        if self._sessions.in_pieces(session, call.statements):
            self._background.disturbing[f"{call.tap} {call.label}"] = (
                f"{call.label!r} is several statements sent as one, and what may come between "
                "them was not tried"
            )
        if self._sessions.unchecked(session):
            self._background.disturbing[f"{call.tap} {call.label} unchecked"] = (
                f"{call.label!r} runs triggers that were put off and commits, and what may come "
                "between was not tried"
            )
        if self._sessions.commits_inside(session, call.statements):
            self._background.disturbing[f"{call.tap} {call.label}"] = (
                f"{call.label!r} commits while it runs, and what may come between its transactions "
                "was not tried"
            )

    def settle(self) -> None:
        """The execution is over: see between whose looks others did something."""
        for unit in self._sessions.gaps.torn():
            self._background.disturbing[f"{unit} torn"] = (
                f"{unit!r} looks several times, each time at what is there by then, and what "
                "others commit between two of its looks was not tried"
            )

    def moment(self, arrival: Arrival) -> bool:
        """Whether the unit is a statement that commits by itself, in this very step."""
        call = arrival.call
        return (
            isinstance(call, Unit)
            and call.ends in ("query", "sync")
            and not call.continues
            and self._sessions.could_be_apart(arrival.session, call.statements)
        )

    def _told_apart_by_time(self, call: Call, how: str | None) -> None:
        if how is not None:
            self._background.disturbing[f"time {call.tap} {call.label}"] = (
                f"whether two times are equal decides ({call.label!r} {how}), and two attempts "
                "that read the clock at the same moment were not tried: tell them apart by a "
                "random value or a counter"
            )

    def _touches(self, arrival: Arrival) -> Footprint:
        call = arrival.call
        if isinstance(call, Unit) and call.ends != "function":
            tracker = self._sessions.tracker(arrival.session)
            return tracker.expect(
                call.statements, prepared=call.prepared, ends=call.ends != "flush"
            )
        if isinstance(call, RedisCommand):
            return redis_footprint(call)
        return EVERYTHING

    def _begun(self, session: str) -> bool:
        """Whether the transaction on the session has touched anything yet."""
        return not self._sessions.tracker(session).touched.empty

    def expected(self, arrival: Arrival) -> Footprint:
        """What a unit will touch, as it is known by now."""
        if isinstance(arrival.call, Unit) and arrival.call.ends != "function":
            return self._sessions.tracker(arrival.session).expected
        if isinstance(arrival.call, StripeCall) and (
            self.one_key.begins(arrival) or self.one_key.refused(arrival)
        ):
            return Footprint(publishes=key_of(arrival.call))
        return arrival.footprint

    def looked_up(self, actor: str, seen: LookedUp) -> Footprint:
        """What was looked at to tell what is delivered to the service for ``actor``."""
        for value, name in seen.known.items():
            self.names.call(value, name)
        if not seen.path:
            return LOCAL
        call = read_call(0, "GET", seen.path, {}, b"")
        call.touched = seen.told
        return self._at_stripe(call, actor)

    @property
    def listed(self) -> frozenset[str]:
        """The collections of Stripe's that somebody was told to have looked through."""
        return frozenset() if self._told is None else frozenset(self._told.listed)

    def _at_stripe(self, call: StripeCall, maker: str) -> Footprint:
        """What a call touches as it is told, or else as far as it can be read."""
        if call.in_use:
            return Footprint(publishes=key_of(call))
        if self._told is None:
            return stripe_footprint(call, maker)
        if call.touched is None:
            return self._told.renamed(stripe_footprint(call, maker))
        told = self._told.footprint(call.touched, maker)
        return told.union(Footprint(publishes=key_of(call)))

    def answered(self, arrival: Arrival) -> Footprint:
        """What an answered unit did touch; follows whose transaction is open on its session."""
        touched = self._touched(arrival)
        self.one_key.answered(arrival)
        self.late.answered(arrival, waited=_waits(arrival.owner))
        if arrival.owner is not None:
            self._background.attempted(arrival.session, touched)
            if not arrival.footprint.empty:
                arrival.owner.heard.append(heard(arrival.call, self.names))
                _take_stock(arrival.owner, arrival, touched)
        return touched

    async def hidden(self, arrival: Arrival) -> Footprint:
        """What an answered unit touched beyond what its text tells."""
        call = arrival.call
        if self._hidden_locks is None or not isinstance(call, Unit) or arrival.itself:
            return LOCAL
        tracker = self._sessions.tracker(arrival.session)
        open_still = call.status_after == "T" or (call.ends == "flush" and tracker.inside)
        if not open_still or call.pid is None:
            return LOCAL  # the end of its transaction has let go of all locks
        if not call.statements:
            return LOCAL  # parsing locks a table, against changes of its columns, and looks at none
        extra = await self._hidden_locks.beyond(call.label, call.pid, tracker)
        if arrival.owner is not None:
            self._background.attempted(arrival.session, extra)
        return extra

    def told(self, call: Call) -> bool:
        """Whether the service goes on with the answer, and not the tap or the driver alone."""
        if not isinstance(call, Unit):
            return True
        return not (call.unasked or call.ends == "flush" or _parses_once(call))

    def waits(self, arrival: Arrival) -> None:
        """A unit waits for a lock of another attempt's, or would if it were sent."""
        if isinstance(arrival.call, Unit):
            self._timeouts.waits(
                arrival.call.label,
                self._sessions.tracker(arrival.session).times,
                [
                    self._sessions.tracker(session).times
                    for session in self._owners
                    if session != arrival.session
                ],
            )

    def shares(self, call: Call) -> None:
        """The unit waited for its turn on a connection, in an order that might be another one if
        its attempt or the one before it were slower; see
        ``paidonce.harness.explore.control.shared_connections``."""
        self._background.disturbing[f"connection {call.tap}"] = (
            f"attempts share one connection to {_SERVERS.get(call.tap, call.tap)}, and what they "
            f"send there waits for one another ({call.label!r} did): what comes of it where one "
            "overtakes the other was not tried"
        )

    def closed(self, session: str) -> tuple[str | None, Footprint]:
        """The connection has ended: whose transaction that ended, and what it let go of."""
        let_go = self._sessions.tracker(session).closed()
        self.late.ended(session)
        self._sessions.forget(session)
        return self._owners.pop(session, None), let_go

    def _touched(self, arrival: Arrival) -> Footprint:
        call = arrival.call
        if arrival.owner is not None:
            created(self.names, arrival.owner.name, call)
            looked_at(self.names, call)
            how = self._times.answered(arrival.owner.name, call)
            self._told_apart_by_time(call, how)
        if isinstance(call, StripeCall):
            return self._at_stripe(call, self._makers.get(call.seq, ""))
        if not isinstance(call, Unit):
            return arrival.footprint
        if call.status_after in ("T", "E"):
            self._begins(arrival)
        elif call.status_after == "I":
            self._owners.pop(arrival.session, None)
        if call.ends == "function":
            return arrival.footprint
        tracker = self._sessions.tracker(arrival.session)
        touched = tracker.done(failed=call.answer.error is not None, status=call.status_after)
        if call.answer.error is None:
            self._sessions.gaps.answered(arrival.session, rows=call.answer.found)
        if call.ends == "flush" and tracker.inside:  # it is committed by what comes next
            self._begins(arrival)
        return touched

    def _begins(self, arrival: Arrival) -> None:
        """A transaction is open on the session: it belongs to whoever sent this."""
        if arrival.itself:
            self._owners[arrival.session] = ITSELF
        elif arrival.owner is not None:
            self._owners[arrival.session] = arrival.owner.name


def _parses_once(call: Unit) -> bool:
    """Whether the unit parses for good, under a name: drivers do so the first time, or the fifth
    time, that a connection meets a statement, so that it depends on the past of that connection
    whether there is such a unit at all."""
    return bool(call.prepared) and not call.statements and all(one.name for one in call.prepared)


def _take_stock(owner: Player, arrival: Arrival, touched: Footprint) -> None:
    """Note whether what ``owner`` was answered has changed anything."""
    call, session = arrival.call, arrival.session
    idle = changed_nothing(call, touched)
    if isinstance(call, Unit):
        ends = all(one.sql.upper().startswith(_ENDS) for one in call.statements)
        ended = ends and call.status_after == "I" and call.answer.error is None
        idle = idle or (ended and session not in owner.dirty)
        if call.status_after == "I":
            owner.dirty.discard(session)
        elif not idle:  # also where no status comes, before a statement's own COMMIT
            owner.dirty.add(session)
    owner.refused = refused(call)
    owner.idle = owner.idle and idle


def _waits(owner: Player | None) -> bool:
    return owner is not None and owner.at is At.LOCK
