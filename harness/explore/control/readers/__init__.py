"""The kinds of taps that an execution is controlled by, each registered by its line in ``_ALL``.

Imports taps, footprints and naming. Others use ``TAPS``, ``TapKind``, ``CallReader`` and
``openers``.
"""

from __future__ import annotations

from paidonce.harness.explore.control.readers.kind import TapKind
from paidonce.harness.explore.control.readers.postgres import PostgresReader
from paidonce.harness.explore.control.readers.redis import RedisReader
from paidonce.harness.explore.control.readers.replica import ReplicaReader
from paidonce.harness.explore.control.readers.stripe import StripeReader
from paidonce.harness.testbed.openers import REPLICA_URL, Opener, before_postgres, before_redis

__all__ = ["TAPS", "TapKind", "openers"]

_ALL = (
    TapKind("postgres", "Postgres", PostgresReader, before_postgres, stores=True, prepares=True),
    TapKind("replica", "the replica", ReplicaReader, places=(REPLICA_URL,)),
    TapKind("redis", "Redis", RedisReader, before_redis, stores=True),
    TapKind("stripe", "Stripe", StripeReader, throughout=True, prepares=True),
)
TAPS: dict[str, TapKind] = {kind.name: kind for kind in _ALL}


def openers() -> tuple[Opener, ...]:
    """Return what opens the taps of a service that is to be under control."""
    return tuple(kind.opener for kind in TAPS.values() if kind.opener is not None)
