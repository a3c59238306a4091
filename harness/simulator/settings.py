"""What the simulator is told when it is started."""

from __future__ import annotations

import msgspec

from harness.simulator.idempotency import WhenBusy
from harness.simulator.latency import Latency


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``port`` 0 means any free one. ``seed`` None means ids that never come twice."""

    host: str = "127.0.0.1"
    port: int = 0
    webhook_secret: str | None = None
    latency: Latency = Latency()
    seed: int | None = None
    when_busy: WhenBusy = WhenBusy.CONFLICT
    stop_on_stdin_eof: bool = False
