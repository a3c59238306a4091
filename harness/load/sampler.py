"""Looks at Postgres while load runs: who waits for a lock, what was rolled back."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg

from harness.errors import PaidonceError, Unavailable

INTERVAL = 0.02
"""Seconds between two samples."""

# pg_stat_activity is true at the moment of the look; wait_event_type 'Lock' covers heavyweight
# locks: rows, relations, transactions and advisory ones (PostgreSQL 18 manual, section 27.2.3).
# The counters of pg_stat_database reach shared memory when a session goes idle, and at most once
# a second per session (section 27.2.2), so they lag behind by up to that. Differences taken
# while load runs lose as much at their end as they gain at their beginning.
_QUERY = """
SELECT (SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'),
       xact_commit, xact_rollback, deadlocks
  FROM pg_stat_database WHERE datname = current_database()
"""


@dataclass(frozen=True)
class Sample:
    """One look; ``t`` is ``time.monotonic_ns()``, the counters are since the database began."""

    t: int
    waiting: int
    commits: int
    rollbacks: int
    deadlocks: int


@dataclass(frozen=True)
class DatabaseSummary:
    """``lock_waits``: mean sessions waiting per sample; the counters are differences."""

    samples: int
    lock_waits: float
    lock_wait_share: float
    commits: int
    rollbacks: int
    deadlocks: int


def summarise_samples(samples: tuple[Sample, ...], start: int, end: int) -> DatabaseSummary:
    """What the samples at ``start <= t < end`` say (monotonic ns). Pure.

    Counters are compared with the last sample before ``start`` if there is one, so that nothing
    counted between it and the first one inside is lost. Every sample is a transaction of the
    sampler's own, left out of ``commits``. Raises ``ValueError`` when no sample is inside:
    not having looked is not the same as having seen nobody wait.
    """
    inside = [sample for sample in samples if start <= sample.t < end]
    if not inside:
        raise ValueError("the database was not looked at within the measured window")
    before = [sample for sample in samples if sample.t < start]
    first, last = before[-1] if before else inside[0], inside[-1]
    own = len(inside) if before else len(inside) - 1
    return DatabaseSummary(
        samples=len(inside),
        lock_waits=sum(sample.waiting for sample in inside) / len(inside),
        lock_wait_share=sum(sample.waiting > 0 for sample in inside) / len(inside),
        commits=max(0, last.commits - first.commits - own),
        rollbacks=last.rollbacks - first.rollbacks,
        deadlocks=last.deadlocks - first.deadlocks,
    )


class Sampler:
    """Samples the database of ``url`` on a connection and a thread of its own.

    Use as a context manager around the load; ``samples`` afterwards. Sessions of other roles
    show their waits only to a superuser or a member of ``pg_read_all_stats``, so ``url`` should
    be the service's own. Raises ``Unavailable`` when Postgres cannot be reached at the start,
    and ``SamplerFailed`` at the end when the connection broke meanwhile.
    """

    def __init__(self, url: str, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._samples: list[Sample] = []
        self._error: Exception | None = None
        self._stop = threading.Event()
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
        self._thread = threading.Thread(target=self._run, name="paidonce sampler", daemon=True)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Everything sampled so far, in order of time."""
        return tuple(self._samples)

    def stop(self) -> None:
        """Stop looking and close the connection; stopping twice is harmless."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                while not self._stop.is_set():
                    self._samples.append(_look(cursor))
                    # A slow look must not be followed by a hurry of looks to catch up.
                    due = max(due + self._interval, time.monotonic())
                    self._stop.wait(due - time.monotonic())
        except Exception as error:  # handed to the thread that waits for the load
            self._error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._error is not None and kind is None:
            raise SamplerFailed(f"watching Postgres under load failed: {self._error}")


class SamplerFailed(PaidonceError):
    """The sampler's connection broke while load ran, so its numbers would be partial."""


def _look(cursor: psycopg.Cursor[tuple[int, int, int, int]]) -> Sample:
    row = cursor.execute(_QUERY, prepare=True).fetchone()
    if row is None:
        raise SamplerFailed("pg_stat_database has no row for this database")
    waiting, commits, rollbacks, deadlocks = row
    return Sample(
        t=time.monotonic_ns(),
        waiting=waiting,
        commits=commits,
        rollbacks=rollbacks,
        deadlocks=deadlocks,
    )
