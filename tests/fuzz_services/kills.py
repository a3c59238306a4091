"""What is true of a service under one failure: plain threads, with real kills and resets.

At each place where a thread stops, something may go wrong: its connection is reset before what it
sends, or in the place of the answer; the process is killed, which is every thread that has begun,
with its sockets and what they share in memory; Postgres or Stripe answer an error. Then clients
without an answer ask again, in rounds. Nothing of the harness is used.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import dup
from typing import Any

import psycopg
import redis
from programme import STATE, Path, Service, play
from truth import Outcome, Stuck, Truth, _Actor

CRASHES = ("crash before", "crash after")
RESETS = ("no contact", "answer lost")
ERRORS = ("40001", "429")
ROUNDS = 3
_GONE_S = 5.0
_UNSERIALIZED = "DO $$ BEGIN RAISE EXCEPTION 'taken' USING ERRCODE = '40001'; END $$"
_EXPIRES_MS = 900_000


class Killed(BaseException):
    """The process of a thread is no more."""


@dataclass(frozen=True)
class Failure:
    """Something that goes wrong at an attempt's ``stop``-th stop, the first is where it begins."""

    attempt: int
    stop: int
    kind: str


@dataclass(frozen=True)
class Failed:
    """What is known of a service under failures: what breaks and by what, all outcomes."""

    broken: str
    by: Failure | None
    order: tuple[int, ...]
    outcomes: frozenset[Outcome]
    executions: int


@dataclass
class _Doomed(_Actor):
    """``World`` of an attempt with which something may go wrong."""

    stops: int = 0
    tap: str = ""
    text: str = ""
    free: bool = False
    """Whether it moves on without being told."""
    dead: bool = False
    pid: int = 0
    command: list[str] = field(default_factory=list)

    @property
    def memory(self) -> set[str]:
        self._alive()
        return self.truth.memory

    def stop(self) -> None:
        self._alive()
        if self.free:
            return
        super().stop()
        self._alive()
        self.stops += 1
        self._before()

    def _alive(self) -> None:
        if self.dead:
            raise Killed

    def _fails(self, *kinds: str) -> str:
        failure = self.truth.failing
        here = failure == Failure(self.number, self.stops, failure.kind) if failure else False
        return failure.kind if here and failure.kind in kinds and not self.free else ""

    def _before(self) -> None:
        if self._fails("crash before"):
            self.truth.kill()
            raise Killed
        if self.tap == "postgres":
            if self._fails("no contact"):
                cut(self.connection)
            elif self._fails("40001") and not self.text.startswith("ROLLBACK"):
                self.connection.execute(_UNSERIALIZED)
        elif self.tap == "stripe":
            if self._fails("no contact"):
                raise ConnectionResetError
            if self._fails("429"):
                raise RuntimeError("Stripe answered 429")
        elif self.tap == "redis":
            # The client sends it again by itself, on a new connection.
            if self._fails("answer lost"):
                self.truth.carry_out(self.command)
                cut_store(self.store)
            if self._fails("no contact"):
                cut_store(self.store)

    def _after(self) -> None:
        if self._fails("crash after"):
            self.truth.kill()
            raise Killed
        if self._fails("answer lost"):
            if self.tap == "stripe":
                raise ConnectionResetError
            if self.tap == "postgres":
                cut(self.connection)
                self.connection.execute("SELECT 1")

    def sql(self, text: str, values: Mapping[str, Any]) -> tuple[int, Any]:
        self._alive()
        self.tap, self.text = "postgres", text
        before = self.stops
        came = super().sql(text, values)
        if self.stops > before:
            self._after()
        return came

    def roll_back(self) -> None:
        self._alive()
        self.tap, self.text = "postgres", "ROLLBACK"
        if self.connection.info.transaction_status is psycopg.pq.TransactionStatus.UNKNOWN:
            self.connection.execute("ROLLBACK")  # raises, as it does in a service
        super().roll_back()

    def charge(self, order: str, key: str) -> None:
        self.tap = "stripe"
        super().charge(order, key)
        self._after()

    def intent(self, order: str, key: str) -> str:
        self.tap = "stripe"
        came = super().intent(order, key)
        self._after()
        return came

    def confirm(self, intent: str) -> bool:
        self.tap = "stripe"
        came = super().confirm(intent)
        self._after()
        return came

    def listed(self, order: str) -> int:
        self.tap = "stripe"
        came = super().listed(order)
        self._after()
        return came

    def redis(self, command: list[str]) -> Any:
        self.tap, self.command = "redis", command
        came = super().redis(command)
        self._after()
        return came


def cut(connection: psycopg.Connection) -> None:
    """Reset a connection: the server is told by its socket alone."""
    if connection.closed:
        return
    with socket.socket(fileno=dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def cut_store(store: redis.Redis) -> None:
    """The same of a connection to Redis."""
    if store.connection is not None and store.connection._sock is not None:
        store.connection._sock.shutdown(socket.SHUT_RDWR)


@dataclass
class _Known:
    service: Service
    kinds: tuple[str, ...]
    runs: Iterator[tuple[Failure, Outcome, tuple[int, ...]]]
    known: Failed = field(default_factory=lambda: Failed("", None, (), frozenset(), 0))


class Kills(Truth):
    """``Truth`` of services with which something goes wrong."""

    failing: Failure | None = None
    _living: list[_Doomed]
    _known: _Known | None = None

    def failed(self, service: Service, kinds: tuple[str, ...], most: int) -> Failed:
        """What came of up to ``most`` executions under a failure, up to the first that breaks."""
        if self._known is None or (self._known.service, self._known.kinds) != (service, kinds):
            self._known = _Known(service, kinds, self._under_failures(service, kinds))
        known = self._known
        while not known.known.broken and known.known.executions < most:
            try:
                failure, outcome, taken = next(known.runs)
            except StopIteration:
                break
            broken = twice(outcome)
            known.known = Failed(
                broken,
                failure if broken else None,
                taken if broken else (),
                known.known.outcomes | {outcome},
                known.known.executions + 1,
            )
        return known.known

    def _under_failures(
        self, service: Service, kinds: tuple[str, ...]
    ) -> Iterator[tuple[Failure, Outcome, tuple[int, ...]]]:
        """Executions under each failure, one after the other: first of each the first order."""
        alike = len(set(service.attempts)) == 1
        whose = range(1 if alike else len(service.attempts))
        orders = []
        for attempt in whose:
            for stop in range(2, self.stops(service, attempt) + 1):
                for kind in kinds:
                    failure = Failure(attempt, stop, kind)
                    orders.append((failure, self._orders(service, 1, 0)))
        while orders:
            left = []
            for failure, runs in orders:
                self.failing = failure
                try:
                    outcome, taken = next(runs)
                except StopIteration:
                    continue
                except Stuck:
                    continue
                finally:
                    self.failing = None
                yield failure, outcome, taken
                left.append((failure, runs))
            orders = left

    def stops(self, service: Service, attempt: int) -> int:
        """How often an attempt stops where it comes first."""
        self.failing = None
        self._run(service, (attempt,) * 100, None)
        return self._living[attempt].stops

    def _actors(self, service: Service, plain: bool) -> list[_Actor]:
        for connections in self._connections.values():
            connections[:] = [one for one in connections if not one.closed and usable(one)]
        made = super()._actors(service, plain)
        self._living = [
            _Doomed(
                self,
                one.number,
                one.connection,
                one.store,
                one.plain,
                one.remembers,
                one.defers,
                pid=one.connection.info.backend_pid,
            )
            for one in made
        ]
        return list(self._living)

    def carry_out(self, command: list[str]) -> None:
        """Have Redis carry out a command whose answer nobody gets."""
        self._stores[0].execute_command(*command)

    def kill(self) -> None:
        """Kill the process: all that have begun are gone, and what they share."""
        begun = [one for one in self._living if one.stops]
        for one in begun:
            one.dead = True
            cut(one.connection)
            one.store.close()
        self.memory.clear()
        deadline = time.monotonic() + _GONE_S
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
        while self._eyes.execute(query, ([one.pid for one in begun],)).fetchone()[0]:
            if time.monotonic() > deadline:
                raise Stuck("sessions of a killed process do not end")
            time.sleep(0.001)

    def _played(self, path: Path, order: str, actor: _Actor) -> int:
        """Walk a path; 0 where the client is not answered."""
        try:
            return play(path, order, actor)
        except (psycopg.Error, redis.RedisError, OSError, RuntimeError):
            # A pool rolls back what comes back open.
            with contextlib.suppress(psycopg.Error, Killed):
                actor.roll_back()
        except Killed:
            pass
        return 0

    def _afterwards(
        self, service: Service, attempts: list[_Actor], order: int, statuses: list[int]
    ) -> None:
        """Clients without an answer ask again, until nothing changes."""
        if self.failing is None:
            return
        asked: set[int] = set()
        seen: object = None
        for _ in range(ROUNDS + 1):
            for number, status in enumerate(statuses):
                if status == 0 or status >= 500 or (number in asked and status == 409):
                    asked.add(number)
                    path = service.paths[service.attempts[number]]
                    statuses[number] = self._played(path, str(order), self._again(service, number))
            store = self._stores[0]
            for key in store.keys("*"):
                if 0 <= store.pttl(key) <= _EXPIRES_MS:
                    store.delete(key)
            state = self._eyes.execute(f"SELECT ({STATE})", {"order": order}).fetchone()
            now = (state, tuple(statuses), len(self.confirmed))
            if now == seen:
                return
            seen = now

    def _again(self, service: Service, number: int) -> _Doomed:
        kept = self._living
        actor = self._actors(service, True)[number]
        self._living = kept
        assert isinstance(actor, _Doomed)
        actor.free = True
        return actor


def usable(connection: psycopg.Connection) -> bool:
    """Whether a connection has not been cut."""
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()
        return False
    return True


def twice(outcome: Outcome) -> str:
    """What must not be under failures either."""
    if outcome.charges + outcome.effects > 1:
        return "paid twice"
    return "two successes" if outcome.statuses.count(200) > 1 else ""
