"""Random calls to a simulated Stripe: what each said, and what it touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import msgspec
from hypothesis import strategies as st

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.footprint.stripe import key_of, stripe_footprint
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.domain.touched import ASKED, TOLD
from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply
from paidonce.harness.taps.stripe.calls import StripeCall, read_call

ID = re.compile(
    r"\b(?:pi|ch|re|pm|cus|evt|req|txn|we|in|ii|il|inpay|sub|si|di|price|prod|acct|tr|trr|po|du)"
    r"_[A-Za-z0-9_]+"
)

_PREFIX = re.compile(r'"invoice_prefix":"[^"]*"')
"""It is made of a customer's id."""


@dataclass(frozen=True)
class Made:
    """One call that was made: ``touched`` as it was told, ``read`` of the call alone."""

    call: StripeCall
    status: int
    body: str
    touched: Footprint
    read: Footprint


class Account:
    """An account with something of everything; what there is at the start is in ``start``."""

    def __init__(self) -> None:
        self.simulation = Simulation(SimulatorSettings(seed=3), clock=lambda: 1_800_000_000.0)
        self.start: dict[str, str] = {}
        self.told = ToldByStripe()
        self._number = 0
        for name, method, path, form in _START:
            made = self.call(method, path, form)
            body = msgspec.json.decode(made.body)
            self.start[name] = body["id"]
            if body.get("latest_charge"):
                self.start[f"charge of {name}"] = body["latest_charge"]
        self.told = ToldByStripe(frozenset(self.start.values()))
        text = msgspec.json.encode(saved.document(self.simulation)).decode()
        self._at_start = frozenset(ID.findall(text))

    def call(self, method: str, path: str, form: dict[str, str], key: str | None = None) -> Made:
        def filled(text: str) -> str:
            return re.sub(r"\{([^}]*)\}", lambda found: self.start[found.group(1)], text)

        self._number += 1
        path = filled(path)
        form = {name: filled(value) for name, value in form.items()}
        sent = urlencode(form)
        target = f"{path}?{sent}" if method == "GET" and sent else path
        headers = {
            "authorization": "Bearer sk_test_a",
            "content-type": "application/x-www-form-urlencoded",
            ASKED: "1",
        }
        if key is not None:
            headers["idempotency-key"] = key
        parts = urlsplit(target)
        body = b"" if method == "GET" else sent.encode()
        request = ApiRequest(method, parts.path, parts.query.encode(), headers, body)
        reply = api.answer(self.simulation, request)
        assert isinstance(reply, Reply)
        call, maker = read_call(self._number, method, target, headers, body), f"call {self._number}"
        told = self.told.footprint(reply.headers[TOLD], maker)
        return Made(
            call,
            reply.status,
            reply.body.decode(),
            told.union(Footprint(publishes=key_of(call))),
            stripe_footprint(call, maker),
        )

    def masked(self, text: str) -> str:
        """``text`` without the ids that were drawn after the start."""
        text = _PREFIX.sub("", text)
        return ID.sub(lambda found: found.group() if found.group() in self._at_start else "?", text)

    def state(self) -> list[str]:
        """All there is, in an order that does not depend on that of creation."""
        document = saved.document(self.simulation)
        lines = []
        for name, items in document.items():
            if name in ("ids", "planned", "agenda"):
                continue
            if name == "keys":  # the bodies of their answers are looked at as answers
                items = [{**one, "body": ""} for one in items]
            items = items.items() if isinstance(items, dict) else items
            items = items if isinstance(items, (list, type({}.items()))) else [items]
            lines += [f"{name} {self.masked(msgspec.json.encode(one).decode())}" for one in items]
        return sorted(lines)


_PAID = {"confirm": "true", "payment_method": "pm_card_visa"}
_INTENT = {"amount": "1000", "currency": "usd", "payment_method_types[]": "card"}
_KEPT = {"setup_future_usage": "on_session"}
_ENDPOINT = {"url": "http://127.0.0.1:9/", "enabled_events[]": "*"}
_ANNA = {"customer": "{anna}"}
_RICH = {"confirm": "true", "payment_method": "pm_card_bypassPending"}
_DISPUTED = {"confirm": "true", "payment_method": "pm_card_createDispute"}
_MONTHLY = {"recurring[interval]": "month", "product_data[name]": "Tea"}
_DEFAULT = "invoice_settings[default_payment_method]"
_OWED = {"amount": "900", "currency": "usd"}
_SENT = {"destination": "{account}", "currency": "usd", "amount": "400"}
_START = [
    ("anna", "POST", "/v1/customers", {"name": "Anna"}),
    ("bert", "POST", "/v1/customers", {"name": "Bert"}),
    ("card", "POST", "/v1/payment_methods/pm_card_visa/attach", _ANNA),
    ("other card", "POST", "/v1/payment_methods/pm_card_mastercard/attach", {"customer": "{bert}"}),
    ("loose", "POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"}),
    ("open", "POST", "/v1/payment_intents", {**_INTENT, **_ANNA, "payment_method": "{card}"}),
    ("bare", "POST", "/v1/payment_intents", {**_INTENT, "payment_method": "{loose}"}),
    ("twin", "POST", "/v1/payment_intents", {**_INTENT, "payment_method": "{loose}"}),
    ("kept", "POST", "/v1/payment_intents", {**_INTENT, **_ANNA, **_KEPT}),
    ("kept too", "POST", "/v1/payment_intents", {**_INTENT, **_ANNA, **_KEPT}),
    ("paid", "POST", "/v1/payment_intents", {**_INTENT, **_PAID}),
    ("also paid", "POST", "/v1/payment_intents", {**_INTENT, **_PAID}),
    ("held", "POST", "/v1/payment_intents", {**_INTENT, **_PAID, "capture_method": "manual"}),
    ("refund", "POST", "/v1/refunds", {"payment_intent": "{paid}", "amount": "100"}),
    ("rich", "POST", "/v1/payment_intents", {**_INTENT, **_RICH}),
    ("disputed", "POST", "/v1/payment_intents", {**_INTENT, **_DISPUTED}),
    ("tea", "POST", "/v1/prices", {**_MONTHLY, "currency": "usd", "unit_amount": "500"}),
    ("half", "POST", "/v1/coupons", {"id": "HALF", "percent_off": "50", "max_redemptions": "1"}),
    ("anna pays", "POST", "/v1/customers/{anna}", {_DEFAULT: "{card}"}),
    ("bert pays", "POST", "/v1/customers/{bert}", {_DEFAULT: "{other card}"}),
    ("begun", "POST", "/v1/subscriptions", {**_ANNA, "items[0][price]": "{tea}"}),
    ("bill", "POST", "/v1/invoices", {"customer": "{bert}"}),
    ("owed", "POST", "/v1/invoiceitems", {"customer": "{bert}", "invoice": "{bill}", **_OWED}),
    ("account", "POST", "/v1/accounts", {"capabilities[transfers][requested]": "true"}),
]


Sent = tuple[str, str, dict[str, str], str | None]

INTENTS = st.sampled_from(["open", "bare", "twin", "kept", "kept too", "paid", "also paid", "held"])
CHARGES = st.sampled_from(
    ["charge of paid", "charge of also paid", "charge of held", "charge of disputed"]
)
CUSTOMERS = st.sampled_from(["anna", "bert"])
METHODS = st.sampled_from(
    ["{card}", "{other card}", "{loose}", "pm_card_visa", "pm_card_chargeDeclined"]
)
KEYS = st.sampled_from([None, None, None, "k"])


def _calls(method: str, path: str, choices: dict[str, st.SearchStrategy[str]], **form: object):
    """Calls of that path, its places chosen of ``choices``; each of ``form`` is there or not."""
    sampled = {name: st.just(v) if isinstance(v, str) else v for name, v in form.items()}
    return st.builds(
        lambda places, given, key: (
            method,
            path.format(**{name: "{" + place + "}" for name, place in places.items()}),
            {
                name: value.format(**{n: "{" + p + "}" for n, p in places.items()})
                if value in ("{i}", "{h}", "{c}")
                else value
                for name, value in given.items()
            },
            key if method != "GET" else None,
        ),
        st.fixed_dictionaries(choices),
        st.fixed_dictionaries({}, optional={n.replace("__", "[]"): v for n, v in sampled.items()}),
        KEYS,
    )


def _braced(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return values.map(lambda name: "{" + name + "}")


CALLS: st.SearchStrategy[Sent] = st.one_of(
    st.builds(
        lambda more, key: ("POST", "/v1/payment_intents", {**_INTENT, **more}, key),
        st.fixed_dictionaries(
            {},
            optional={
                "customer": _braced(CUSTOMERS),
                "payment_method": METHODS,
                "confirm": st.just("true"),
                "setup_future_usage": st.just("on_session"),
            },
        ),
        KEYS,
    ),
    _calls("POST", "/v1/payment_intents/{i}/confirm", {"i": INTENTS}, payment_method=METHODS),
    _calls("POST", "/v1/payment_intents/{i}/confirm", {"i": INTENTS}),
    _calls("POST", "/v1/payment_intents/{i}/capture", {"i": INTENTS}),
    _calls("POST", "/v1/payment_intents/{i}/cancel", {"i": INTENTS}),
    _calls(
        "POST",
        "/v1/payment_intents/{i}",
        {"i": INTENTS},
        amount="2000",
        customer=_braced(CUSTOMERS),
        payment_method=METHODS,
    ),
    _calls(
        "GET",
        "/v1/payment_intents/{i}",
        {"i": INTENTS},
        expand__=st.sampled_from(["latest_charge", "customer", "payment_method"]),
    ),
    _calls("GET", "/v1/payment_intents", {}, customer=_braced(CUSTOMERS)),
    st.builds(
        lambda intent: ("GET", "/v1/payment_intents/search", {"query": f"status:'{intent}'"}, None),
        st.sampled_from(["succeeded", "canceled"]),
    ),
    st.builds(
        lambda place, amount, key: ("POST", "/v1/refunds", {**place, **amount}, key),
        st.one_of(
            _braced(INTENTS).map(lambda one: {"payment_intent": one}),
            _braced(CHARGES).map(lambda one: {"charge": one}),
        ),
        st.sampled_from([{}, {"amount": "300"}]),
        KEYS,
    ),
    _calls("GET", "/v1/refunds", {}, payment_intent=_braced(INTENTS), charge=_braced(CHARGES)),
    st.just(("GET", "/v1/refunds/{refund}", {}, None)),
    st.just(("POST", "/v1/refunds/{refund}", {"metadata[a]": "b"}, None)),
    _calls("GET", "/v1/charges", {}, payment_intent=_braced(INTENTS)),
    _calls("GET", "/v1/charges/{h}", {"h": CHARGES}, expand__=st.just("payment_intent")),
    _calls("POST", "/v1/charges/{h}", {"h": CHARGES}, description="d"),
    _calls("POST", "/v1/charges/{h}/capture", {"h": CHARGES}),
    st.just(("GET", "/v1/events", {}, None)),
    st.just(("GET", "/v1/balance_transactions", {}, None)),
    st.just(("GET", "/v1/customers", {}, None)),
    st.just(("POST", "/v1/customers", {"name": "Carl"}, None)),
    _calls("GET", "/v1/customers/{c}", {"c": CUSTOMERS}),
    _calls("POST", "/v1/customers/{c}", {"c": CUSTOMERS}, name="Z"),
    _calls("DELETE", "/v1/customers/{c}", {"c": CUSTOMERS}),
    _calls("GET", "/v1/customers/{c}/payment_methods", {"c": CUSTOMERS}),
    _calls("GET", "/v1/payment_methods", {}, customer=_braced(CUSTOMERS)),
    st.just(("POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"}, None)),
    st.sampled_from(["card", "other card", "loose"]).map(
        lambda one: ("GET", f"/v1/payment_methods/{{{one}}}", {}, None)
    ),
    st.sampled_from(["card", "other card", "loose"]).map(
        lambda one: ("POST", f"/v1/payment_methods/{{{one}}}/detach", {}, None)
    ),
    st.builds(
        lambda method, customer: (
            "POST",
            f"/v1/payment_methods/{{{method}}}/attach",
            {"customer": customer},
            None,
        ),
        st.sampled_from(["card", "loose"]),
        _braced(CUSTOMERS),
    ),
    st.builds(
        lambda customer, more, key: (
            "POST",
            "/v1/subscriptions",
            {"customer": customer, "items[0][price]": "{tea}", **more},
            key,
        ),
        _braced(CUSTOMERS),
        st.sampled_from([{}, {"discounts[0][coupon]": "HALF"}, {"trial_period_days": "3"}]),
        KEYS,
    ),
    st.sampled_from(
        [
            ("DELETE", "/v1/subscriptions/{begun}", {"prorate": "true"}, None),
            ("POST", "/v1/subscriptions/{begun}", {"metadata[a]": "b"}, None),
            ("GET", "/v1/subscriptions/{begun}", {"expand[]": "latest_invoice"}, None),
            ("GET", "/v1/subscriptions", {}, None),
            ("POST", "/v1/invoices/{bill}/pay", {}, None),
            ("POST", "/v1/invoices/{bill}/finalize", {}, None),
            ("POST", "/v1/invoices/{bill}/void", {}, None),
            ("GET", "/v1/invoices", {"customer": "{bert}"}, None),
            ("GET", "/v1/invoices/{bill}", {"expand[]": "payments"}, None),
            ("GET", "/v1/coupons/HALF", {}, None),
            ("DELETE", "/v1/coupons/HALF", {}, None),
            ("POST", "/v1/payouts", {"amount": "700", "currency": "usd"}, None),
            ("POST", "/v1/transfers", _SENT, None),
            ("POST", "/v1/transfers", {**_SENT, "source_transaction": "{charge of paid}"}, None),
            ("GET", "/v1/transfers", {}, None),
            ("POST", "/v1/accounts/{account}/reject", {"reason": "other"}, None),
            ("GET", "/v1/balance", {}, None),
            ("GET", "/v1/disputes", {}, None),
            ("POST", "/v1/charges", {"amount": "60", "currency": "usd", "source": "tok_visa"}, "k"),
        ]
    ),
    st.builds(
        lambda customer, more: ("POST", "/v1/invoiceitems", {"customer": customer, **more}, None),
        _braced(CUSTOMERS),
        st.sampled_from([_OWED, {**_OWED, "invoice": "{bill}"}]),
    ),
    st.just(("POST", "/v1/webhook_endpoints", _ENDPOINT, None)),
    st.just(("GET", "/v1/webhook_endpoints", {}, None)),
    st.just(("GET", "/v1/account", {}, None)),
)
