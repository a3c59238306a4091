"""Counters of the servers beside Postgres, read again and again while load runs.

Which part of a run is measured is known only afterwards, so counters are read at intervals, and
what is said of the window is the rate between the first and the last reading within it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import redis

from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS
from paidonce.harness.bounded import decode_json
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.load.observe.background_watch import BackgroundWatch
from paidonce.harness.results.load_observed import Counted
from paidonce.harness.taps.stripe.tap import StripeTap

INTERVAL_S = 0.25
PATIENCE_S = 5.0

Look = Callable[[], Mapping[str, float]]
"""Reads counters; raises an ``Exception`` when they cannot be had (any more)."""

CALLS, BUSY_S = "calls", "busy seconds"
COMMANDS, READS = "commands", "reads"


@dataclass(frozen=True)
class Watched:
    """The meters of the servers that can be read besides the database.

    ``errors`` says how many errors Postgres reported between two Unix times, by SQLSTATE.
    """

    stripe: Look | None = None
    redis: Look | None = None
    errors: Callable[[float, float], dict[str, int]] | None = None


NOTHING = Watched()


def simulator(url: str) -> Look:
    """Return a meter of what a paidonce simulator at ``url`` answered, and how long it took."""

    def look() -> Mapping[str, float]:
        asked = f"{url}/_control/health"
        answer = ask_once("GET", asked, seconds=PATIENCE_S, headers=CONTROL_HEADERS)
        if answer.status != 200:
            raise NoAnswer(f"{asked} was answered {answer.status}")
        health = decode_json(answer.body)
        return {CALLS: health["answered"], BUSY_S: health["busy_seconds"]}

    return look


def tap(stripe: StripeTap) -> Look:
    """The calls that went through a tap, and how long they took."""
    return lambda: {CALLS: stripe.carried, BUSY_S: stripe.busy_seconds}


def redis_server(client: redis.Redis) -> Look:
    """The commands a Redis or Valkey carried out, and how often it read from a connection.

    The reading itself is one of both, and left out. Of a server that others use as well, theirs
    are counted too.
    """
    looks = 0

    def look() -> Mapping[str, float]:
        nonlocal looks
        stats = client.info("stats")
        looks += 1
        return {
            COMMANDS: stats["total_commands_processed"] - looks,
            READS: stats["total_reads_processed"] - looks,
        }

    return look


@dataclass
class _Meter:
    look: Look
    readings: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    gone: bool = False

    def read(self) -> None:
        """Once more; a server that does not tell is not asked again."""
        if self.gone:
            return
        try:
            values = self.look()
        except Exception:  # whatever kind of client it is: what it would have told stays unknown
            self.gone = True
            return
        self.readings.append((time.monotonic_ns(), values))


class Meters(BackgroundWatch):
    """Reads the counters of ``watched`` in a thread of its own, while it is entered."""

    def __init__(self, watched: Watched, interval: float = INTERVAL_S) -> None:
        super().__init__("meters")
        self._stripe = None if watched.stripe is None else _Meter(watched.stripe)
        self._redis = None if watched.redis is None else _Meter(watched.redis)
        self._interval = interval

    def counted(self, start: int, end: int) -> Counted:
        """Return what was counted at ``start <= t < end`` (monotonic ns), a second."""
        stripe, redis_ = _rates(self._stripe, start, end), _rates(self._redis, start, end)
        calls = stripe.get(CALLS)
        return Counted(
            stripe_calls=calls,
            stripe_ms=round(stripe[BUSY_S] / calls * 1000, 4) if calls else None,
            redis_commands=redis_.get(COMMANDS),
            redis_round_trips=redis_.get(READS),
        )

    def _watch(self, told: threading.Event) -> None:
        meters = [meter for meter in (self._stripe, self._redis) if meter is not None]
        while meters:
            for meter in meters:
                meter.read()
            if told.wait(self._interval):
                return


def _rates(meter: _Meter | None, start: int, end: int) -> dict[str, float]:
    """The growth a second of every counter; nothing where it was not read twice."""
    if meter is None:
        return {}
    return rates([reading for reading in meter.readings if start <= reading[0] < end])


def rates(readings: Sequence[tuple[int, Mapping[str, float]]]) -> dict[str, float]:
    """The growth a second (times are ns) between the first reading and the last; pure."""
    if len(readings) < 2:
        return {}
    (began, first), (ended, last) = readings[0], readings[-1]
    seconds = (ended - began) / 1e9
    return {name: round((last[name] - first[name]) / seconds, 4) for name in first}
