"""The ASGI application: Stripe's API, and the control API beside it."""

from __future__ import annotations

import msgspec

from harness.simulator import api, control
from harness.simulator.simulation import Simulation
from harness.simulator.wire import (
    MAX_BODY,
    BodyTooLarge,
    ClientGone,
    Receive,
    Reply,
    Scope,
    Send,
    read_request,
    send_reply,
)

_TOO_LARGE = Reply(
    status=413,
    body=msgspec.json.encode(
        {
            "error": {
                "type": "invalid_request_error",
                "message": f"The request body is larger than {MAX_BODY} bytes.",
            }
        }
    ),
)


class App:
    """Serves one simulation. Only HTTP: there is no lifespan and no WebSocket."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read_request(scope, receive)
        except ClientGone:
            # An incomplete request never reached Stripe, so it is not even logged.
            return
        except BodyTooLarge:
            await send_reply(send, _TOO_LARGE)
            return
        if control.addressed(request):
            reply = control.answer(self.simulation, request)
        else:
            reply = await api.answer(self.simulation, request)
        await send_reply(send, reply)
