"""The settings with which the simulator is started."""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain.state import SETTLE_SECONDS
from paidonce.harness.simulator.engine.idempotency import WhenBusy
from paidonce.harness.simulator.wire.latency import Latency

RETRY_SECONDS = (1.0, 5.0, 25.0)
"""When a failed webhook delivery is repeated, counted from the attempt before.

Three times, as https://docs.stripe.com/webhooks says of a sandbox; over seconds instead of hours.
"""

LOCK_WAIT_MS = 2000.0


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint that is there from the start, and after every reset."""

    url: str
    events: tuple[str, ...] = ("*",)


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``port`` 0 means any free one. ``seed`` None means ids that never come twice."""

    host: str = "127.0.0.1"
    port: int = 0
    webhook_secret: str | None = None
    latency: Latency = Latency()
    seed: int | None = None
    when_busy: WhenBusy = WhenBusy.CONFLICT
    stop_on_stdin_eof: bool = False
    lock_wait_ms: float = LOCK_WAIT_MS
    rate_limit: int | None = None
    concurrency_limit: int | None = None
    settle_seconds: float = SETTLE_SECONDS
    forward: tuple[Forward, ...] = ()
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    webhook_hosts: tuple[str, ...] = ()
    """Hosts beyond this machine that events may be sent to."""
    load: str | None = None
    save: str | None = None
    pretty_json: bool = False
    """Answer with a line for each field, as Stripe does; it costs a twentieth of the rate."""
    raw_cards: bool = False
    """Take test cards by their numbers too."""
    seed_ids: bool = False
    """Make an object whose id is not known when it is first named."""
    for_people: bool = False
    """Say readably, not as JSON, that it listens."""
