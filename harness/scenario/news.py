"""The events of a scenario's webhooks: each about an object as Stripe shows it when it is sent, or
raised by Stripe itself."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.http.client import Wires
from paidonce.harness.service.script import LookedUp
from paidonce.harness.service.webhooks import event

SUCCEEDED = "payment_intent.succeeded"
_SESSION = "checkout.session."
_INVOICE = "invoice."
_PAGE = 100
_EVENTS = uuid.UUID("5f0c9a52-6f6e-4a0e-9d0b-6d1c0a3f7a11")


def event_id(args: Mapping[str, Any]) -> str:
    """The id of the event that a step's arguments ask for: the same for what is told again."""
    kind = str(args["event"])
    if kind.startswith((_SESSION, _INVOICE)):
        name = f"{kind} {args.get('checkout_id')}"
    else:
        name = str(args.get("payment_id"))
    return f"evt_{uuid.uuid5(_EVENTS, name).hex}"


@dataclass(frozen=True)
class News:
    """Looks up at ``stripe`` what an event is about, and tells ``looked`` each path it asked."""

    stripe: Wires
    looked: Callable[[LookedUp], None]

    async def raised(self, args: Mapping[str, Any]) -> bytes | None:
        """The last event of its type that Stripe has raised about the payment of a step's
        arguments, as it was raised; None as long as there is none."""
        kind, payment = str(args["event"]), str(args["payment_id"])
        asked = urlencode({"type": kind, "limit": _PAGE})
        answer = await self.stripe.ask("GET", f"/v1/events?{asked}")
        raised = decode_json(answer.body)["data"]
        found = [one for one in raised if _payment_of(one["data"]["object"]) == payment]
        if not found:
            return None
        # Which events there are about a payment changes with it, and with nothing else.
        known = {found[0]["id"]: f"{kind} {len(found)} of {payment}"}
        self.looked(LookedUp(f"/v1/payment_intents/{payment}", None, known))
        return msgspec.json.encode(found[0])

    async def event(self, args: Mapping[str, Any]) -> bytes:
        """The body of the event that a step's arguments ask for."""
        kind = str(args["event"])
        if kind.startswith(_SESSION):
            about = await self._shown(f"/v1/checkout/sessions/{args['checkout_id']}")
        elif kind.startswith(_INVOICE):
            about = await self._last_invoice(str(args["checkout_id"]))
        else:
            about = await self._shown(f"/v1/payment_intents/{args['payment_id']}")
        return event(kind, args["event_id"], about, int(time.time()))

    async def _last_invoice(self, session: str) -> dict[str, Any]:
        """The newest invoice of the subscription that a session began."""
        begun = await self._shown(f"/v1/checkout/sessions/{session}")
        subscription = await self._shown(f"/v1/subscriptions/{begun['subscription']}")
        return await self._shown(f"/v1/invoices/{subscription['latest_invoice']}")

    async def _shown(self, path: str) -> dict[str, Any]:
        answer = await self.stripe.ask("GET", path)
        self.looked(LookedUp(path))
        shown: dict[str, Any] = decode_json(answer.body)
        return shown


def _payment_of(about: Mapping[str, Any]) -> str:
    """The payment that an object is, or is of: a charge and a refund name theirs."""
    return str(about.get("payment_intent") or about.get("id"))
