"""Ways to get the dependencies of a payment service: embedded, in a container, or by URL.

Imports processes and what all share. Others use ``Choice``, ``PostgresServer`` and
``StripeServer``.
"""

from paidonce.harness.backends.base import Backend, PostgresServer, RedisServer, Role, StripeServer
from paidonce.harness.backends.choose import (
    KINDS,
    check_spec,
    open_postgres,
    open_redis,
    open_stripe,
)

__all__ = [
    "KINDS",
    "Backend",
    "PostgresServer",
    "RedisServer",
    "Role",
    "StripeServer",
    "check_spec",
    "open_postgres",
    "open_redis",
    "open_stripe",
]
