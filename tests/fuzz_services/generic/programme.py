"""Small payment services as data, and what it is to run one.

A service is a few paths, each a list of steps; an attempt walks a path. ``play`` walks it over
whatever connections it is given: those of a real service behind its taps, or those of a thread that
is told when to move. It knows nothing of who explores it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import errors

RESET = "SELECT begin_anew()"
"""What brings a database of ``schema.sql`` to its beginning."""
NEW_ORDER = (
    "WITH new AS (INSERT INTO orders (customer) VALUES (1) RETURNING id)"
    " INSERT INTO jobs (order_id) SELECT id FROM new RETURNING order_id"
)
"""Makes an order that is not paid, and a job for it."""
STATE = (
    "SELECT concat_ws(' ', o.status, o.version, c.credit,"
    " (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.state = 'live'),"
    " (SELECT count(*) FROM payments_once p WHERE p.order_id = o.id),"
    " (SELECT count(*) FROM claims p WHERE p.order_id = o.id),"
    " (SELECT count(*) FROM jobs p WHERE p.order_id = o.id AND NOT p.done),"
    " (SELECT count(*) FROM ledger), (SELECT count(*) FROM of_orders))"
    " FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id = %(order)s"
)
"""What an order has come to, as one text."""
TRIES = 4
"""How often an attempt with ``retry`` begins, at most."""

_REFUSALS = (
    errors.UniqueViolation,
    errors.ExclusionViolation,
    errors.CheckViolation,
    errors.RaiseException,
    errors.LockNotAvailable,
)
_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)


@dataclass(frozen=True)
class Step:
    """One thing that a path does.

    ``op`` is ``sql``, ``charge``, ``intent``, ``confirm``, ``listed``, ``redis`` or ``memory``.
    ``text`` is a statement, an idempotency key (of what is charged or made), a command, or what is
    done with the set in memory. ``check`` tells when the attempt goes on: with a ``row``, with ``no
    row``, where the first value is ``true`` or ``one``; ``keep`` keeps that, ``intent`` as what is
    confirmed later.
    """

    op: str
    text: str
    check: str = ""


@dataclass(frozen=True)
class Path:
    """What an attempt does, in order; ``ends`` is done whatever came of it."""

    steps: tuple[Step, ...]
    ends: tuple[Step, ...] = ()
    retry: bool = False


@dataclass(frozen=True)
class Service:
    """Paths, which of them each attempt takes, and the isolation level of its connections."""

    paths: tuple[Path, ...]
    attempts: tuple[int, ...] = (0, 0)
    level: str = "read committed"
    events: tuple[str, ...] = ()
    """What the last attempts deliver, as soon as Stripe has raised it: types of events of a charge.
    The service is to hand out (``effects``) once what was paid for once."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What it was put together from."""

    def delivers(self, attempt: int) -> bool:
        """Whether the attempt of that number delivers an event."""
        return attempt >= len(self.attempts) - len(self.events)

    def text(self) -> str:
        """The description, to be read by ``read``."""
        return json.dumps(asdict(self), indent=1)


def read(text: str) -> Service:
    """The service of that description."""
    data = json.loads(text)

    def steps(of: list[dict[str, str]]) -> tuple[Step, ...]:
        return tuple(Step(**step) for step in of)

    paths = tuple(Path(steps(p["steps"]), steps(p["ends"]), p["retry"]) for p in data["paths"])
    attempts, events = tuple(data["attempts"]), tuple(data.get("events", ()))
    return Service(paths, attempts, data["level"], events, tuple(data["notes"]))


class World(Protocol):
    """What a path is walked with."""

    def sql(self, text: str, values: Mapping[str, Any]) -> tuple[int, Any]:
        """Carry out a statement: how many rows, and the first value of the first one."""
        ...

    def roll_back(self) -> None:
        """End the transaction, if one is open."""
        ...

    def charge(self, order: str, key: str) -> None: ...

    def intent(self, order: str, key: str) -> str:
        """Make an intent that is not confirmed; returns its id."""
        ...

    def confirm(self, intent: str) -> bool:
        """Confirm it; False where there is none, or where that was done before."""
        ...

    def listed(self, order: str) -> int:
        """How many charges for the order Stripe lists as succeeded."""
        ...

    def redis(self, command: list[str]) -> Any: ...

    @property
    def memory(self) -> set[str]:
        """What all attempts of this service share."""
        ...


class Refused(Exception):
    """The attempt is not to pay."""


def play(path: Path, order: str, world: World) -> int:
    """Walk a path for an order; returns 200, 409 where it is refused, 500 where it fails."""
    for tries in range(TRIES if path.retry else 1):
        token = str(uuid.uuid4())
        values = {"order": int(order), "token": token, "kept": None, "intent": None, "multi": False}
        try:
            for step in path.steps:
                _do(step, order, values, world)
            return 200
        except (Refused, *_REFUSALS):
            _undo(values, world)
            return 409
        except _AGAIN:
            _undo(values, world)
            if not path.retry or tries == TRIES - 1:
                return 500
        except psycopg.Error:
            _undo(values, world)
            return 500
        finally:
            for step in path.ends:
                _do(step, order, values, world)
    raise AssertionError("the last try returns")


def _undo(values: dict[str, Any], world: World) -> None:
    if values["multi"]:
        world.redis(["DISCARD"])
    world.roll_back()


def _do(step: Step, order: str, values: dict[str, Any], world: World) -> None:
    if step.op == "sql":
        count, first = world.sql(step.text.replace("{order}", order), values)
        _checked(step.check, count > 0, first, values)
    elif step.op == "charge":
        world.charge(order, step.text.replace("{order}", order))
    elif step.op == "intent":
        values["intent"] = world.intent(order, step.text.replace("{order}", order))
    elif step.op == "confirm":
        if not world.confirm(values["intent"]):
            raise Refused
    elif step.op == "listed":
        _checked(step.check, world.listed(order) > 0, None, values)
    elif step.op == "redis":
        words = [word.replace("{order}", order) for word in json.loads(step.text)]
        command = [word.replace("{token}", values["token"]) for word in words]
        answer = world.redis(command)
        values["multi"] = command[0] == "MULTI" or (values["multi"] and command[0] != "EXEC")
        _checked(step.check, answer not in (None, 0, b"", "", False), answer, values)
    elif step.op == "memory":
        if step.text == "absent" and order in world.memory:
            raise Refused
        if step.text == "add":
            world.memory.add(order)
        if step.text == "remove":
            world.memory.discard(order)
    else:
        raise AssertionError(step.op)


def _checked(check: str, there: bool, first: Any, values: dict[str, Any]) -> None:
    if check in ("keep", "intent"):
        values["kept" if check == "keep" else check] = first
        there = first is not None
    elif check == "one":
        there = first == 1
    elif check == "no row":
        there = not there
    elif check == "true":
        there = first is True
    if check and not there:
        raise Refused
