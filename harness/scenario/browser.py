"""A customer's browser: what it asks of Stripe itself, past the service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from paidonce.harness.bounded import decode_json
from paidonce.harness.history import Completed, Outcome, Recorder
from paidonce.harness.http.client import Answer, NoAnswer, Wires

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PAID = (200, 303)
"""The statuses with which Stripe's page answers who has paid: most are sent on, by a 303."""


@dataclass(frozen=True)
class Browser:
    """Asks by ``wires``, and waits for an answer for ``patience_s`` seconds."""

    wires: Wires
    journal: Recorder
    patience_s: float

    async def confirm(self, op: int, args: Mapping[str, Any]) -> Completed:
        """Confirm an intent, as Stripe.js does."""
        form = {
            "payment_method": args["payment_method"],
            "return_url": "https://shop.example/return",
        }
        path = f"/v1/payment_intents/{args['payment_id']}/confirm"
        answer = await self._submit(path, form)
        if isinstance(answer, str):
            return self._unknown(op, answer)
        t, body = self.journal.now(), decode_json(answer.body)
        if 200 <= answer.status < 300:
            value = {"payment_id": body["id"], "amount": body["amount"]}
            return Completed(t=t, op=op, outcome=Outcome.OK, status=answer.status, value=value)
        return Completed(
            t=t,
            op=op,
            outcome=_refusal(answer),
            status=answer.status,
            code=body.get("error", {}).get("code"),
        )

    async def pay_on_page(self, op: int, url: str, args: Mapping[str, Any]) -> Completed:
        """Submit the page of a Checkout Session, which is at ``url``."""
        answer = await self._submit(urlsplit(url).path, {"payment_method": args["payment_method"]})
        if isinstance(answer, str):
            return self._unknown(op, answer)
        outcome = Outcome.OK if answer.status in _PAID else _refusal(answer)
        return Completed(t=self.journal.now(), op=op, outcome=outcome, status=answer.status)

    async def _submit(self, path: str, form: Mapping[str, Any]) -> Answer | str:
        """The answer to a form, or why there is none."""
        try:
            async with asyncio.timeout(self.patience_s):
                return await self.wires.ask("POST", path, urlencode(form).encode(), _FORM)
        except TimeoutError:
            return f"Stripe gave no answer within {self.patience_s:g} s"
        except NoAnswer as error:
            return f"Stripe gave no answer: {error}"

    def _unknown(self, op: int, error: str) -> Completed:
        return Completed(t=self.journal.now(), op=op, outcome=Outcome.UNKNOWN, error=error)


def _refusal(answer: Answer) -> Outcome:
    return Outcome.REJECTED if answer.status < 500 else Outcome.FAILED
