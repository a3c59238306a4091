"""Reads an attempt's effects into moves: what each looks at, writes and decides, and in which
transaction.

What a statement touches is told by ``paidonce.harness.explore.footprint.sql``, what a call or
command touches by the footprints of Stripe and Redis. Here they are only put in a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.statement_footprint import UNKNOWN, StatementFootprint
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker
from paidonce.harness.explore.footprint.stripe import stripe_footprint
from paidonce.harness.history import Effect
from paidonce.harness.predict.conditions import UNREAD, Shape, shapes
from paidonce.harness.predict.together import RenamedRecording, Renaming
from paidonce.harness.predict.types import Kind, Solo, Spot
from paidonce.harness.taps.redis import RedisCommand
from paidonce.harness.taps.stripe.calls import StripeCall

NEVER = 1 << 40
"""The ``at`` of what does not come to an end."""
LOCAL_STATEMENT = StatementFootprint(kind="local")
NONE: frozenset[Resource] = frozenset()


@dataclass(frozen=True)
class BadOrder:
    """A bad order in moves; ``lease`` names the Redis lock that prevents it while it lasts."""

    read: Move
    write: Move
    act: Move
    lease: str | None = None

    def settling(self, mine: Story) -> tuple[Move, ...]:
        """The writes by which the attempt that read puts down what it has done."""
        return tuple(
            move
            for move in mine.moves[self.act.at + 1 :]
            if any(write.overlaps(look) for write in move.writes for look in self.read.looks)
        )

    def settled(self, mine: Story) -> int:
        """The ``at`` of the last of them; of the act, where there is none."""
        return max((move.at for move in self.settling(mine)), default=self.act.at)


@dataclass(frozen=True, kw_only=True)
class Move:
    """One statement, call or command. ``at`` counts the attempt's moves.

    ``transaction`` numbers transactions of the attempt (None outside of Postgres); a statement by
    itself is one of its own. ``rows`` were returned or changed, None where that is not known.
    ``writes`` are seen by others when the transaction has ended.
    """

    at: int
    spot: Spot
    kind: Kind
    effect: Effect
    looks: frozenset[Resource] = NONE
    writes: frozenset[Resource] = NONE
    transaction: int | None = None
    isolation: str = ""
    session: str = ""
    query: Query = field(default_factory=lambda: Query(""))
    found: StatementFootprint = LOCAL_STATEMENT
    shape: Shape = UNREAD
    rows: int | None = None

    @property
    def key(self) -> str | None:
        """The idempotency key of a call to Stripe."""
        idempotency_key = (
            self.effect.request.get("idempotency_key") if self.kind is Kind.STRIPE else None
        )
        return None if idempotency_key is None else str(idempotency_key)


@dataclass(frozen=True)
class Story:
    """An attempt's moves in order. ``ends`` has the move that ended a transaction, and
    ``undone`` the transactions whose end was a ROLLBACK."""

    name: str
    moves: tuple[Move, ...]
    ends: Mapping[int, int]
    undone: frozenset[int]

    def ended(self, move: Move) -> int:
        """The ``at`` of the move that ends the move's transaction; its own outside of one."""
        if move.transaction is None:
            return move.at
        return self.ends.get(move.transaction, move.at)

    def publishes(self, move: Move) -> Move | None:
        """The move by which others can see what ``move`` wrote; None if they never can."""
        if move.transaction in self.undone:
            return None
        return self.moves[self.ended(move)]

    @property
    def kind(self) -> tuple[tuple[str, str], ...]:
        """Return what others may notice of the attempt, and at which isolation level: equal for
        attempts that do the same."""
        noticed = (move for move in self.moves if move.looks or move.writes)
        return tuple((move.spot.label, move.isolation) for move in noticed)


def story(told: RenamedRecording, footprints: Footprints) -> Story:
    """The moves of an attempt that was recorded alone."""
    return _Reading(footprints, told).story(told.solo)


class _Reading:
    def __init__(self, footprints: Footprints, told: RenamedRecording) -> None:
        self._footprints = footprints
        self._renaming = Renaming(told, footprints.catalog)
        self._catalog = footprints.catalog
        self._trackers: dict[str, TransactionTracker] = {}
        self._open: dict[str, int] = {}
        self._moves: list[Move] = []
        self._ends: dict[int, int] = {}
        self._undone: set[int] = set()
        self._seen: Counter[str] = Counter()
        self._transactions = 0

    def story(self, solo: Solo) -> Story:
        for number, effect in enumerate(solo.effects, start=1):
            label = f"{effect.tap} {effect.label}"
            self._seen[label] += 1
            spot = Spot(solo.name, number, label, self._seen[label], shown(effect))
            if effect.tap == "postgres":
                if not _only_parsed(effect):
                    self._unit(effect, spot)
            elif effect.tap in ("stripe", "redis"):  # of a replica, say, nothing is foretold
                self._call(effect, spot)
        for session, number in self._open.items():  # left open: nobody will ever see its writes
            self._undone.add(number)
            del session
        return Story(solo.name, tuple(self._moves), self._ends, frozenset(self._undone))

    def _call(self, effect: Effect, spot: Spot) -> None:
        if effect.tap == "stripe":
            touched, kind = stripe_footprint(_stripe(effect), spot.attempt), Kind.STRIPE
        else:
            touched, kind = redis_footprint(_redis(effect)), Kind.REDIS
        self._moves.append(
            Move(
                at=len(self._moves),
                spot=spot,
                kind=kind,
                effect=effect,
                looks=touched.looks,
                writes=touched.publishes,
            )
        )

    def _unit(self, effect: Effect, spot: Spot) -> None:
        session = str(effect.request["session"])
        tracker = self._trackers.setdefault(session, TransactionTracker(self._footprints))
        answer = effect.answer or {}
        tags: list[str] = list(answer.get("tags") or ())
        failed = answer.get("error") is not None
        queries = list(_queries(effect))
        for number, query in enumerate(queries):
            last = number == len(queries) - 1
            path = tracker.path
            footprint, shape = UNKNOWN, UNREAD
            if query.sql and path is not None:
                read = self._footprints.of(query.sql, query.params, nulls=query.nulls, path=path)
                told = shapes(query.sql, query.params, query.nulls, path, self._catalog)
                footprint = self._renaming.found(read[0], spot.number) if read else LOCAL_STATEMENT
                shape = told[0] if told else UNREAD
            tag = tags[number] if number < len(tags) else ""
            isolation = tracker.isolation
            tracker.expect([query], ends=last)
            tracker.done(failed=failed and last, status=answer.get("status") if last else None)
            transaction = self._transaction(session, tracker, tag, failed and last)
            touched = not failed and footprint.kind not in ("begin", "commit", "rollback")
            self._moves.append(
                Move(
                    at=len(self._moves),
                    spot=msgspec.structs.replace(spot, text=query.sql),
                    kind=Kind.SQL,
                    effect=effect,
                    looks=_rows(footprint.looks) if touched else NONE,
                    writes=_rows(footprint.writes | footprint.at_once) if touched else NONE,
                    transaction=transaction,
                    isolation=isolation,
                    session=session,
                    query=query,
                    found=footprint,
                    shape=shape,
                    rows=rows_of(tag),
                )
            )

    def _transaction(
        self, session: str, tracker: TransactionTracker, tag: str, failed: bool
    ) -> int:
        """The number of the transaction the next move is part of."""
        number = self._open.get(session)
        if number is None:
            number = self._transactions = self._transactions + 1
        if tracker.inside:
            self._open[session] = number
            return number
        self._open.pop(session, None)
        self._ends[number] = len(self._moves)
        if failed or tag == "ROLLBACK":
            self._undone.add(number)
        return number


def puts_in(move: Move) -> bool:
    """Return whether a statement only puts in rows that were nobody's before: none that is there is
    changed, neither by ON CONFLICT nor by an UPDATE within it."""
    changes = move.shape.upserts or move.shape.updates or move.found.modifies
    return move.found.kind == "insert" and not changes


def rows_of(tag: str) -> int | None:
    """Return how many rows a command tag (manual, section 54.7, CommandComplete) speaks of."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else None


def shown(effect: Effect) -> str:
    """Return what was sent, for people."""
    if effect.tap in ("postgres", "replica"):
        return "; ".join(effect.request.get("sql") or ())
    if effect.tap == "redis":
        args = effect.request.get("args") or ()
        return " ".join([str(effect.request.get("command")), *map(str, args)])
    key = effect.request.get("idempotency_key")
    call = f"{effect.request.get('method')} {effect.request.get('path')}"
    return call if key is None else f"{call} (Idempotency-Key: {key})"


def _rows(resources: frozenset[Resource]) -> frozenset[Resource]:
    """Those of tables: what is locked or notified besides is no state that anybody goes by."""
    return frozenset(
        resource for resource in resources if not resource.place or resource.place[:1] == ("pg",)
    )


def _only_parsed(effect: Effect) -> bool:
    """Return whether a driver has only had a statement prepared: nothing of it was carried out."""
    answer = effect.answer or {}
    return effect.label.startswith("prepare ") and not (answer.get("tags") or answer.get("error"))


def statements_of(effect: Effect) -> tuple[str, ...]:
    """The texts of the statements that an effect before Postgres ran."""
    return tuple(query.sql for query in _queries(effect))


def _queries(effect: Effect) -> Iterator[Query]:
    request = effect.request
    texts: Sequence[str] = request.get("sql") or ()
    nulls = request.get("nulls") or [()] * len(texts)
    for text, params, absent in zip(texts, request.get("params") or (), nulls, strict=False):
        for part in _split(text):
            yield Query(part, tuple(params), tuple(absent))


def _split(text: str) -> Sequence[str]:
    """The statements of a simple query that has several."""
    if ";" not in text.rstrip("; \n"):
        return (text,)
    try:
        return tuple(sql_trees.split(text)) or (text,)
    except sql_trees.ParseError:
        return (text,)


def _stripe(effect: Effect) -> StripeCall:
    request = effect.request
    return StripeCall(
        seq=effect.seq,
        method=request["method"],
        path=request["path"],
        label=effect.label,
        params=request.get("params") or {},
        idempotency_key=request.get("idempotency_key"),
    )


def _redis(effect: Effect) -> RedisCommand:
    request = effect.request
    return RedisCommand(
        seq=effect.seq,
        session=request.get("session", 0),
        name=request["command"],
        args=tuple(str(arg).encode() for arg in request.get("args") or ()),
        databases=frozenset() if request.get("db") is None else frozenset({request["db"]}),
    )
