"""What is true of a service: its attempts walked by plain threads in many forced orders.

Nothing of the harness is used. Each attempt is a thread with a connection of its own. It stops
before each thing that it does at Postgres, Redis, Stripe or in memory, and goes on when it is told;
one that waits for a lock is known by ``pg_blocking_pids`` and left waiting. A statement that would
commit by itself is carried out between BEGIN and COMMIT, with a stop before the COMMIT: that is how
two of them overlap in a server.
"""

from __future__ import annotations

import queue
import random
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

import psycopg
import redis
from programme import NEW_ORDER, RESET, STATE, Path, Service, play
from psycopg.pq import TransactionStatus

SCHEMA = FilePath(__file__).parent / "generic" / "schema.sql"
_BLOCKED = "SELECT pid FROM unnest(%s::int[]) pid WHERE cardinality(pg_blocking_pids(pid)) > 0"
_LOOK_S = 0.0005
_STUCK_S = 10.0
_NOBODY_S = 1.0
"""So long everybody may wait for a lock before it is no deadlock that the server resolves."""
_STOPS = 100
_AT_ONCE = 3
_LOOKS = (_AT_ONCE, 40, 200)
"""Milliseconds for which an attempt waits for a lock before it looks for a deadlock. Who looks
when the others wait already fails: the last to wait, or one who looks later than that."""


class Stuck(Exception):
    """Threads neither move nor wait for a lock; the message says who."""


@dataclass(frozen=True)
class Outcome:
    """What came of an execution."""

    statuses: tuple[int, ...]
    charges: int
    effects: int
    state: str
    deliveries: tuple[int, ...] = ()
    """What deliveries of events were answered; those that never began are left out."""

    @property
    def broken(self) -> str:
        """What does not hold, empty if all does."""
        if self.deliveries and (self.charges > 1 or self.effects > 1):
            return "paid or handed out twice"
        if not self.deliveries and self.charges + self.effects > 1:
            return "paid twice"
        if self.statuses.count(200) > 1:
            return "two successes"
        if any(status not in (200, 409) for status in (*self.statuses, *self.deliveries)):
            return "not a clean answer"
        return ""


@dataclass(frozen=True)
class Told:
    """What is known of a service: what breaks, in which order, and all that came of the others."""

    broken: str
    order: tuple[int, ...]
    outcomes: frozenset[Outcome]
    executions: int


@dataclass
class _Actor:
    """``World`` of an attempt that moves when it is told."""

    truth: Truth
    number: int
    connection: psycopg.Connection
    store: redis.Redis
    plain: bool = False
    """Whether a statement alone is sent as it is: nothing else goes on then."""
    remembers: bool = False
    """Whether what it does in memory comes between what it sends: then a BEGIN takes time, too."""
    defers: bool = False
    """Whether something it sends is checked by a COMMIT."""
    delivers: bool = False
    """Whether it begins once Stripe has taken the money, and not before."""
    begun: bool = False
    remembering: bool = False
    """Whether nothing was sent since it was in memory: two looks there with nothing sent between
    them are one to a search, which says that it is over tap steps."""
    absent: bool = False
    """Whether it never begins."""
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def memory(self) -> set[str]:
        """What attempts share; whoever goes there stops first: others may come between what it has
        sent before, a COMMIT say, and that."""
        if not self.remembering:
            self.stop()
            self.remembering = True
        return self.truth.memory

    def looks_for_deadlocks(self, after_ms: int) -> None:
        """Set how long it waits for a lock before it does."""
        self.connection.execute(f"SET deadlock_timeout = {after_ms}")

    def stop(self) -> None:
        self.remembering = False
        self.truth.events.put((self.number, "stops"))
        self.go.acquire()

    def sql(self, text: str, values: Mapping[str, Any]) -> tuple[int, Any]:
        alone = self.connection.info.transaction_status is TransactionStatus.IDLE
        begins = alone and text.startswith("BEGIN")
        if not begins or self.remembers:
            self.stop()
        if begins:
            return self._execute(text, values)
        if not alone or self.plain:
            if self.defers and text.startswith("COMMIT"):
                self._check()
            return self._execute(text, values)
        self.connection.execute("BEGIN")
        try:
            came = self._execute(text, values)
        except psycopg.Error:
            self.connection.execute("ROLLBACK")
            raise
        self.stop()
        if self.defers:
            self._check()
        self.connection.execute("COMMIT")
        return came

    def _check(self) -> None:
        """Look what a deferred trigger looks at, and stop: a COMMIT does so before it publishes."""
        try:
            self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error:
            self.connection.execute("ROLLBACK")
            raise
        if not self.plain:
            self.stop()

    def _execute(self, text: str, values: Mapping[str, Any]) -> tuple[int, Any]:
        cursor = self.connection.execute(text, values if "%(" in text else None)
        row = cursor.fetchone() if cursor.description else None
        return cursor.rowcount, row[0] if row else None

    def roll_back(self) -> None:
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            self.stop()
            self.connection.execute("ROLLBACK")

    def charge(self, order: str, key: str) -> None:
        self.stop()
        intent = self._intent(key)
        self.truth.confirmed.add(intent)
        if self.truth.told_of_events:
            self.stop()  # the event may come before the answer does

    def intent(self, order: str, key: str) -> str:
        self.stop()
        return self._intent(key)

    def _intent(self, key: str) -> str:
        """A new intent, or that which was made by this key."""
        new = f"pi_{uuid.uuid4().hex}"
        made = self.truth.keys.setdefault(key, new) if key else new
        self.truth.intents.add(made)
        return made

    def confirm(self, intent: str) -> bool:
        self.stop()
        possible = intent in self.truth.intents - self.truth.confirmed
        if possible:
            self.truth.confirmed.add(intent)
            if self.truth.told_of_events:
                self.stop()
        return possible

    def listed(self, order: str) -> int:
        self.stop()
        return len(self.truth.confirmed)

    def redis(self, command: list[str]) -> Any:
        self.stop()
        return self.store.execute_command(*command)


@dataclass
class _Telling:
    """What was told of a service so far; more of it is told from there on."""

    service: Service
    orders: Iterator[tuple[Outcome, tuple[int, ...]]]
    known: Told = Told("", (), frozenset(), 0)

    def told(self, most: int) -> Told:
        """What is known after ``most`` orders, or all there are, or the first that breaks."""
        while not self.known.broken and self.known.executions < most:
            known = self.known
            try:
                outcome, taken = next(self.orders)
            except StopIteration:
                break
            except Stuck as stuck:
                self.known = replace(known, broken=str(stuck))
                break
            self.known = Told(
                outcome.broken,
                taken if outcome.broken else (),
                known.outcomes | {outcome},
                known.executions + 1,
            )
        return self.known


class Truth:
    """A database and a Redis to walk services on; ``redis_url`` names one that nobody else uses."""

    def __init__(self, postgres_url: str, redis_url: str, database: str = "truth") -> None:
        self._exits = ExitStack()
        name = f"{database}_{time.time_ns()}"
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        self._admin, self._name = postgres_url, name
        self._url = psycopg.conninfo.make_conninfo(postgres_url, dbname=name)
        self._eyes = self._exits.enter_context(psycopg.connect(self._url, autocommit=True))
        self._eyes.execute(SCHEMA.read_text())
        self._stores = [
            redis.Redis.from_url(redis_url, single_connection_client=True) for _ in range(4)
        ]
        self._connections: dict[str, list[psycopg.Connection]] = {}
        self.events: queue.Queue[tuple[int, str]] = queue.Queue()
        self.memory: set[str] = set()
        self.keys: dict[str, str] = {}
        self.intents: set[str] = set()
        self.confirmed: set[str] = set()
        self.executions = 0
        self.told_of_events = False
        """Whether somebody delivers events."""
        self._telling: _Telling | None = None

    def close(self) -> None:
        self._exits.close()
        for store in self._stores:
            store.close()
        with psycopg.connect(self._admin, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')

    def serial(self, service: Service) -> list[Outcome]:
        """Each alone, and one after the other, in either order where they differ.

        What is sent is sent as the service does, so what works in a transaction only fails.
        """
        if service.events:
            return [self._run(service, (0,) * _STOPS, None, plain=True)[0]]
        kinds = [*dict.fromkeys(service.attempts)]
        alone = [replace(service, attempts=(path,)) for path in kinds]
        firsts = [service.attempts.index(path) for path in kinds]
        return [
            *(self._run(one, (), None, plain=True)[0] for one in alone),
            *(self._run(service, (first,) * _STOPS, None, plain=True)[0] for first in firsts),
        ]

    def makes_sense(self, service: Service) -> bool:
        """Whether each attempt alone pays, and of two in turn the first one; or who pays first is
        handed it out once, whatever is delivered then."""
        try:
            outcomes = self.serial(service)
        except Stuck:
            return False
        for outcome in outcomes:
            if outcome.broken or outcome.statuses.count(200) != 1:
                return False
            if service.events:
                if (outcome.charges, outcome.effects) != (1, 1):
                    return False
            elif outcome.charges + outcome.effects != 1:
                return False
        return True

    def told(self, service: Service, most: int, preemptions: int = 2, seed: int = 0) -> Told:
        """What came of up to ``most`` orders, up to the first that breaks something.

        Orders with few preemptions come first, each once, then random ones.
        """
        if self._telling is None or self._telling.service != service:
            orders = self._orders(service, preemptions, seed)
            self._telling = _Telling(service, orders)
        return self._telling.told(most)

    def _orders(
        self, service: Service, preemptions: int, seed: int
    ) -> Iterator[tuple[Outcome, tuple[int, ...]]]:
        """Executions: all with at most so many preemptions, and then random ones."""
        alike = len(set(service.attempts)) == 1
        ahead: list[tuple[int, ...]] = [()]
        seen: set[tuple[int, ...]] = set()
        for _ in range(preemptions + 1):
            later: list[tuple[int, ...]] = []
            while ahead:
                prefix = ahead.pop()
                outcome, taken, enabled = self._run(service, prefix, None)
                if taken in seen:
                    continue
                seen.add(taken)
                yield outcome, taken
                # Who of two that do the same is called the first makes no difference.
                for place in range(max(len(prefix), int(alike)), len(taken)):
                    for other in enabled[place]:
                        if other == taken[place]:
                            continue
                        branch = (*taken[:place], other)
                        free = place == 0 or taken[place - 1] not in enabled[place]
                        (ahead if free else later).append(branch)
            ahead = later
        rng = random.Random(seed)
        for _ in range(10 * len(seen) + 200):
            outcome, taken, _ = self._run(service, (), rng)
            # Of a deadlock that ends otherwise than it did, the order is known already.
            if taken not in seen or outcome.broken:
                seen.add(taken)
                yield outcome, taken

    # --- one execution ---------------------------------------------------------------------

    def _run(
        self,
        service: Service,
        prefix: tuple[int, ...],
        rng: random.Random | None,
        *,
        plain: bool = False,
    ) -> tuple[Outcome, tuple[int, ...], list[tuple[int, ...]]]:
        self.executions += 1
        order = self._begin()
        attempts = self._actors(service, plain)
        for actor in attempts:
            actor.looks_for_deadlocks(_AT_ONCE if rng is None else rng.choice(_LOOKS))
        statuses = [0] * len(attempts)

        def live(actor: _Actor) -> None:
            try:
                actor.stop()
                actor.begun = True
                if actor.absent:
                    return
                path = service.paths[service.attempts[actor.number]]
                statuses[actor.number] = self._played(path, str(order), actor)
            finally:
                self.events.put((actor.number, "ends"))

        threads = [threading.Thread(target=live, args=(actor,), daemon=True) for actor in attempts]
        for thread in threads:
            thread.start()
        try:
            taken, enabled = self._follow(attempts, prefix, rng)
        except Stuck:
            self._give_up(attempts)
            raise
        finally:
            for thread in threads:
                thread.join(_STUCK_S)
        self._afterwards(service, attempts, order, statuses)
        query = f"SELECT (SELECT count(*) FROM effects), ({STATE})"
        effects, state = self._eyes.execute(query, {"order": order}).fetchone()
        payers = len(statuses) - len(service.events)
        came = tuple(s for a, s in zip(attempts, statuses, strict=True) if not a.absent)
        outcome = Outcome(
            came[:payers], len(self.confirmed), effects, state, tuple(sorted(came[payers:]))
        )
        return outcome, tuple(taken), enabled

    def _played(self, path: Path, order: str, actor: _Actor) -> int:
        """Walk a path; returns what the client is answered."""
        try:
            return play(path, order, actor)
        except psycopg.OperationalError:
            return 500  # its session was ended: nobody could move

    def _afterwards(
        self, service: Service, attempts: list[_Actor], order: int, statuses: list[int]
    ) -> None:
        """Nothing follows: nothing went wrong."""

    def _follow(
        self, attempts: list[_Actor], prefix: tuple[int, ...], rng: random.Random | None
    ) -> tuple[list[int], list[tuple[int, ...]]]:
        """Let the attempts move, one at a time, until all have ended."""
        stopped: set[int] = set()
        running, taken, enabled = set(range(len(attempts))), [], []
        self._settle(attempts, running, stopped)
        while stopped:
            can = tuple(sorted(n for n in stopped if self._may_move(attempts[n])))
            if not can:
                for number in sorted(stopped):  # their event was never raised
                    attempts[number].absent = True
                can = tuple(sorted(stopped))
            last = taken[-1] if taken else can[0]
            if len(taken) < len(prefix) and prefix[len(taken)] in can:
                chosen = prefix[len(taken)]
            elif rng is not None:
                chosen = rng.choice(can)
            else:
                chosen = last if last in can else can[0]
            enabled.append(can)
            taken.append(chosen)
            stopped.discard(chosen)
            running.add(chosen)
            attempts[chosen].go.release()
            self._settle(attempts, running, stopped)
        return taken, enabled

    def _may_move(self, actor: _Actor) -> bool:
        return actor.begun or actor.absent or not actor.delivers or bool(self.confirmed)

    def _give_up(self, attempts: list[_Actor]) -> None:
        """End the sessions, and so the attempts."""
        for actor in attempts:
            pid = actor.connection.info.backend_pid
            self._eyes.execute("SELECT pg_terminate_backend(%s, 2000)", (pid,))
            for _ in range(_STOPS):
                actor.go.release()
        self._connections.clear()

    def _begin(self) -> int:
        self._eyes.execute(RESET)
        self.events = queue.Queue()  # threads that were stuck have left something behind
        self._stores[0].flushdb()
        self.memory.clear()
        self.keys.clear()
        self.intents.clear()
        self.confirmed.clear()
        return int(self._eyes.execute(NEW_ORDER).fetchone()[0])

    def _actors(self, service: Service, plain: bool) -> list[_Actor]:
        self.told_of_events = bool(service.events)
        connections = self._connections.setdefault(service.level, [])
        while len(connections) < len(service.attempts):
            options = "-c default_transaction_isolation=" + service.level.replace(" ", "\\ ")
            connection = psycopg.connect(self._url, autocommit=True, options=options)
            connections.append(self._exits.enter_context(connection))
        for connection in connections:
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
            connection.execute("SELECT pg_advisory_unlock_all()")
        steps = [step for path in service.paths for step in path.steps]
        remembers = any(step.op == "memory" for step in steps)
        defers = any("INTO tries" in step.text for step in steps)
        return [
            _Actor(
                self,
                number,
                connections[number],
                self._stores[number + 1],
                plain,
                remembers,
                defers,
                service.delivers(number),
            )
            for number in range(len(service.attempts))
        ]

    def _settle(self, attempts: list[_Actor], running: set[int], stopped: set[int]) -> None:
        """Wait until everybody has stopped, has ended, or waits for a lock."""
        deadline = time.monotonic() + _STUCK_S
        while running:
            try:
                number, what = self.events.get(timeout=_LOOK_S)
            except queue.Empty:
                pids = {attempts[n].connection.info.backend_pid: n for n in running}
                rows = self._eyes.execute(_BLOCKED, (list(pids),)).fetchall()
                blocked = {pids[row[0]] for row in rows}
                if blocked == running and self.events.empty():
                    if stopped:
                        return
                    if time.monotonic() > deadline - _STUCK_S + _NOBODY_S:
                        raise Stuck("everybody waits for a lock") from None
                if time.monotonic() > deadline:
                    raise Stuck(f"attempts {sorted(running)} have not stopped") from None
                continue
            running.discard(number)
            if what == "stops":
                stopped.add(number)
