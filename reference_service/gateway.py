"""The only place that talks to Stripe: calls as data in, outcomes as data out.

What a request waits for is sent by ``raw_request``, which does all that stripe-python does but for
turning the answer into objects of its own, of which four fields would be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote_plus

import stripe

from paidonce.reference_service import spent
from paidonce.reference_service.calls import (
    CallKind,
    Checkout,
    Intent,
    Outcome,
    Result,
    StripeCall,
)
from paidonce.reference_service.sessions import OPEN, checkout_of, session_params
from paidonce.reference_service.settings import Settings
from paidonce.reference_service.transport import WatchingClient, never_connected

T = TypeVar("T")
# Beyond so many objects a search is given up, and reported as such: not having found is only
# an answer when everything was looked at.
_MOST = 5000
RENEWED = "subscription_cycle"
"""The ``billing_reason`` of an invoice for another period (https://docs.stripe.com/api/invoices)."""


class Gateway:
    """Stripe, through stripe-python's ``StripeClient``. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        stripe.enable_telemetry = False
        self._http = WatchingClient(settings.stripe_timeout_s, settings.handler_threads + 1)
        self._stateless = settings.stripe_stateless
        client = stripe.StripeClient(
            settings.stripe_api_key,
            base_addresses={"api": settings.stripe_api_base},
            max_network_retries=settings.stripe_max_network_retries,
            http_client=self._http,
        )
        self._client = client
        self._public_url = settings.public_url
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds

    def send(self, call: StripeCall, key: str | None) -> Outcome:
        """Send ``call``; never raises for what Stripe or the network does.

        ``key`` is the idempotency key; with None the library draws a fresh one for this call,
        which protects its own network retries and nothing else.
        """
        with spent.on(spent.STRIPE):
            return self._guarded(lambda: self._do(call, key))

    def look_up(self, payment_id: str) -> Outcome:
        """The intent as it is now, as a SUCCEEDED outcome."""
        return self._guarded(
            lambda: Outcome(
                result=Result.SUCCEEDED, intent=_intent(self._intents.retrieve(payment_id))
            )
        )

    def checkout(self, checkout_id: str) -> Outcome:
        """The Checkout Session as it is now, in a SUCCEEDED outcome."""
        return self._guarded(
            lambda: Outcome(result=Result.SUCCEEDED, checkout=self._session(checkout_id))
        )

    def find_checkout(self, order_id: str, since: int) -> Outcome:
        """The order's first session made at or after ``since`` (Unix seconds), if there is one."""

        def find() -> Outcome:
            page = self._client.v1.checkout.sessions.list({"created": {"gte": since}, "limit": 100})
            mine = None
            for count, item in enumerate(page.auto_paging_iter()):
                if count == _MOST:
                    return _too_many("Checkout Sessions")
                if item.client_reference_id == order_id:
                    mine = item
            checkout = None if mine is None else checkout_of(mine.to_dict())
            return Outcome(result=Result.SUCCEEDED, checkout=checkout)

        return self._guarded(find)

    def find_intent(self, order_id: str, since: int) -> Outcome:
        """The order's first intent made at or after ``since`` (Unix seconds), if there is one.

        It lists and compares metadata, for Stripe's search may lag behind by a minute
        (https://docs.stripe.com/search).
        """

        def find() -> Outcome:
            page = self._intents.list({"created": {"gte": since}, "limit": 100})
            mine = None
            for count, item in enumerate(page.auto_paging_iter()):
                if count == _MOST:
                    return _too_many("payment intents")
                if _metadata(item).get("order_id") == order_id:
                    # Newest first; what is sought is what this order had first.
                    mine = item
            return Outcome(result=Result.SUCCEEDED, intent=None if mine is None else _intent(mine))

        return self._guarded(find)

    def find_refund(self, payment_id: str, key: str) -> Outcome:
        """The refund that was made under idempotency key ``key``, if there is one."""

        def find() -> Outcome:
            page = self._refunds.list({"payment_intent": payment_id, "limit": 100})
            for count, item in enumerate(page.auto_paging_iter()):
                if count == _MOST:
                    return _too_many("refunds")
                if _metadata(item).get("attempt") == key:
                    return Outcome(result=Result.SUCCEEDED, refund_id=item.id)
            return Outcome(result=Result.SUCCEEDED)

        return self._guarded(find)

    def paid_since(self, since: int) -> list[tuple[str, str]]:
        """The order and the id of each intent that was made at or after ``since`` (Unix seconds)
        and succeeded.

        Raises ``stripe.StripeError``: half a list is no list.
        """
        page = self._intents.list({"created": {"gte": since}, "limit": 100})
        found = []
        for item in page.auto_paging_iter():
            order_id = _metadata(item).get("order_id")
            if order_id is not None and item.status == "succeeded":
                found.append((str(order_id), item.id))
        return found

    def completed_since(self, since: int) -> list[tuple[str, Checkout]]:
        """The order and the session of each that was made at or after ``since`` and paid.

        Raises ``stripe.StripeError``: half a list is no list.
        """
        page = self._client.v1.checkout.sessions.list(
            {"created": {"gte": since}, "limit": 100, "status": "complete"}
        )
        found = []
        for item in page.auto_paging_iter():
            checkout = checkout_of(item.to_dict())
            if item.client_reference_id is not None and checkout.paid:
                found.append((item.client_reference_id, checkout))
        return found

    def renewals(self, subscription_id: str) -> list[str]:
        """The paid invoices of a subscription's renewals, oldest first.

        Raises ``stripe.StripeError``: half a list is no list.
        """
        page = self._client.v1.invoices.list(
            {"subscription": subscription_id, "status": "paid", "limit": 100}
        )
        found = [
            str(invoice.id)
            for invoice in page.auto_paging_iter()
            if invoice.billing_reason == RENEWED
        ]
        return found[::-1]

    def close(self) -> None:
        self._http.shut()

    def _guarded(self, action: Callable[[], Outcome]) -> Outcome:
        self._http.start_watching()
        try:
            return action()
        except stripe.StripeError as error:
            outcome = outcome_of(error)
        if outcome.result is Result.NOT_DONE and self._http.doubtful_tries:
            # The last of several tries did nothing, which says nothing of those before it.
            return replace(outcome, result=Result.UNKNOWN)
        return outcome

    def _do(self, call: StripeCall, key: str | None) -> Outcome:
        metadata = {"order_id": call.order_id} | ({} if key is None else {"attempt": key})
        if call.kind is CallKind.REFUND:
            refund = self._post(
                "/v1/refunds",
                key,
                payment_intent=_given(call.payment_id),
                amount=_given(call.amount),
                metadata=metadata,
            )
            return Outcome(result=Result.SUCCEEDED, refund_id=refund["id"])
        if call.kind is CallKind.CHECKOUT:
            params = session_params(call, metadata, self._public_url)
            made = self._post("/v1/checkout/sessions", key, **params)
            return Outcome(result=Result.SUCCEEDED, checkout=checkout_of(made))
        if call.kind is CallKind.EXPIRE:
            return self._expire(_given(call.checkout_id), key)
        if call.kind is CallKind.CREATE:
            answer = self._post("/v1/payment_intents", key, **_create_params(call, metadata))
            pays = call.confirm
        elif call.kind is CallKind.CONFIRM:
            answer = self._post(
                f"{_path(call)}/confirm",
                key,
                payment_method=_given(call.payment_method),
                error_on_requires_action=True,
            )
            pays = True
        elif call.kind is CallKind.UPDATE:
            answer = self._post(_path(call), key, amount=_given(call.amount))
            pays = False
        else:
            answer = self._post(f"{_path(call)}/cancel", key)
            pays = False
        intent = _intent(answer)
        if pays and self._stateless:
            intent = replace(intent, status="succeeded", amount=_given(call.amount))
        if not pays:
            return Outcome(result=Result.SUCCEEDED, intent=intent)
        return _paid_or_not(intent)

    def _expire(self, checkout_id: str, key: str | None) -> Outcome:
        """Have a session expire; where it is not open any more, the session as it is."""
        path = f"/v1/checkout/sessions/{quote_plus(checkout_id)}/expire"
        try:
            return Outcome(result=Result.SUCCEEDED, checkout=checkout_of(self._post(path, key)))
        except stripe.InvalidRequestError:
            # The error has no code of its own, so what the session has become is looked up.
            checkout = self._session(checkout_id)
            if checkout.status == OPEN:
                raise
            return Outcome(result=Result.WRONG_STATE, checkout=checkout)

    def _session(self, checkout_id: str) -> Checkout:
        path = f"/v1/checkout/sessions/{quote_plus(checkout_id)}"
        return checkout_of(self._client.raw_request("get", path).data)

    def _post(self, path: str, key: str | None, **params: Any) -> Any:
        options = {} if key is None else {"idempotency_key": key}
        return self._client.raw_request("post", path, **params, **options).data


def _path(call: StripeCall) -> str:
    return f"/v1/payment_intents/{quote_plus(_given(call.payment_id))}"


def _create_params(call: StripeCall, metadata: dict[str, str]) -> dict[str, Any]:
    params: dict[str, Any] = {
        "amount": _given(call.amount),
        "currency": _given(call.currency),
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": metadata,
    }
    if call.confirm:
        params |= {
            "confirm": True,
            "payment_method": _given(call.payment_method),
            "error_on_requires_action": True,
        }
    return params


def _paid_or_not(intent: Intent) -> Outcome:
    """Read a confirmation that was answered without an error by the intent's status."""
    if intent.status == "succeeded":
        return Outcome(result=Result.SUCCEEDED, intent=intent)
    if intent.status in ("requires_payment_method", "requires_confirmation", "requires_action"):
        return Outcome(
            result=Result.DECLINED,
            intent=intent,
            code=intent.status,
            message="The payment needs another payment method.",
        )
    return Outcome(
        result=Result.UNKNOWN, intent=intent, message=f"Stripe says {intent.status}; not final."
    )


def outcome_of(error: stripe.StripeError) -> Outcome:
    """Return what an error of stripe-python says about whether something happened."""
    details = _error_details(error)
    code = error.code or details.get("code")
    message = error.user_message or str(error)
    held = details.get("payment_intent")
    intent = _intent(held) if isinstance(held, dict) and "id" in held else None
    replayed = str((error.headers or {}).get("idempotent-replayed", "")).lower() == "true"
    match error:
        case stripe.CardError():
            result = Result.DECLINED
        case stripe.IdempotencyError():
            result = Result.KEY_MISMATCH
        case stripe.RateLimitError() | stripe.AuthenticationError() | stripe.PermissionError():
            result = Result.NOT_DONE
        case stripe.InvalidRequestError():
            unexpected = code == "payment_intent_unexpected_state" and intent is not None
            result = Result.WRONG_STATE if unexpected else Result.REJECTED
        case stripe.APIConnectionError() if never_connected(error):
            result = Result.NOT_DONE
        case _ if error.http_status == 409:
            result = Result.KEY_IN_USE
        case _:
            result = Result.UNKNOWN
    return Outcome(result=result, intent=intent, code=code, message=message, replayed=replayed)


def _error_details(error: stripe.StripeError) -> Mapping[str, Any]:
    body = error.json_body
    details = body.get("error") if isinstance(body, Mapping) else None
    return details if isinstance(details, Mapping) else {}


def _intent(source: Any) -> Intent:
    plain = source if isinstance(source, dict) else source.to_dict()
    return Intent(
        id=plain["id"],
        status=plain["status"],
        amount=plain["amount"],
        client_secret=plain.get("client_secret"),
    )


def _metadata(source: stripe.PaymentIntent | stripe.Refund) -> dict[str, Any]:
    return source.to_dict().get("metadata") or {}


def _too_many(what: str) -> Outcome:
    return Outcome(result=Result.UNKNOWN, message=f"More than {_MOST} {what} to look through.")


def _given(value: T | None) -> T:
    assert value is not None, "an operation planned a call without something the call needs"
    return value
