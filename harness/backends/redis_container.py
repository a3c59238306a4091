"""Valkey in a container."""

from __future__ import annotations

from typing import Literal

import redis

from paidonce.harness.backends import redis_client
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.containers import Container
from paidonce.harness.process.ports import HOST

IMAGE = "valkey/valkey:8.1.4-alpine"
START_SECONDS = 120.0


class ContainerRedis(Stoppable):
    """A throw-away Valkey container; constructing it starts it.

    Raises ``Unavailable`` (no Docker engine, no image) or ``DeadlineExceeded``.
    """

    kind = "container"
    owned = True

    def __init__(self, image: str = IMAGE) -> None:
        self._container = Container(
            image, 6379, command='valkey-server --save "" --appendonly no --databases 256'
        )
        try:
            self._container.wait_for("answer PING", self._answers, START_SECONDS)
            self.version = self._container.named(redis_client.server_version(self.url()))
        except BaseException:
            self.stop()
            raise

    def url(self, db: int = 0) -> str:
        """The URL of one of its databases."""
        return f"redis://{HOST}:{self._container.port}/{db}"

    def flush(self) -> None:
        """Empty all its databases."""
        redis_client.flush(self.url(), everything=True)

    def stop(self) -> None:
        """Remove the container; idempotent."""
        self._container.stop()

    def _answers(self) -> Literal[True] | None:
        try:
            redis_client.ping(self.url())
        except redis.RedisError:
            return None
        return True
