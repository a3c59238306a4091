"""Recordings of one attempt alone, and the predictions made from them: plain frozen data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.history import Effect
from paidonce.harness.orms import RowAsked
from paidonce.harness.taps.changes import Change

Place = tuple[str, str, str]
"""A table with its schema, a column, and a value in it."""


@dataclass(frozen=True)
class Solo:
    """One attempt, played alone from the initial state.

    ``effects`` are those of the attempt, in the order in which they arrived at the taps, with
    their requests and answers as a history has them. ``known`` names values that were there before
    it began ({"5f36…": "order 1"}): the same name in two recordings means the same thing, although
    each recording may have an order of its own. ``rows`` names what the preparation put into
    columns whose values a sequence makes up, by table, column and value; ``own`` are those of rows
    the attempt has made itself.
    """

    name: str
    effects: tuple[Effect, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[Place, str] = field(default_factory=dict)
    own: frozenset[Place] = frozenset()


class Kind(enum.StrEnum):
    """Where an effect goes."""

    SQL = "sql"
    STRIPE = "stripe"
    REDIS = "redis"


class Spot(msgspec.Struct, frozen=True):
    """One effect of an attempt, so that it is found again in another execution.

    ``label`` is that of a step ("stripe payment_intent.create"); ``occurrence`` counts, from 1,
    the attempt's effects with that label, ``number`` all of them. ``text`` is the statement, call
    or command as it was observed.
    """

    attempt: str
    number: int
    label: str
    occurrence: int
    text: str = ""

    @property
    def step(self) -> tuple[str, int]:
        """Return what names it in every execution."""
        return (self.label, self.occurrence)


class PredictedOrder(msgspec.Struct, frozen=True):
    """A bad order: one attempt's ``read``, another's ``write`` (seen with ``seen``), the first
    attempt's ``act``. ``settled`` is the write by which the first attempt puts down what it has
    done, None if it does so with ``act`` itself or not at all."""

    read: Spot
    write: Spot
    seen: Spot
    act: Spot
    settled: Spot | None = None


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A read that decides, and what is done on its account although it may no longer be true.

    ``readers`` and ``rivals`` are the attempts that do so, those of one kind together; any two of
    them that are not the same may meet. ``orders`` are the bad orders, the worst first: ``read``,
    ``rival`` and ``act`` are those of the first. ``why`` tells it in words. ``lease`` is the Redis
    lock that prevents it as long as its lease lasts. ``twice`` tells that the read is made again
    later under protection, so that it only matters if that is not looked at.
    """

    readers: tuple[str, ...]
    rivals: tuple[str, ...]
    orders: tuple[PredictedOrder, ...]
    why: str
    fixes: tuple[Fix, ...] = ()
    lease: str | None = None
    twice: bool = False

    @property
    def read(self) -> Spot:
        """The read that decides."""
        return self.orders[0].read

    @property
    def rival(self) -> Spot:
        """The other attempt's write, after which it is no longer true."""
        return self.orders[0].write

    @property
    def act(self) -> Spot:
        """Return the act that is then done all the same."""
        return self.orders[0].act


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """One way to close it.

    ``name`` is one of FOR UPDATE, conditional UPDATE, unique index, advisory lock, claim and
    idempotency key. ``how`` says in a sentence what to do, ``before`` is the observed statement,
    ``after`` what it becomes ("" where nothing is replaced or nothing is left).
    """

    name: str
    how: str
    before: str = ""
    after: str = ""
    partly: str = ""
    """The part that stays open all the same, "" if nothing does."""
    part: bool = False
    """It closes a part of the race by itself, and is a fix where nothing else was open."""
    changes: tuple[Change, ...] = ()
    """The changes that the taps make so that it is tried, with the service untouched."""
    untried: str = ""
    """The reason why it cannot be tried from outside, where there are no ``changes``."""
    row: RowAsked | None = None
    """The row it is about, where an ORM's call for it can be told."""
    orm: str = ""
    """The ORM that the service speaks, "" where that is not known, or has no call for this."""
    call: str = ""
    """The fix as that ORM's call."""


class Blind(enum.StrEnum):
    """The kinds of things that predictions cannot see."""

    MEMORY = "memory"
    """The attempt writes, or calls Stripe, before it has read anything at a tap."""
    VALUE = "value"
    """The row that two attempts mean by a value that differs in every execution."""
    STATEMENT = "statement"
    """A statement that could not be read, so that what it decides is not known."""
    WITHIN = "within"
    """The looks and writes within one statement, function or trigger."""
    REDIS = "redis"
    """The decisions made by the answer of a command to Redis."""
    STRIPE = "stripe"
    """The decisions made by the answer of a call to Stripe."""


class Unjudged(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may decide and was not judged: ``spot`` is where, ``detail`` names the value
    or function, "" where the spot says it all."""

    blind: Blind
    spot: Spot
    detail: str = ""


VERSIONS = ("version", "lock_version", "row_version", "revision", "optlock")
"""Names of columns by which a row is known to be as it was read."""


class TrapKind(enum.StrEnum):
    """The kinds of traps that a recording may show."""

    RELEASED = "released"
    """A lock outside a transaction."""
    STALE = "stale"
    """An entity that is saved whole, as it was read."""
    SKIPS = "skips"
    """An update that leaves the version as it is."""


class Trap(msgspec.Struct, frozen=True, kw_only=True):
    """A protection that was written and does not protect: at ``spot``.

    ``columns`` are those that are written back, or the version; ``read`` is where they were read.
    ``orm`` is the ORM that speaks, ``lock`` what it calls its lock, both "" where not known.
    """

    kind: TrapKind
    spot: Spot
    columns: tuple[str, ...] = ()
    read: Spot | None = None
    orm: str = ""
    lock: str = ""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A count of what was looked at: ``reads`` that decide, on ``attempts`` that were played alone.

    ``left_out`` predictions are not told of because there are too many. ``traps`` are what the
    recordings show besides.
    """

    attempts: int
    reads: int
    unjudged: tuple[Unjudged, ...] = ()
    left_out: int = 0
    traps: tuple[Trap, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """The predictions, what they are from, and the catalog by which the statements were read."""

    predictions: tuple[Prediction, ...]
    looked: Looked
    catalog: Catalog


class Standing(enum.StrEnum):
    """The fates of a prediction."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    OPEN = "open"


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement whether a prediction is why there is a counterexample, and how that is known."""

    matters: bool
    words: str


class Trial(enum.StrEnum):
    """The fates of a fix that is to be tried."""

    CLOSES = "closes it, proved"
    PART = "closes a part"
    DOES_NOT = "does not"
    UNDECIDED = "not decided"
    CANNOT = "cannot be tried from outside"


class TriedFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix of a prediction, by its name, and what came of it.

    ``witness`` is a file below the folder of the report, "" where there is none. ``along_with`` are
    the numbers of predictions, from 1, whose fixes of that name were made as well."""

    fix: str
    result: Trial
    reason: str
    witness: str = ""
    along_with: tuple[int, ...] = ()


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction and what became of it. ``reason`` says why it is open, or what decided it.
    ``tried`` is what came of its fixes, in their order; empty where they were not tried."""

    prediction: Prediction
    standing: Standing
    reason: str
    tried: tuple[TriedFix, ...] = ()
