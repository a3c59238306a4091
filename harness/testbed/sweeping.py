"""Requests by which a service sees to what was left behind, made in recovery and recorded."""

from __future__ import annotations

import asyncio

from paidonce.harness.history import Action, Completed, Invoked, Outcome, Recorder
from paidonce.harness.http.client import NoAnswer, Request
from paidonce.harness.service.script import NotReady
from paidonce.harness.testbed.bench import Bench

_SWEEPER = "recovery"


async def sweep_by(
    bench: Bench,
    journal: Recorder,
    op: int,
    request: Request,
    *,
    name: str,
    where: str,
    within_s: float,
) -> None:
    """Make ``request``, the sweep ``name`` that is described at ``where``, and record it as ``op``.

    That it is not answered within so many seconds, or by a 5xx, is for the next round to see to.
    Raises ``NotReady`` where it is answered 4xx: it is not described as it is.
    """
    asked = f"{request.method} {request.path}"
    journal.record(
        Invoked(
            t=journal.now(),
            op=op,
            attempt=_SWEEPER,
            action=Action.REQUEST,
            order="",
            args={"request": asked, "name": name},
        )
    )
    try:
        async with asyncio.timeout(within_s):
            answer = await bench.service.ask(
                request.method, request.path, request.body, request.headers
            )
    except (NoAnswer, TimeoutError) as failure:
        error = str(failure) or f"no answer within {within_s:g} s"
        done = Completed(t=journal.now(), op=op, outcome=Outcome.UNKNOWN, error=error)
    else:
        if 400 <= answer.status < 500:
            raise NotReady(f"{where}: {asked} was answered {answer.status}, expected 2xx or 3xx")
        outcome = Outcome.OK if answer.status < 400 else Outcome.FAILED
        done = Completed(t=journal.now(), op=op, outcome=outcome, status=answer.status)
    journal.record(done)
