"""What one measurement gives, and medians of it."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True)
class Sample:
    """``schedules`` executed in ``seconds``, with the processor time that took on the machine.

    ``machine_cpu`` is that of everything on it, in seconds; ``load`` its load average of the last
    minute.
    """

    schedules: int
    seconds: float
    machine_cpu: float
    load: float
    whole: bool = False
    """Whether that settles all interleavings there are."""

    @property
    def rate(self) -> float:
        """Schedules a second."""
        return self.schedules / self.seconds

    @property
    def busy(self) -> float:
        """How much of the machine was in use, from 0 to 1, by whomever."""
        return self.machine_cpu / (self.seconds * (os.cpu_count() or 1))


@dataclass
class Way:
    """One way to go through schedules. ``skipped`` says why there are no samples."""

    name: str
    about: str
    samples: list[Sample] = field(default_factory=list)
    skipped: str = ""
    remark: str = ""
    interleavings: int | None = None
    """How many there are in all, as far as they are what this way looks at; None: not known."""
    of_sql: int | None = None
    """The same, where orders that differ in anything but SQL are one."""

    @property
    def rate(self) -> float:
        """The median of schedules a second."""
        return statistics.median(sample.rate for sample in self.samples)

    @property
    def whole(self) -> float | None:
        """The median of seconds for all interleavings; None if they were not gone through."""
        if not self.samples or not all(sample.whole for sample in self.samples):
            return None
        return statistics.median(sample.seconds for sample in self.samples)

    def settled(self, interleavings: int | None) -> float | None:
        """The median of so many interleavings by the second in which they were all settled."""
        return None if self.whole is None or not interleavings else interleavings / self.whole


def sooner(one: Way, other: Way) -> float:
    """The median, over rounds, of how many times sooner ``one`` was through with all."""
    pairs = zip(one.samples, other.samples, strict=True)
    return statistics.median(theirs.seconds / mine.seconds for mine, theirs in pairs)


def ratio(one: Way, other: Way) -> float:
    """The median, over rounds, of how many times faster ``one`` was in the same round."""
    pairs = zip(one.samples, other.samples, strict=True)
    return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)


def better(ways: Sequence[Way]) -> Way | None:
    """The fastest of ``ways`` that was measured."""
    measured = [way for way in ways if way.samples]
    return max(measured, key=lambda way: way.rate, default=None)


class Clock:
    """Seconds, and processor seconds of the whole machine, since it was made."""

    def __init__(self) -> None:
        self._cpu = _busy_seconds()
        self._began = _now()

    def sample(
        self, schedules: int, seconds: float | None = None, *, whole: bool = False
    ) -> Sample:
        """What was done since; ``seconds`` where only a part of the time counts."""
        took = _now() - self._began
        share = 1.0 if seconds is None else seconds / took
        return Sample(
            schedules=schedules,
            seconds=took if seconds is None else seconds,
            machine_cpu=(_busy_seconds() - self._cpu) * share,
            load=os.getloadavg()[0],
            whole=whole,
        )


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect garbage now rather than while something is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _now() -> float:
    return time.perf_counter()


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return times.user + times.system + times.nice
