"""A lane: the servers and databases that one strand of work uses at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from paidonce.harness.backends.base import RedisServer, StripeServer
from paidonce.harness.backends.postgres_replica import ReplicaPostgres
from paidonce.harness.service.running import LoadedService
from paidonce.harness.taps.stripe.egress import EgressProxy
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls


@dataclass
class Lane:
    """The servers and databases that one strand of work uses: no other lane touches them."""

    number: int
    stripe: StripeServer
    tap: StripeTap
    redis: RedisServer
    tls: StripeTls | None = None
    """Other ways in to the tap, where the service asks for one."""
    egress: EgressProxy | None = None
    """The way out of the service, where it should not reach Stripe itself."""
    replica: ReplicaPostgres | None = None
    """A replica of its Postgres, where the service reads from one."""
    loaded: LoadedService = field(default_factory=LoadedService)
    """The zygote its services are forked from once there is one, where they know how: that of all
    lanes of a stack."""
    often: bool = False
    """True where services are started on it so often that the first is forked already."""
