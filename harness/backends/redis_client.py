"""The few things the harness itself asks of a Redis server, and what goes wrong in plain words."""

from __future__ import annotations

from typing import Any

import redis

from paidonce.harness.errors import Unavailable

CONNECT_SECONDS = 20


def open_client(url: str) -> redis.Redis:
    """A client that gives up soon and does not retry."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS, retry=None
    )


def ping(url: str) -> None:
    """Raises ``redis.RedisError`` when the server does not answer."""
    with open_client(url) as client:
        client.ping()


def server_version(url: str) -> str:
    """For example "valkey 9.1.2" or "redis 7.4.1". Raises ``redis.RedisError``."""
    with open_client(url) as client:
        found: Any = client.info("server")
    name = found.get("server_name", "redis")
    return f"{name} {found.get(f'{name}_version', found.get('redis_version', 'unknown'))}"


def flush(url: str, *, everything: bool) -> None:
    """Empty the URL's database, or all of the server's. Raises ``Unavailable``."""
    try:
        with open_client(url) as client:
            if everything:
                client.flushall()
            else:
                client.flushdb()
    except redis.RedisError as error:
        raise not_emptied(error) from None


def not_emptied(error: redis.RedisError) -> Unavailable:
    """Return the error for a server that could not be emptied."""
    problem = f"the server does not answer ({error})"
    return Unavailable("redis", problem, "See whether it is still running")
