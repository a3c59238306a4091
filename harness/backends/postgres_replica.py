"""A replica of an embedded PostgreSQL: a second server that is sent the log of the first.

It is a hot standby with streaming replication (PostgreSQL manual, chapter 26), so it refuses
writes, and shows of what was committed as much as it has replayed. By default it goes on at its own
pace. Where it is *held* it stays where it is until it is told to catch up: replay is paused, which
is what it is to lag behind.
"""

from __future__ import annotations

import threading
import time

import psycopg

from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.process.threads import go_on

_WITHIN_S = 60.0
_LOOK_AGAIN_S = 0.002
# A record of its own, which is written to the log by its COMMIT: what was committed before is
# before it (manual, section 9.28.6).
_MARK = b"SELECT pg_logical_emit_message(true, 'paidonce', '')"


class ReplicaPostgres(Stoppable):
    """A running replica of ``primary``; the constructor starts it, and it follows.

    Raises ``Unavailable`` where it cannot be started. Safe to use from any thread.
    """

    kind = "replica"

    def __init__(self, primary: EmbeddedPostgres) -> None:
        self._lock = threading.Lock()
        self._server = EmbeddedPostgres(replica_of=primary)
        self._sessions: list[psycopg.Connection[tuple[object, ...]]] = []
        try:
            for url in (primary.socket_url(), self._server.socket_url()):
                self._sessions.append(psycopg.connect(url, autocommit=True))
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """The URL of a database of its own."""
        return self._server.url(database)

    def follow(self, called_off: threading.Event | None = None) -> None:
        """Have it replay whatever comes, from now on; returns once it has caught up.

        Raises ``DeadlineExceeded``, and ``CalledOff`` soon after another thread has set
        ``called_off``.
        """
        with self._lock:
            self._resume(called_off)

    def hold(self, called_off: threading.Event | None = None) -> None:
        """Have it stay where the primary is now. Raises what ``follow`` does."""
        with self._lock:
            self._resume(called_off)
            self._at_replica("SELECT pg_wal_replay_pause()")
            paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
            self._wait(paused, "pause", called_off)

    def stop(self) -> None:
        """End it; idempotent."""
        for session in self._sessions:
            session.close()
        self._server.stop()

    def _resume(self, called_off: threading.Event | None) -> None:
        self._at_replica("SELECT pg_wal_replay_resume()")
        primary = self._sessions[0]
        primary.execute(_MARK)
        row = primary.execute(b"SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        self._wait(f"SELECT pg_last_wal_replay_lsn() >= '{row[0]}'", "catch up", called_off)

    def _at_replica(self, question: str) -> object:
        row = self._sessions[1].execute(question.encode()).fetchone()
        assert row is not None
        return row[0]

    def _wait(self, question: str, what: str, called_off: threading.Event | None) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not self._at_replica(question):
            go_on(called_off, "the replica")
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"the replica to {what} (a session that looks at it may be in the way)",
                    _WITHIN_S,
                )
            time.sleep(_LOOK_AGAIN_S)
