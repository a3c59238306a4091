"""Requests and answers as the rest of the simulator sees them; ``http`` puts them on the wire."""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from paidonce.harness.simulator.wire.latency import Distribution

MAX_BODY = 1_048_576
"""Bytes of a request to Stripe's API."""

MAX_CONTROL_BODY = 2**30
"""Bytes of a request to the control API, which may bring a whole state."""

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class ApiRequest(msgspec.Struct, frozen=True, gc=False):
    """A request read to its end. Header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes


class Reset(msgspec.Struct, frozen=True, gc=False):
    """Instead of an answer the connection is reset (TCP RST)."""


class Silence(msgspec.Struct, frozen=True, gc=False):
    """No answer comes, and the connection stays open for as long as the client likes."""


class Slow(msgspec.Struct, frozen=True, gc=False):
    """The answer's body comes in pieces of ``bytes``, with a pause before each."""

    bytes: int
    pause: Distribution


Delivery = Reset | Silence | Slow


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer ready to be sent; ``delivery`` says how, where it is not sent as usual."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    content_type: str = JSON
    delivery: Delivery | None = None


Answering = Reply | Awaitable[Reply]
"""An answer, or the promise of one where something has to be waited for."""
