"""The parameters of a request about a payment intent.

Parameters: https://docs.stripe.com/api/payment_intents. Parameters that would change nothing in
what is simulated (``mandate_data``, ``radar_options`` …) are accepted and ignored. All of these
raise ``Refused`` where a parameter is not what Stripe takes, or not simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paidonce.harness.simulator.domain import intents, money
from paidonce.harness.simulator.domain.confirming import Confirmation
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.metadata import NO_METADATA, merged
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.wire.params import Params


def amount(params: Params) -> int | None:
    """``amount``, in the currency's smallest unit; at least 1, and no more than Stripe takes."""
    amount = params.integer("amount", minimum=1)
    if amount is not None and amount > money.MAXIMUM:
        raise Refused(
            400,
            f"Amount must be no more than {money.MAXIMUM} in the currency's smallest unit.",
            code="amount_too_large",
            param="amount",
        )
    return amount


_CURRENCIES = {currency: currency for currency in money.CURRENCIES}
"""Each as one text, which all objects share."""


def currency(text: str) -> str:
    """A currency that is simulated, in lower case."""
    known = _CURRENCIES.get(text)
    if known is not None:
        return known
    currency = text.lower()
    if currency not in money.CURRENCIES:
        raise Refused(
            400,
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(money.CURRENCIES))}",
            param="currency",
        )
    return currency


def new_metadata(params: Params) -> dict[str, str]:
    """``metadata`` of a new object, without keys that are given no value."""
    given = params.metadata()
    return merged({}, given) if given else NO_METADATA


def source(params: Params) -> PaymentSource | None:
    """``payment_method``, or the card token inside ``payment_method_data``."""
    name = params.string("payment_method")
    data = params.mapping("payment_method_data")
    if data is None:
        return None if name is None else PaymentSource(payment_method=name)
    if name is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method_data",
        )
    return card_source(data)


def card_source(data: Params) -> PaymentSource:
    """The token in ``type=card&card[token]=tok_visa``, or the number in ``card[number]``."""
    kind = data.required("type")
    if kind == "customer_balance":
        data.opaque("customer_balance")
        data.opaque("billing_details")
        data.finish()
        return PaymentSource(funds=True)
    if kind != "card":
        raise Refused(
            400,
            f"Only payment methods of type card and customer_balance are simulated, not {kind}.",
            param=data.name("type"),
        )
    card = data.mapping("card")
    if card is None:
        raise data.missing("card")
    if card.has("number"):
        payment_source = PaymentSource(number=card.required("number"))
        for name in ("exp_month", "exp_year"):
            if card.integer(name, minimum=1, maximum=9999) is None:
                raise card.missing(name)
        card.string("cvc")
    else:
        payment_source = PaymentSource(token=card.required("token"))
    card.finish()
    data.opaque("billing_details")
    data.finish()
    return payment_source


def method_selection(
    params: Params, currency: str
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """``automatic_payment_methods`` and ``payment_method_types``, of which one may be given.

    With neither, automatic ones are enabled, as since version 2023-08-16 of the API.
    """
    types = params.strings("payment_method_types")
    automatic = params.mapping("automatic_payment_methods")
    enabled, redirects = False, "always"
    if automatic is not None:
        if not automatic.has("enabled"):
            raise automatic.missing("enabled")
        enabled = automatic.boolean("enabled")
        redirects = automatic.choice("allow_redirects", ("always", "never")) or "always"
        automatic.finish()
    if types is not None and enabled:
        raise Refused(
            400,
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            param="payment_method_types",
        )
    if types is not None:
        require_simulated(types)
        return None, types
    if automatic is not None and not enabled:
        return None, ("card",)
    chosen = ("card", "us_bank_account") if currency == "usd" else ("card",)
    return {"allow_redirects": redirects, "enabled": True}, chosen


_SIMULATED = frozenset({"card", "us_bank_account", "customer_balance"})


def require_simulated(types: Sequence[str]) -> None:
    """Refuse types of payment method of which none is simulated."""
    if _SIMULATED.isdisjoint(types):
        raise Refused(
            400,
            "Only cards, bank accounts of the United States and bank transfers are simulated: "
            "payment_method_types must include card, us_bank_account or customer_balance.",
            param="payment_method_types",
        )


def fee(params: Params) -> dict[str, Any]:
    """``application_fee_amount`` of a payment that is there already."""
    amount = params.integer("application_fee_amount", minimum=0)
    return {} if amount is None else {"application_fee_amount": amount}


def capture_method(params: Params) -> str | None:
    """``capture_method``, one of Stripe's, or None."""
    return params.choice("capture_method", ("automatic", "automatic_async", "manual"))


def extras(params: Params, texts: tuple[str, ...]) -> dict[str, Any]:
    """Attributes kept as given; those that are present but empty are unset."""
    if params.is_done():
        return {}
    found: dict[str, Any] = {name: params.string(name) for name in texts if params.has(name)}
    if params.has("setup_future_usage"):
        found["setup_future_usage"] = params.choice(
            "setup_future_usage", ("off_session", "on_session")
        )
    if params.has("shipping"):
        found["shipping"] = params.opaque("shipping")
    return found | card_options(params)


def card_options(params: Params) -> dict[str, Any]:
    """``payment_method_options`` as an attribute of an intent, where they differ from others'."""
    card = method_options(params).get("card")
    given = card if isinstance(card, dict) else {}
    chosen = {name: str(given[name]) for name in _CHOICES if given.get(name) in _CHOICES[name]}
    return {"payment_method_options": intents.card_options(**chosen)} if chosen else {}


_CHOICES = {
    "request_incremental_authorization": ("if_available",),
    "request_three_d_secure": ("any", "challenge"),
}
"""Options of cards that are simulated, and the values that differ from what is there anyway."""


_MATTER = {
    "capture_method": "capture_method",
    "moto": "off_session",
    "setup_future_usage": "setup_future_usage",
}
"""Options of a method that would change what happens, and the parameter that is simulated."""


def method_options(params: Params) -> dict[str, Any]:
    """``payment_method_options``, of which those that would matter are refused by name."""
    options = params.opaque("payment_method_options") or {}
    for method, chosen in options.items():
        for name, instead in _MATTER.items():
            given = chosen.get(name) if isinstance(chosen, dict) else None
            if given not in (None, "", "none", "false"):
                param = f"payment_method_options[{method}][{name}]"
                raise Refused(
                    400, f"{param} is not simulated; {instead} of the whole is.", param=param
                )
    return options


def sent_on(params: Params, amount: int | None) -> dict[str, Any]:
    """``transfer_data``, ``application_fee_amount`` and ``on_behalf_of`` of a new payment."""
    found: dict[str, Any] = {}
    if params.is_done():
        return found
    data = params.mapping("transfer_data")
    fee = params.integer("application_fee_amount", minimum=0)
    if params.has("on_behalf_of"):
        found["on_behalf_of"] = params.string("on_behalf_of")
    if data is not None:
        part = data.integer("amount", minimum=1)
        found["transfer_data"] = {"destination": data.required("destination")}
        data.finish()
        if part is not None:
            found["transfer_data"]["amount"] = part
        if part is not None and fee is not None:
            raise Refused(
                400,
                "You may only specify one of these parameters: application_fee_amount, "
                "transfer_data[amount].",
                param="application_fee_amount",
            )
        _require_at_most(part, amount, "transfer_data[amount]")
    if fee is not None:
        if data is None:
            raise Refused(
                400,
                "Can only apply an application_fee_amount when the PaymentIntent is attempting a "
                "direct payment (using an OAuth key or Stripe-Account header) or destination "
                "payment (using `transfer_data[destination]`).",
                param="application_fee_amount",
            )
        _require_at_most(fee, amount, "application_fee_amount")
        found["application_fee_amount"] = fee
    return found


def _require_at_most(part: int | None, amount: int | None, name: str) -> None:
    if part is not None and amount is not None and part > amount:
        raise Refused(400, f"{name} must be at most the amount.", param=name)


_PLAINLY = Confirmation()
"""The confirmation of which nothing is said."""


def confirmation(
    params: Params, source: PaymentSource | None, extras: dict[str, Any]
) -> Confirmation:
    """Return how to confirm; reads what else may be said about it and changes nothing here."""
    if params.is_done():
        plain = source is None and not extras
        return _PLAINLY if plain else Confirmation(source=source, extras=extras)
    for name in ("mandate_data", "radar_options"):
        params.opaque(name)
    method_options(params)
    params.string("mandate")
    off_session = params.string("off_session")
    return Confirmation(
        source=source,
        off_session=off_session is not None and off_session != "false",
        error_on_requires_action=params.boolean("error_on_requires_action"),
        return_url=params.string("return_url"),
        use_stripe_sdk=params.boolean("use_stripe_sdk"),
        extras=extras,
    )


def refuse_without_confirm(params: Params) -> None:
    """Refuse what may only be said of an intent that is confirmed at once."""
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if params.has(name) and not params.is_false(name):
            raise Refused(
                400,
                f"You cannot set the {name} parameter when confirm is not true.",
                param=name,
            )
