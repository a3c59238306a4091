"""Observations of the servers while load ran: part of the data of a load run.

Plain frozen structs, as ``paidonce.harness.results.proof`` has them. All of it is of the measured
window alone.
"""

from __future__ import annotations

import enum

import msgspec

RUNNING = "running"
"""A session at work, waiting for nothing."""
HELD = "idle in transaction"
"""A session whose transaction is open while its client does something else: calls Stripe, say."""
IDLE = "idle"
"""A connection that is open and not in use."""
LOCK = "Lock: "
"""How the name of a session begins that waits for a heavyweight lock: ``Lock: transactionid``."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of sessions over time.

    ``series`` has for each kind of session its mean number in each step of ``step_ms``
    milliseconds, from the beginning of the measured window; all series are equally long. Kinds are
    those of ``Seen.sessions``. A step in which nobody looked repeats the one before it.
    """

    step_ms: float
    series: dict[str, tuple[float, ...]]


class Sessions(msgspec.Struct, frozen=True, kw_only=True):
    """The activity of the database's sessions, by ``pg_stat_activity`` and ``pg_locks``.

    ``samples`` looks were taken, ``interval_ms`` apart. ``means`` has the mean number of sessions
    of each kind: "running", "idle in transaction", "idle", or what one that is active waits for, as
    ``pg_stat_activity`` names it ("Lock: transactionid", "LWLock: WALWrite", "Client: ClientRead").
    ``locks`` has the mean number of lock requests that were not granted, by what was locked and how
    ("transactionid ShareLock"); ``longest_lock_wait_ms`` is the longest such wait seen, None where
    there was none or the server does not tell (before PostgreSQL 14).
    """

    samples: int
    interval_ms: float
    means: dict[str, float]
    timeline: Timeline
    locks: dict[str, float] = {}
    longest_lock_wait_ms: float | None = None

    @property
    def waiting(self) -> float:
        """Sessions that waited for a lock, on average."""
        return sum(mean for kind, mean in self.means.items() if kind.startswith(LOCK))

    @property
    def working(self) -> float:
        """Sessions that were active and did not wait for a lock, on average."""
        return sum(
            mean
            for kind, mean in self.means.items()
            if kind not in (HELD, IDLE) and not kind.startswith(LOCK)
        )

    @property
    def held(self) -> float:
        """Sessions whose transaction was open while they did nothing, on average."""
        return self.means.get(HELD, 0.0)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of other servers, a second; None where nobody can tell.

    ``stripe_calls`` are requests that Stripe answered, ``stripe_ms`` how long one took there (mean,
    in milliseconds, without the way to it and back). ``redis_commands`` are all commands, those of
    scripts as well, ``redis_round_trips`` how often Redis read from a connection: once for each
    command or pipeline that a client waits for.
    """

    stripe_calls: float | None = None
    stripe_ms: float | None = None
    redis_commands: float | None = None
    redis_round_trips: float | None = None


class Where(enum.StrEnum):
    """Where a request spends its time."""

    POOL = "pool"
    """Waiting for a connection of the service's pool."""
    LOCK = "lock"
    """Waiting for a lock in the database."""
    DATABASE = "database"
    """Everything else of the database: work, and the way to it and back where the service tells."""
    STRIPE = "stripe"
    REDIS = "redis"
    SERVICE = "service"
    """The rest: the service's own work, waiting for its threads and processors, and the client."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a request's mean time, in milliseconds.

    ``told`` is True where the service said so itself, in ``Server-Timing`` of its answers; else it
    is from samples, by Little's law: so many sessions at a time, so many requests a second.
    """

    where: Where
    ms: float
    told: bool = False


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a request goes, on average; the ``parts`` add up to ``ms``.

    Of the payments that succeeded where the service tells (``of`` is "payment"), else of every
    operation, whatever was answered ("operation").
    """

    of: str
    ms: float
    parts: tuple[Part, ...]


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """The requests that one payment sends when nobody else is there.

    ``round_trips`` to Postgres carry ``statements`` (BEGIN, COMMIT and ROLLBACK are among both) in
    ``transactions``, those of one statement included.
    """

    round_trips: int
    statements: int
    transactions: int
    stripe_calls: int
    redis_commands: int


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """The throughput of the same database and SQL, by pgbench and without a service.

    ``payments`` a second, with ``clients`` at once, each statement of a payment once, in its
    order and its transaction. ``made`` were finished; ``failed`` could not be serialized, are not
    among them and were not tried again. ``why_not`` says why it could not be measured; then
    ``payments`` is None.
    """

    payments: float | None = None
    clients: int = 0
    made: int = 0
    failed: int = 0
    why_not: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything seen of the servers in one load run.

    ``commits``, ``rollbacks`` and ``deadlocks`` are of the service's database. ``errors`` counts
    the errors the server reported, by SQLSTATE ("40001": a serialization failure, "40P01": a
    deadlock, "55P03": a lock that was not to be had), None where its log cannot be read.
    ``told_ms`` has the means of what the service said in ``Server-Timing``, in milliseconds, over
    the ``told_of`` payments that succeeded and said it.
    """

    sessions: Sessions
    commits: int
    rollbacks: int
    deadlocks: int
    errors: dict[str, int] | None = None
    counted: Counted = Counted()
    told_ms: dict[str, float] = {}
    told_of: int = 0
    spent: Spent | None = None
    alone: Alone | None = None
    limit: Limit | None = None

    @property
    def serialization_failures(self) -> int | None:
        """Return how many transactions could not be serialized; None where that is not known."""
        return None if self.errors is None else self.errors.get("40001", 0)
