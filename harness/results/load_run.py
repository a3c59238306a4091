"""One load run of one variant, with the figures that reports give of it."""

from __future__ import annotations

import msgspec

from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.results.load_observed import Seen
from paidonce.harness.verdict import Status, Verdict


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies in milliseconds."""

    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One load run of one variant.

    ``outcomes`` counts operations by outcome name. ``lock_waits`` is the mean number of
    database sessions seen waiting for a lock per sample, ``lock_wait_share`` the share of
    samples with any. ``round`` counts the measurements of one variant in a run, from 1;
    ``yardstick`` is how many transactions a second pgbench made just before it and just after it
    (the geometric mean). ``retries`` counts what the service said it retried, None if it does not
    say. Rates are per second of
    the measured window, ``seconds`` long.
    """

    variant: str
    profile: str
    users: int
    seconds: float
    operations: int
    payments: int
    outcomes: dict[str, int]
    latency: Percentiles
    lock_waits: float
    lock_wait_share: float
    rollbacks: int
    deadlocks: int
    retries: int | None
    status: Status
    verdicts: tuple[Verdict, ...]
    history: str
    rate: float | None = None
    """Clients a second who came whether others were answered or not; None in a closed loop."""
    arrivals: str = ""
    bound_ms: float | None = None
    """Of a search for the highest sustained rate: the p99 that must not be exceeded."""
    round: int = 1
    yardstick: float | None = None
    seen: Seen | None = None
    """All that Postgres, Stripe, Redis and the service told meanwhile; None in older files."""
    conditions: Conditions = Conditions()
    tried_again: int = 0
    """Operations that were another try by a client, under the key of the first."""
    histogram: str = ""
    """All latencies in microseconds: an HDR histogram, as
    ``paidonce.harness.load.record.latencies`` writes it.
    """

    @property
    def pattern(self) -> str:
        """The profile, with the contention where that is not the profile's own."""
        own = {"hot": "hot:2", "many": "distinct", "shop": "distinct"}.get(self.profile)
        contention = self.conditions.contention
        return self.profile if contention in ("", own) else f"{self.profile} {contention}"

    @property
    def throughput(self) -> float:
        return self.operations / self.seconds if self.seconds else 0.0

    @property
    def goodput(self) -> float:
        """Payments that succeeded, per second."""
        return self.payments / self.seconds if self.seconds else 0.0

    @property
    def conflict_rate(self) -> float:
        """Share of operations that were cleanly rejected."""
        return self.outcomes.get("rejected", 0) / self.operations if self.operations else 0.0
