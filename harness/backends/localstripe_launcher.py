"""Starts localstripe as a server for tests: run by the interpreter that has it, not by ours.

    python localstripe_launcher.py

localstripe's own command listens on every interface of the machine and keeps its objects in
``/tmp/localstripe.pickle``, which may be a user's own. This one listens on 127.0.0.1, on a port
of its choice, and keeps nothing on disk. It also leaves out the two parameters that say "cards
only, and no redirects" to Stripe and that localstripe, which knows nothing else, refuses as
unexpected. Everything else is localstripe's own doing. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web

CARDS_ONLY = ("automatic_payment_methods", "error_on_requires_action")


def _without(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    def call(**parameters: Any) -> Any:
        return function(**{k: v for k, v in parameters.items() if k not in names})

    return call


def application() -> web.Application:
    """localstripe's application, for card payments as a service of today asks for them."""
    from localstripe import resources

    resources.Store.dump_to_disk = lambda self: None
    intents = resources.PaymentIntent
    intents._api_create = staticmethod(_without(intents._api_create, CARDS_ONLY))
    for number, (method, url, function) in enumerate(resources.extra_apis):
        if url == "/v1/payment_intents/{id}/confirm":
            resources.extra_apis[number] = (method, url, _without(function, CARDS_ONLY))
    from localstripe.server import app  # after that: it makes its routes when it is imported

    found: web.Application = app
    return found


async def serve() -> None:
    """Serve until standard input ends; the first line told is where, as JSON."""
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        version = importlib.metadata.version("localstripe")
        print(json.dumps({"ready": True, "port": port, "version": version}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
