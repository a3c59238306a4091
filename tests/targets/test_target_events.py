"""What a webhook of a target file delivers: Stripe's own event as it was, or one made up."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from paidonce.harness import simulator
from paidonce.harness.backends.stripe_simulator import CAPABILITIES
from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.http.client import Answer
from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.engine.event_types import EVENT_TYPES
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.forms import encode
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply
from paidonce.harness.targets.file.format import StepTable
from paidonce.harness.targets.run.events import Events


class Stripe:
    """A simulation that is asked as a server would be."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.simulation = Simulation(SimulatorSettings(seed=1), clock=lambda: self.now)

    def send(self, method: str, path: str, **form: str) -> dict:
        parts = urlsplit(path)
        headers = {"authorization": "Bearer sk_test_a"}
        query = encode(dict(parse_qsl(parts.query)))
        request = ApiRequest(method, parts.path, query, headers, encode(form))
        reply = api.answer(self.simulation, request)
        assert isinstance(reply, Reply)
        self.status = reply.status
        return msgspec.json.decode(reply.body)

    async def ask(self, method: str, path: str, *_: object) -> Answer:
        body = msgspec.json.encode(self.send(method, path))
        return Answer(self.status, {}, body, (), "")


def found(events, step, **values):
    event = asyncio.run(events.find(step, values, "shop.toml"))
    return None if event is None else msgspec.json.decode(event.payload)


def events_of(stripe, capabilities=CAPABILITIES):
    return Events(SimpleNamespace(stripe=stripe, capabilities=capabilities), began=1_700_000_000)


def delivering(kind, about):
    return StepTable(request="POST /webhook", webhook=kind, object=about)


def paid(stripe):
    return stripe.send(
        "POST",
        "/v1/payment_intents",
        amount="1000",
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
    )


def test_an_event_is_delivered_as_it_was_when_it_was_raised():
    stripe = Stripe()
    intent, events = paid(stripe), events_of(stripe)
    refunded = delivering("charge.refunded", "{charge}")
    assert found(events, refunded, charge=intent["latest_charge"]) is None
    stripe.now += 60
    stripe.send("POST", "/v1/refunds", payment_intent=intent["id"], amount="300")
    stripe.now += 60
    first = found(events, refunded, charge=intent["latest_charge"])
    assert first["data"]["object"]["amount_refunded"] == 300
    assert first["created"] == 1_800_000_060
    stripe.send("POST", "/v1/refunds", payment_intent=intent["id"], amount="100")
    second = found(events, refunded, charge=intent["latest_charge"])
    assert second["data"]["object"]["amount_refunded"] == 400
    assert second["id"] != first["id"]


def raised(kind, number=1, **where):
    step = StepTable(request="POST /webhook", event=kind, where=where)
    return lambda events, **values: asyncio.run(events.find(step, values, "shop.toml", number))


def test_an_event_is_there_as_soon_as_it_is_raised_whoever_looked_its_object_up():
    stripe = Stripe()
    intent, events = paid(stripe), events_of(stripe)
    paid(stripe)
    first = raised("refund.created", payment_intent="{pi}")
    second = raised("refund.created", 2, payment_intent="{pi}")
    assert first(events, pi=intent["id"]) is None
    one = stripe.send("POST", "/v1/refunds", payment_intent=intent["id"], amount="300")
    told = first(events, pi=intent["id"])
    assert msgspec.json.decode(told.payload)["data"]["object"]["id"] == one["id"]
    assert told.looked.path == f"/v1/payment_intents/{intent['id']}"
    assert second(events, pi=intent["id"]) is None
    other = stripe.send("POST", "/v1/refunds", payment_intent=intent["id"], amount="200")
    again = second(events, pi=intent["id"])
    assert msgspec.json.decode(again.payload)["data"]["object"]["id"] == other["id"]
    assert first(events, pi=intent["id"]).payload == told.payload


def test_which_event_is_the_first_of_any_depends_on_all_that_raises_one():
    stripe = Stripe()
    paid(stripe)
    told = raised("payment_intent.succeeded")(events_of(stripe))
    assert told.looked.path == "/v1/events"


def test_a_stripe_that_keeps_no_events_raises_none():
    stripe = Stripe()
    without = events_of(stripe, CAPABILITIES - {Capability.STRIPE_EVENTS})
    with pytest.raises(UsageError, match="does not say which events it raised"):
        raised("payment_intent.succeeded")(without)


def test_events_about_other_objects_are_passed_over():
    stripe = Stripe()
    mine = paid(stripe)
    for _ in range(120):
        paid(stripe)
    events = events_of(stripe)
    event = found(events, delivering("payment_intent.succeeded", "{pi}"), pi=mine["id"])
    assert event["data"]["object"]["id"] == mine["id"]


def test_an_event_that_is_not_raised_here_shows_the_object_whatever_it_is_called():
    """``charge.refund.updated`` is about a refund, and there is no /v1/charge/refunds."""
    stripe = Stripe()
    intent, events = paid(stripe), events_of(stripe)
    refund = stripe.send("POST", "/v1/refunds", payment_intent=intent["id"])
    event = found(events, delivering("charge.refund.updated", "{re}"), re=refund["id"])
    assert event["data"]["object"] == refund


def test_an_event_that_is_made_up_stays_the_same():
    events = events_of(Stripe())
    step = delivering("payment_intent.succeeded", {"id": "{pi}", "amount": 5})
    event = found(events, step, pi="pi_1", run="r")
    assert event["created"] == 1_700_000_000
    assert event == found(events, step, pi="pi_1", run="r")
    assert event["id"] != found(events, step, pi="pi_2", run="r")["id"]


def test_a_stripe_that_keeps_no_events_shows_objects_as_they_are():
    stripe = Stripe()
    intent = paid(stripe)
    events = events_of(stripe, frozenset({Capability.STRIPE_STATE}))
    event = found(events, delivering("charge.refunded", "{ch}"), ch=intent["latest_charge"])
    assert event["data"]["object"]["amount_refunded"] == 0


def test_all_types_that_are_raised_are_known():
    raised = set()
    for path in Path(simulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "emit" and isinstance(node.args[0], ast.Constant):
                raised.add(node.args[0].value)
    # What a confirmation, or an invoice, comes to is put together before it is told.
    confirmed = {
        "charge.pending",
        "payment_intent.processing",
        "payment_intent.amount_capturable_updated",
        "invoice.marked_uncollectible",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.voided",
    }
    assert raised | confirmed == EVENT_TYPES
