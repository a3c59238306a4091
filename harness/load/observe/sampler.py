"""Looks at Postgres while load runs: what sessions do and wait for, what was rolled back."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from paidonce.harness.errors import PaidonceError, Unavailable
from paidonce.harness.load.observe.background_watch import BackgroundWatch
from paidonce.harness.results.load_observed import LOCK, Sessions, Timeline

INTERVAL = 0.02
"""Seconds between two samples."""

LOCKS_EVERY = 5
"""pg_locks is looked at with every so many-th sample: to read it, the server stops its lock tables
for a moment (PostgreSQL 18 manual, section 53.13)."""
_STEPS = 120
"""A timeline has at most so many steps."""
_WAITSTART_SINCE = 140_000
"""The server version that first told since when a lock is waited for."""

# pg_stat_activity is true at the moment of the look; wait_event_type 'Lock' covers heavyweight
# locks: rows, relations, transactions and advisory ones (PostgreSQL 18 manual, section 27.2.3).
# The counters of pg_stat_database reach shared memory when a session goes idle, and at most once
# a second per session (section 27.2.2), so they lag behind by up to that. Differences taken
# while load runs lose as much at their end as they gain at their beginning.
_QUERY = """
SELECT (SELECT coalesce(json_object_agg(kind, number), '{}') FROM (
           SELECT CASE WHEN state LIKE 'idle in transaction%' THEN 'idle in transaction'
                       WHEN state = 'idle' THEN 'idle'
                       WHEN wait_event_type IS NULL THEN 'running'
                       ELSE wait_event_type || ': ' || wait_event END AS kind,
                  count(*) AS number
             FROM pg_stat_activity
            WHERE datname = current_database() AND state <> 'disabled'
              AND application_name NOT LIKE 'paidonce%'
            GROUP BY kind) AS kinds),
       xact_commit, xact_rollback, deadlocks
  FROM pg_stat_database WHERE datname = current_database()
"""
_LOCKS = """
SELECT l.locktype || ' ' || l.mode, count(*), {longest}
  FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
 WHERE NOT l.granted AND a.datname = current_database() GROUP BY 1
"""
_LONGEST = "coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000), 0)::float8"


@dataclass(frozen=True)
class Locks:
    """Lock requests that were not granted, by kind; the longest wait in ms, None if not told."""

    waiting: dict[str, int]
    longest_ms: float | None


@dataclass(frozen=True)
class Sample:
    """One look; ``t`` is ``time.monotonic_ns()``, the counters are since the database began.

    ``sessions`` counts sessions by what they do, in the words of
    ``paidonce.harness.results.load_observed.Sessions``. ``locks`` is None where pg_locks was not
    looked at.
    """

    t: int
    sessions: dict[str, int]
    commits: int
    rollbacks: int
    deadlocks: int
    locks: Locks | None = None

    @property
    def waiting(self) -> int:
        """Sessions that waited for a lock."""
        return sum(n for kind, n in self.sessions.items() if kind.startswith(LOCK))


@dataclass(frozen=True)
class DatabaseSummary:
    """``lock_waits``: mean sessions waiting per sample; the counters are differences."""

    samples: int
    lock_waits: float
    lock_wait_share: float
    commits: int
    rollbacks: int
    deadlocks: int
    sessions: Sessions


def summarise_samples(samples: tuple[Sample, ...], start: int, end: int) -> DatabaseSummary:
    """Return what the samples at ``start <= t < end`` say (monotonic ns). Pure.

    Counters are compared with the last sample before ``start`` if there is one, so that nothing
    counted between it and the first one inside is lost. Every look is a transaction of the
    sampler's own, left out of ``commits``. Raises ``ValueError`` when no sample is inside:
    not having looked is not the same as having seen nobody wait.
    """
    inside = [sample for sample in samples if start <= sample.t < end]
    if not inside:
        raise ValueError("the database was not looked at within the measured window")
    before = [sample for sample in samples if sample.t < start]
    first, last = before[-1] if before else inside[0], inside[-1]
    counted = inside if before else inside[1:]
    own = len(counted) + sum(sample.locks is not None for sample in counted)
    return DatabaseSummary(
        samples=len(inside),
        lock_waits=sum(sample.waiting for sample in inside) / len(inside),
        lock_wait_share=sum(sample.waiting > 0 for sample in inside) / len(inside),
        commits=max(0, last.commits - first.commits - own),
        rollbacks=last.rollbacks - first.rollbacks,
        deadlocks=last.deadlocks - first.deadlocks,
        sessions=_sessions(inside, start, end),
    )


def _sessions(inside: Sequence[Sample], start: int, end: int) -> Sessions:
    kinds = sorted({kind for sample in inside for kind in sample.sessions})
    looked = [sample.locks for sample in inside if sample.locks is not None]
    locks = sorted({kind for look in looked for kind in look.waiting})
    waits = [look.longest_ms for look in looked if look.longest_ms is not None]
    return Sessions(
        samples=len(inside),
        interval_ms=round((end - start) / 1e6 / len(inside), 2),
        means={kind: _mean([sample.sessions.get(kind, 0) for sample in inside]) for kind in kinds},
        timeline=_timeline(inside, kinds, start, end),
        locks={kind: _mean([look.waiting.get(kind, 0) for look in looked]) for kind in locks},
        longest_lock_wait_ms=round(max(waits), 3) if waits else None,
    )


def _timeline(inside: Sequence[Sample], kinds: list[str], start: int, end: int) -> Timeline:
    number = min(_STEPS, len(inside))
    steps: list[list[Sample]] = [[] for _ in range(number)]
    for sample in inside:
        steps[(sample.t - start) * number // (end - start)].append(sample)
    for at, step in enumerate(steps):
        if not step:  # nobody looked: as it was before, or (at the beginning) as it came to be
            step += steps[at - 1] if at else inside[:1]
    return Timeline(
        step_ms=round((end - start) / 1e6 / number, 3),
        series={
            kind: tuple(_mean([sample.sessions.get(kind, 0) for sample in step]) for step in steps)
            for kind in kinds
        },
    )


def _mean(numbers: Sequence[int]) -> float:
    return round(sum(numbers) / len(numbers), 4)


class SamplerFailed(PaidonceError):
    """The sampler's connection broke while load ran, so its numbers would be partial."""


class Sampler(BackgroundWatch):
    """Samples the database of ``url`` on a connection and a thread of its own.

    Use as a context manager around the load; ``samples`` afterwards. Sessions of other roles
    show their waits only to a superuser or a member of ``pg_read_all_stats``, so ``url`` should
    be the service's own. Raises ``Unavailable`` when Postgres cannot be reached at the start,
    and ``SamplerFailed`` at the end when the connection broke meanwhile.
    """

    def __init__(self, url: str, interval: float = INTERVAL) -> None:
        super().__init__("sampler")
        self._interval = interval
        self._samples: list[Sample] = []
        try:
            self._connection = psycopg.connect(
                url, autocommit=True, application_name="paidonce sampler", connect_timeout=5
            )
        except psycopg.Error as error:
            raise Unavailable(
                "postgres",
                f"cannot be reached to watch for lock waits ({error})",
                "Give the address of the database the service under load uses",
            ) from error
        self._tells_since_when = self._connection.info.server_version >= _WAITSTART_SINCE

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Everything sampled so far, in order of time."""
        return tuple(self._samples)

    def _watch(self, told: threading.Event) -> None:
        try:
            self._sample(told)
        except psycopg.Error as error:
            raise SamplerFailed(f"watching Postgres under load failed: {error}") from error

    def _sample(self, told: threading.Event) -> None:
        due = time.monotonic()
        with self._connection.cursor() as cursor:
            locks = _LOCKS.format(longest=_LONGEST if self._tells_since_when else "NULL")
            while not told.is_set():
                every = len(self._samples) % LOCKS_EVERY == 0
                self._samples.append(_look(cursor, locks if every else None))
                # A slow look must not be followed by a hurry of looks to catch up.
                due = max(due + self._interval, time.monotonic())
                told.wait(due - time.monotonic())

    def _let_go(self) -> None:
        self._connection.close()


def _look(cursor: psycopg.Cursor[Any], locks: str | None) -> Sample:
    row = cursor.execute(_QUERY, prepare=True).fetchone()
    if row is None:
        raise SamplerFailed("pg_stat_database has no row for this database")
    t = time.monotonic_ns()
    sessions, commits, rollbacks, deadlocks = row
    return Sample(
        t=t,
        sessions=sessions,
        commits=commits,
        rollbacks=rollbacks,
        deadlocks=deadlocks,
        locks=None if locks is None else _look_at_locks(cursor, locks),
    )


def _look_at_locks(cursor: psycopg.Cursor[Any], query: str) -> Locks:
    found = cursor.execute(query, prepare=True).fetchall()
    waits = [longest for _, _, longest in found if longest is not None]
    return Locks(
        waiting={kind: number for kind, number, _ in found},
        longest_ms=max(waits) if waits else None,
    )
