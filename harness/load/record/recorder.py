"""Records what one Locust process does, operation by operation."""

from __future__ import annotations

import itertools
import os
import platform
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from paidonce.harness.checkers import load_checkers
from paidonce.harness.history import (
    Action,
    Completed,
    Ended,
    Header,
    Invoked,
    Journal,
    Note,
    OrderCreated,
    Outcome,
)
from paidonce.harness.load.plan.settings import LoadSettings
from paidonce.harness.load.record.latencies import Latencies
from paidonce.harness.service.description import Target
from paidonce.harness.service.responses import completion

ORIGIN = "monotonic_origin_ns"
"""Header setting: the machine-wide monotonic time (ns) at which this file's ``t`` is 0.

Python's ``time.monotonic`` is system-wide (library reference, ``time.monotonic``, since 3.5), so
files recorded by several processes of one machine can be put on one clock.
"""
WARMUP = "warmup_ns"
"""Header setting: measuring begins this long (ns) after the origin."""
MEASURED = "measured_ns"
"""Header setting: and goes on this long (ns), unless the load stops earlier."""
SESSION = "session"
"""Header setting: the same in all files of one run, whichever process and machine they are of."""
MACHINE = "machine"
"""Header setting: which machine's monotonic clock that is."""
WALL = "wall_origin_ns"
"""Header setting: the Unix time (ns) at which this file's ``t`` is 0, by that machine's clock."""
STOPPED = "the load stopped: "
"""How the note begins that marks the moment from which no more load was meant to be sent."""

LATENCIES = ".hlog"
"""How the name of a log of latencies ends, that of a history else."""

_numbers = itertools.count(1)


class Recorder:
    """One run's history file of this process, and the numbering of its operations."""

    def __init__(
        self,
        settings: LoadSettings,
        target: Target,
        scenario: str,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """``soon`` calls something before this process next waits; without it, answers are written
        at once instead of then, or with the next request."""
        origin = time.monotonic_ns()
        wall = time.time_ns()
        started = datetime.fromtimestamp(wall / 1e9, UTC)
        header = Header(
            run=settings.run,
            scenario=scenario,
            target=target.name,
            variant=settings.variant,
            checkers=load_checkers(),
            seed=settings.seed,
            started=started.isoformat(timespec="seconds"),
            settings={
                ORIGIN: str(origin),
                WALL: str(wall),
                MACHINE: machine(),
                SESSION: settings.session,
                WARMUP: str(round(settings.plan.warmup * 1e9)),
                MEASURED: str(round(settings.plan.seconds * 1e9)),
            },
        )
        self._target = target
        self._journal = Journal(_file_name(settings.history, started), header, origin_ns=origin)
        self._operations = itertools.count(1)
        self._soon = soon
        self._flushing = False
        self._stopped = False
        self._closed = False
        self._wall = wall / 1e9
        self._window = (
            round(settings.plan.warmup * 1e9),
            round((settings.plan.warmup + settings.plan.seconds) * 1e9),
        )
        self._due: dict[int, int] = {}
        self._latencies = Latencies()

    @property
    def path(self) -> Path:
        """The history's file."""
        return self._journal.path

    def order_created(self, order: str, amount: int, currency: str) -> None:
        """An order that is now there to be paid."""
        t = self._journal.now()
        self._journal.record(OrderCreated(t=t, order=order, amount=amount, currency=currency))

    def invoked(
        self,
        attempt: str,
        action: Action,
        order: str,
        args: Mapping[str, Any],
        key: str | None,
        late: int = 0,
    ) -> int:
        """A request is about to be sent, ``late`` ns after it was to be; returns its operation's
        number."""
        op = next(self._operations)
        t = self._journal.now()
        self._due[op] = t - late
        self._journal.record(
            Invoked(
                t=t,
                op=op,
                attempt=attempt,
                action=action,
                order=order,
                key=key,
                args=dict(args),
                late=late,
            )
        )
        return op

    def answered(
        self, op: int, action: Action, status: int, headers: Mapping[str, str], body: bytes
    ) -> Completed:
        """The answer came; ``headers`` has lower-case names."""
        completed = completion(
            self._target,
            t=self._journal.now(),
            op=op,
            action=action,
            status=status,
            headers=headers,
            body=body,
        )
        timing = headers.get("server-timing", "")
        if timing:
            completed = msgspec.structs.replace(completed, timing=timing)
        self._complete(completed)
        return completed

    def unanswered(self, op: int, error: str) -> Completed:
        """No answer will come, so whether it happened is not known."""
        completed = Completed(t=self._journal.now(), op=op, outcome=Outcome.UNKNOWN, error=error)
        self._complete(completed)
        return completed

    def _complete(self, completed: Completed) -> None:
        if self._soon is None:
            self._journal.record(completed)
        else:
            # Written together with the client's next request, or before this process waits.
            self._journal.keep(completed)
            if not self._flushing:
                self._flushing = True
                self._soon(self._flush)
        start, end = self._window
        due = self._due.pop(completed.op)
        if start <= completed.t < end and not self._stopped:
            self._latencies.record(completed.t - due)

    def _flush(self) -> None:
        self._flushing = False
        self._journal.flush()

    def stopped(self, reason: str) -> None:
        """From now on no load is meant to be sent; only the first call counts."""
        if not self._stopped and not self._closed:
            self._stopped = True
            self._journal.record(Note(t=self._journal.now(), text=STOPPED + reason))

    def close(self) -> None:
        """Say that this history is whole, close it, and write the latencies that were measured to
        a log beside it; closing twice is harmless.
        """
        if not self._closed:
            self._closed = True
            self._journal.record(Ended(t=self._journal.now()))
            self._journal.close()
            start, end = self._window
            self._latencies.write_log(
                self.path.with_suffix(LATENCIES), self._wall + start / 1e9, (end - start) / 1e9
            )


def machine() -> str:
    """A name of this machine that lasts until it is started again, as its monotonic clock does."""
    try:
        # proc(5): a new random id each time the machine starts.
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{platform.node()}-{uuid.getnode():x}"


def _file_name(folder: Path, started: datetime) -> Path:
    # A pid comes round again, and one process may run several times from Locust's web page.
    moment = started.strftime("%Y%m%dT%H%M%SZ")
    return folder / f"locust-{moment}-{os.getpid()}-{next(_numbers)}.jsonl"
