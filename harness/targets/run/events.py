"""The events that webhooks deliver, each as it is at the moment at which it comes into being.

Where Stripe has raised the event itself, that is what is delivered: the object as it was then, not
as it is by now. It cannot be delivered before, so an attempt that begins with it waits for it.
Where an event is made up, or the Stripe in use keeps none, it comes into being when it is first
delivered. In either case it stays the same, however often it is sent
(https://docs.stripe.com/api/events/object).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.service.responses import UnexpectedAnswer
from paidonce.harness.service.script import LookedUp
from paidonce.harness.service.webhooks import event
from paidonce.harness.simulator.domain.touched import ASKED, TOLD
from paidonce.harness.simulator.engine.event_types import EVENT_TYPES
from paidonce.harness.targets.file.format import StepTable
from paidonce.harness.targets.file.placeholders import filled, filled_deep
from paidonce.harness.targets.run.observing import matches
from paidonce.harness.testbed.bench import Bench

_EVENTS = uuid.UUID("0d9c4f0e-6a53-4c0e-9b59-2f5b0d6a7b64")
_PAGE = 100

# Which objects have ids that begin like this: the path to one, after /v1/.
_PATHS = {
    "ch": "charges",
    "cs": "checkout/sessions",
    "cus": "customers",
    "evt": "events",
    "in": "invoices",
    "pi": "payment_intents",
    "pm": "payment_methods",
    "py": "charges",
    "pyr": "refunds",
    "re": "refunds",
    "seti": "setup_intents",
    "sub": "subscriptions",
}


@dataclass(frozen=True)
class DeliverableEvent:
    """An event that can be delivered, and what was looked up to tell so."""

    payload: bytes
    looked: LookedUp | None


@dataclass
class Events:
    """The events of one execution."""

    bench: Bench
    began: float = field(default_factory=time.time)
    """When the execution did, in Unix seconds: made-up events were raised then."""
    _made: dict[str, bytes] = field(default_factory=dict)
    """By event id, those that are not Stripe's own."""

    def raised_by_stripe(self, step: StepTable) -> bool:
        """Return whether Stripe itself raises the event that the step delivers."""
        if step.event:
            return True
        kept = Capability.STRIPE_EVENTS in self.bench.capabilities
        return kept and isinstance(step.object, str) and step.webhook in EVENT_TYPES

    async def find(
        self, step: StepTable, values: Mapping[str, Any], where: str, number: int = 1
    ) -> DeliverableEvent | None:
        """The event that the step delivers now; None if Stripe has not raised it yet. Where the
        step tells of several, the one of that ``number``, from 1 as they are raised.

        Raises ``NoSuchPlace`` where a value is not known, ``UnexpectedAnswer`` where Stripe does
        not show the object of an event.
        """
        if step.event:
            return await self._raised_where(step, values, where, number)
        about = filled_deep(step.object, values, where)
        given = filled(step.event_id, values, where) if step.event_id else ""
        if self.raised_by_stripe(step):
            return await self._raised(step.webhook, str(about), given)
        looked = None
        kind = step.webhook.rpartition(".")[0]
        identity = about.get("id") if isinstance(about, dict) else about
        run = values.get("run", "")
        made = uuid.uuid5(_EVENTS, f"{step.webhook} {identity} {run}").hex
        event_id, created = given or f"evt_{made}", self.began
        if event_id in self._made:
            return DeliverableEvent(self._made[event_id], None)
        if isinstance(about, dict):
            about = {"object": kind, "livemode": False, **_state(step.webhook), **about}
        else:
            about, looked = await self._as_it_is(kind, str(about))
            created = self.began if looked is None else time.time()
        payload = self._made[event_id] = event(step.webhook, event_id, about, int(created))
        known = {event_id: f"{step.webhook} of {identity}"}
        return DeliverableEvent(payload, replace(looked or LookedUp(), known=known))

    async def _raised_where(
        self, step: StepTable, values: Mapping[str, Any], where: str, number: int
    ) -> DeliverableEvent | None:
        if Capability.STRIPE_EVENTS not in self.bench.capabilities:
            raise UsageError(
                f"{where}, event: the Stripe in use does not say which events it raised"
            )
        wanted = filled_deep(step.where, values, where)
        raised = await self._all(step.event)
        found = [one for one in reversed(raised) if matches(one["data"]["object"], wanted)]
        if len(found) < number:
            return None
        event = found[number - 1]
        known = {event["id"]: f"{step.event} {number} where {step.where}"}
        return DeliverableEvent(msgspec.json.encode(event), LookedUp(_seen_by(wanted), None, known))

    async def _raised(self, kind: str, identity: str, event_id: str) -> DeliverableEvent | None:
        """The last event of this type about that object."""
        raised = await self._all(kind)
        found = [one for one in raised if one["data"]["object"].get("id") == identity]
        if not found:
            return None
        last = found[0]
        name = f"{kind} {len(found)} of {identity}"
        known = {last["id"]: name}
        if event_id:
            last, known = {**last, "id": event_id}, {event_id: name}
        # Which events there are about an object changes with the object, and with nothing else.
        shown = f"/v1/{_path(identity, kind.rpartition('.')[0])}/{quote(identity)}"
        return DeliverableEvent(msgspec.json.encode(last), LookedUp(shown, None, known))

    async def _all(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type, the last first."""
        asked: dict[str, str | int] = {"type": kind, "limit": _PAGE}
        found: list[dict[str, Any]] = []
        while True:
            answer, _ = await self._ask(f"/v1/events?{urlencode(asked)}")
            found += answer["data"]
            if not answer["has_more"]:
                return found
            asked["starting_after"] = found[-1]["id"]

    async def _as_it_is(self, kind: str, identity: str) -> tuple[dict[str, Any], LookedUp | None]:
        """An object as Stripe has it; made up where Stripe keeps none."""
        if Capability.STRIPE_STATE not in self.bench.capabilities:
            return {"id": identity, "object": kind, "livemode": False}, None
        path = f"/v1/{_path(identity, kind)}/{quote(identity)}"
        found, told = await self._ask(path)
        return found, LookedUp(path, told)

    async def _ask(self, path: str) -> tuple[dict[str, Any], str | None]:
        """The answer, and what is told of what the question touched."""
        asks = {ASKED: "1"} if Capability.STRIPE_EVENTS in self.bench.capabilities else {}
        try:
            answer = await self.bench.stripe.ask("GET", path, b"", asks)
        except NoAnswer as error:
            raise UnexpectedAnswer(f"Stripe does not show {path}: {error}") from error
        if answer.status != 200:
            raise UnexpectedAnswer(f"Stripe does not show {path}: it answered {answer.status}")
        found: dict[str, Any] = decode_json(answer.body)
        return found, answer.headers.get(TOLD)


def not_raised(step: StepTable) -> str:
    """Say that what a step delivers is not there."""
    about = f"where {step.where}" if step.event else "about its object"
    return f"Stripe has raised no {step.delivers} {about}"


def _seen_by(wanted: Mapping[str, Any]) -> str:
    """The path of a question that looks at what decides which event it is: at the payment or the
    charge that it is about, or else at all that raises events."""
    for name in ("payment_intent", "id", "charge"):
        identity = wanted.get(name)
        if isinstance(identity, str) and identity.partition("_")[0] in ("pi", "ch"):
            return f"/v1/{_path(identity, '')}/{quote(identity)}"
    return "/v1/events"


def _path(identity: str, kind: str) -> str:
    """Return where an object is found: told by its id, or else by the kind of object of the
    event."""
    return _PATHS.get(identity.partition("_")[0]) or f"{kind.replace('.', '/')}s"


def _state(kind: str) -> dict[str, str]:
    """The status an object has when Stripe sends an event of this type about it."""
    return {"status": "succeeded"} if kind.endswith(".succeeded") else {}
