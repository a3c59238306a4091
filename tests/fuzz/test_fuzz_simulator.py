"""The simulator and whatever a client sends: an answer or an end, and never an error of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from damage import Said, damaged, odd
from hypothesis import strategies as st
from trying import Tried, tried

from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.http.app import App
from paidonce.harness.simulator.http.protocol import Connections

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_ASKS = b"GET /_control/health HTTP/1.1\r\nHost: 127.0.0.1\r\nPaidonce-Control: 1\r\n\r\n"
ANSWERED_WITHIN_S = 20.0


async def answered(said: list[Said], simulation: Simulation | None = None) -> bool:
    """Send it all on one connection, and ask for something else on another; whether any of it was
    done."""
    escaped: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: escaped.append(context))
    simulation = simulation or Simulation(SimulatorSettings(seed=1))
    connections = Connections(App(simulation))
    server = await loop.create_server(connections, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    simulation.listens_at(f"http://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            statuses = await _statuses(port, b"".join(data for _, data in said))
            assert await _statuses(port, _ASKS) == [200]
    finally:
        simulation.stop()
        server.close()
        connections.stop()
        connections.abort()
        await simulation.webhooks.close()
    assert escaped == []
    assert not [one for one in statuses if one == 500]
    return 200 in statuses


async def _statuses(port: int, sent: bytes) -> list[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    with contextlib.suppress(ConnectionError):
        writer.write(sent)
        writer.write_eof()
        while data := await reader.read(65_536):
            heard += data
    writer.close()
    return [int(status) for status in _STATUS.findall(heard)]


def taken(inputs: st.SearchStrategy[list[Said]], examples: int | None = None) -> Tried:
    def take(said: list[Said]) -> bool:
        return asyncio.run(answered(said))

    return tried(inputs, take, examples)


_INTENT = {
    "amount": "4990",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "payment_method_types": ["card"],
    "metadata": {"order_id": "o1"},
}
CALLS: list[Any] = [
    ["POST", "payment_intents", {**_INTENT, "confirm": "true"}],
    ["POST", "payment_intents", {**_INTENT, "capture_method": "manual", "expand": ["customer"]}],
    ["POST", "payment_intents/pi_1/confirm", {"payment_method": "pm_card_chargeDeclined"}],
    ["POST", "payment_intents/pi_1/capture", {"amount_to_capture": "1"}],
    ["POST", "refunds", {"payment_intent": "pi_1", "amount": "1", "reason": "duplicate"}],
    ["POST", "customers", {"email": "a@example.com", "address": {"line1": "x"}}],
    ["POST", "payment_methods", {"type": "card", "card": {"token": "tok_visa"}}],
    ["POST", "webhook_endpoints", {"url": "http://127.0.0.1:1/", "enabled_events": ["*"]}],
    ["GET", "payment_intents", {"limit": "3", "created": {"gte": "1"}, "starting_after": "pi_1"}],
    ["GET", "charges", {"payment_intent": "pi_1"}],
    ["GET", "events", {"types": ["charge.succeeded"]}],
]
CONTROL: list[Any] = [
    ["POST", "reset", {"seed": 3, "ahead_seconds": 5}],
    ["POST", "faults", {"rules": [{"fault": {"kind": "error", "when": "before"}, "times": 1}]}],
    ["POST", "clock", {"advance_seconds": 5}],
    ["POST", "limits", {"per_second": 100, "at_once": 10}],
    ["POST", "authenticate", {"payment_intent": "pi_1", "succeeded": True}],
    ["POST", "webhooks/send", {"event": "evt_1", "endpoint": None}],
    ["POST", "webhooks/release", {"events": ["evt_1"]}],
    ["GET", "requests?limit=3", {}],
    ["GET", "ledger", {}],
]


def states() -> list[Any]:
    """Loads the state of a simulator in which something was paid."""
    simulation = Simulation(SimulatorSettings(seed=1))
    call = as_call(CALLS[0])
    assert call is not None
    asyncio.run(answered([call], simulation))
    return [["POST", "state", msgspec.to_builtins(saved.document(simulation))]]


@st.composite
def loading(draw: st.DrawFn) -> list[Said]:
    """A state that is not what it should be, and a call on what came of it."""
    said = [as_order(draw(odd(STATES))), as_call(CALLS[0]), as_call(CALLS[8])]
    return [one for one in said if one is not None]


def as_form(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a form that says ``value``, as Stripe's libraries write them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from as_form(inner, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from as_form(inner, f"{name}[{number}]")
    else:
        yield name, str(value)


def as_call(said: Any) -> Said | None:
    """A call of the API; None where it is none."""
    match said:
        case [str() as method, str() as path, params]:
            pass
        case _:
            return None
    fields = [(k, v.encode("utf-8", "replace").decode()) for k, v in as_form(params)]
    body, query = urlencode(fields, errors="replace"), ""
    if method == "GET":
        body, query = "", f"?{body}"
    where = quote(path.encode("utf-8", "replace"))
    head = f"{quote(method, errors='replace')} /v1/{where}{query} HTTP/1.1\r\n"
    return _whole(
        f"{head}Authorization: Bearer sk_test_1\r\n",
        body.encode(),
        "application/x-www-form-urlencoded",
    )


def as_order(said: Any) -> Said | None:
    """A call of the control API; None where it is none."""
    match said:
        case [str() as method, str() as path, body]:
            pass
        case _:
            return None
    where = quote(path.encode("utf-8", "replace"), safe="/?=")
    head = (
        f"{quote(method, errors='replace')} /_control/{where} HTTP/1.1\r\nPaidonce-Control: 1\r\n"
    )
    return _whole(head, json.dumps(body).encode(), "application/json")


def _whole(head: str, body: bytes, kind: str) -> Said:
    rest = f"Host: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return "client", f"{head}{rest}".encode() + body


@st.composite
def calls(draw: st.DrawFn) -> list[Said]:
    """Calls of which some parameters are not what they should be."""
    said = [as_call(draw(odd([one]))) for one in draw(st.lists(st.sampled_from(CALLS), max_size=5))]
    orders = draw(st.lists(st.sampled_from(CONTROL), max_size=2))
    said += [as_order(draw(odd([one]))) for one in orders]
    return [one for one in said if one is not None]


STATES = states()
INPUTS = {"bytes": damaged("simulator"), "calls": calls(), "state": loading()}


@pytest.mark.parametrize("kind", INPUTS)
def test_it_answers_anything(kind: str, count: Callable[[Tried], None]) -> None:
    counted = taken(INPUTS[kind], 15)
    count(counted)
    assert counted.understood > 0, "all of it is noise"


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS)
def test_it_answers_anything_for_long(kind: str, count: Callable[[Tried], None]) -> None:
    count(taken(INPUTS[kind]))
