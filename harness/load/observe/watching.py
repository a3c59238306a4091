"""The servers of a test bed watched under load, and what was seen of them put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import redis

from paidonce.harness.capability import Capability
from paidonce.harness.load.analyse.spending import spent
from paidonce.harness.load.analyse.summary import LoadSummary
from paidonce.harness.load.observe.meters import (
    PATIENCE_S,
    Look,
    Meters,
    Watched,
    redis_server,
    simulator,
    tap,
)
from paidonce.harness.load.observe.sampler import DatabaseSummary, Sample
from paidonce.harness.results.load_observed import Seen
from paidonce.harness.testbed.bench import Bench


@dataclass(frozen=True)
class Looks:
    """Everything that was looked at while load ran."""

    samples: tuple[Sample, ...]
    meters: Meters
    watched: Watched


@contextmanager
def watch(bench: Bench) -> Iterator[Watched]:
    """Yield the meters of ``bench`` besides its database; their connections are closed at the end.

    Stripe is counted at the tap where the service goes through it, else by the simulator; Redis
    where there is one, Postgres's errors where its log is ours.
    """
    with ExitStack() as exits:
        yield Watched(
            stripe=_stripe(bench, exits),
            redis=_redis(bench, exits),
            errors=_errors(bench),
        )


def _stripe(bench: Bench, exits: ExitStack) -> Look | None:
    if bench.tapped:
        return tap(bench.stripe_tap)
    if Capability.STRIPE_LEDGER in bench.capabilities and bench.reset is not None:
        return simulator(bench.stripe_url)
    return None


def _redis(bench: Bench, exits: ExitStack) -> Look | None:
    if not bench.addresses.redis_url:
        return None
    client = redis.Redis.from_url(bench.addresses.redis_url, socket_timeout=PATIENCE_S)
    return redis_server(exits.enter_context(closing(client)))


def _errors(bench: Bench) -> Callable[[float, float], dict[str, int]] | None:
    counted = bench.postgres_errors
    if counted is None:
        return None
    database = unquote(urlsplit(bench.postgres_url).path.lstrip("/"))
    return lambda since, until: counted(database, since, until)


def seen_in(
    looks: Looks, database: DatabaseSummary, numbers: LoadSummary, start: int, end: int
) -> Seen:
    """Return what was seen at ``start <= t < end`` (monotonic ns)."""
    counted = looks.meters.counted(start, end)
    # Postgres tells the time of day.
    ahead = time.time() - time.monotonic()
    errors = looks.watched.errors
    return Seen(
        sessions=database.sessions,
        commits=database.commits,
        rollbacks=database.rollbacks,
        deadlocks=database.deadlocks,
        errors=None if errors is None else errors(start / 1e9 + ahead, end / 1e9 + ahead),
        counted=counted,
        told_ms=numbers.told_ms,
        told_of=numbers.told_of,
        spent=spent(
            payment_ms=numbers.told_mean_ms,
            told_ms=numbers.told_ms,
            operation_ms=numbers.mean_ms,
            operations=numbers.operations / numbers.seconds,
            sessions=database.sessions,
            counted=counted,
        ),
    )
