"""Latencies of one process or of many, as a histogram that can be added to others.

HDR histograms (Gil Tene, http://hdrhistogram.org) of whole microseconds with three significant
digits: 0.1 % of each value, however large. Their sum is the histogram of all that is in any of
them, so percentiles of several workers are those of the whole; means of percentiles would not be.
Files are in HdrHistogram's log format, which its own tools read and add as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from paidonce.harness.errors import UsageError
from paidonce.harness.results.load_run import Percentiles

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

_HIGHEST_US = 600_000_000
"""Ten minutes: longer than any client waits here; a longer wait is recorded as this."""
_DIGITS = 3


class Latencies:
    """A histogram of latencies."""

    def __init__(self) -> None:
        # An extra has it: whoever only reads the rest of the harness does without.
        from hdrh.histogram import HdrHistogram

        self._counted = HdrHistogram(1, _HIGHEST_US, _DIGITS)
        self._uncounted: dict[int, int] = {}
        self._highest_ns = 0

    @classmethod
    def of(cls, latencies_ns: Iterable[int]) -> Self:
        """Those of ``latencies_ns`` (nanoseconds)."""
        made = cls()
        for latency in latencies_ns:
            made.record(latency)
        return made

    @classmethod
    def merged(cls, several: Iterable[Latencies]) -> Self:
        """All that is in any of ``several``."""
        made = cls()
        for each in several:
            made._histogram.add(each._histogram)
            made._highest_ns = max(made._highest_ns, each._highest_ns)
        return made

    @classmethod
    def decoded(cls, text: str) -> Self:
        """Return the latencies that ``encoded`` gave as a text. Raises ``ValueError`` on anything
        else."""
        made = cls()
        try:
            made._histogram.decode_and_add(text)
        except Exception as error:  # the library raises whatever zlib, base64 or struct do
            raise ValueError(f"not an encoded HDR histogram: {text[:20]!r}") from error
        made._read_highest()
        return made

    def record(self, latency_ns: int) -> None:
        """Count one more."""
        if latency_ns > self._highest_ns:
            self._highest_ns = latency_ns
        us = latency_ns // 1000
        self._uncounted[us] = self._uncounted.get(us, 0) + 1

    @property
    def _histogram(self) -> HdrHistogram:
        # Counting costs a microsecond each, so equal ones are counted together, when it is asked.
        for us, times in self._uncounted.items():
            self._counted.record_value(min(max(us, 1), _HIGHEST_US), times)
        self._uncounted.clear()
        return self._counted

    @property
    def count(self) -> int:
        """Return how many there are."""
        return int(self._histogram.get_total_count())

    def percentile_ms(self, percent: float) -> float:
        """The latency (milliseconds) that ``percent`` of them do not exceed."""
        # A bucket's upper end may lie above the largest value there was.
        found: int = self._histogram.get_value_at_percentile(percent)
        return min(found / 1e3, self._highest_ns / 1e6)

    def percentiles(self) -> Percentiles:
        """The usual ones."""
        at = self.percentile_ms
        highest = self._highest_ns / 1e6
        return Percentiles(p50=at(50), p90=at(90), p99=at(99), p999=at(99.9), max=highest)

    def encoded(self) -> str:
        """In HdrHistogram's compressed text form (V2, base64)."""
        return str(self._histogram.encode().decode())

    def _read_highest(self) -> None:
        self._highest_ns = int(self._histogram.get_max_value()) * 1000

    def write_log(self, path: Path, start: float, seconds: float) -> None:
        """Write a log of one interval that began at ``start`` (Unix time). Raises ``OSError``."""
        from hdrh.log import HistogramLogWriter

        with path.open("w", encoding="utf-8") as file:
            log = HistogramLogWriter(file)
            log.output_comment("[Latencies in microseconds, from when each request was to be sent]")
            log.output_log_format_version()
            # As many digits as the interval has: readers leave out what begins before the start.
            log.output_comment(f"[StartTime: {start:.6f} (seconds since epoch)]")
            log.output_legend()
            log.output_interval_histogram(
                self._histogram, start, start + seconds, max_value_unit_ratio=1000.0
            )


def read_log(path: Path) -> Latencies:
    """All intervals of a log together. Raises ``UsageError`` naming the file."""
    from hdrh.log import HistogramLogReader

    made = Latencies()
    found = False
    try:
        reader = HistogramLogReader(str(path), made._histogram)
        try:
            while reader.add_next_interval_histogram() is not None:
                found = True
        finally:
            reader.close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"histogram log {path} cannot be read: {reason}") from error
    except Exception as error:  # the library raises whatever zlib, base64 or struct do
        raise UsageError(f"{path} is not a log of HDR histograms ({error})") from error
    if not found:
        raise UsageError(f"{path} holds no histogram: expected a log of HdrHistogram's")
    made._read_highest()
    return made
