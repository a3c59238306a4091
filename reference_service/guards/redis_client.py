"""A Redis client for locks; imported only by the guards that need one."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from paidonce.reference_service import spent
from paidonce.reference_service.guards.base import Context
from paidonce.reference_service.orders import Refused, error

RedisError = redis.RedisError
_TIMEOUT_S = 2.0


class _Timed(redis.Redis):
    """A client that counts how long it waits for an answer."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with spent.on(spent.REDIS):
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # no types


def connect(context: Context) -> redis.Redis:
    """A client with a pool of its own. Connects when first used.

    It never repeats a command by itself: a ``SET NX`` whose answer was lost would find its own
    lock and report it as somebody else's.
    """
    url = context.settings.redis_url
    assert url is not None, "settings demand REDIS_URL for guards that need it"
    client: redis.Redis = _Timed.from_url(
        url,
        socket_connect_timeout=_TIMEOUT_S,
        socket_timeout=_TIMEOUT_S,
        max_connections=context.settings.handler_threads + 1,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return client


def acquire(client: Any, name: str, owner: str, lease_ms: int) -> bool:
    """``SET name owner NX PX lease`` (Redis documentation, SET, "Patterns")."""
    return bool(client.set(name, owner, nx=True, px=lease_ms))


def lock_name(order_id: str) -> str:
    return f"order-lock:{order_id}"


def unavailable() -> Refused:
    return Refused(error(503, "lock_unavailable", "The lock server does not answer."))
