"""Free loopback ports for servers that cannot be told to pick one themselves.

Where a server accepts port 0, use that instead: there is no gap then.
"""

from __future__ import annotations

import socket
import sys
from typing import Self

HOST = "127.0.0.1"

_HOLD_WHILE_SERVING = sys.platform == "linux"
"""On Linux a bound, non-listening SO_REUSEADDR socket keeps the port from being given out as an
ephemeral one, yet lets a server that sets SO_REUSEADDR too (PostgreSQL, Valkey) listen on it
(socket(7)). BSD-derived systems refuse the second bind, so there it must be let go first."""


class HeldPort:
    """A loopback TCP port kept free for one server of ours until ``release``.

    ``number`` asks for a certain port (default: any free one). Raises ``OSError`` when that one
    is taken. Call ``before_start`` right before the server starts and ``release`` once it listens.
    """

    def __init__(self, number: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((HOST, number))
        except OSError:
            self._socket.close()
            raise
        self.number: int = self._socket.getsockname()[1]

    def before_start(self) -> None:
        """Let go of the port if the server could not listen on it otherwise."""
        if not _HOLD_WHILE_SERVING:
            self.release()

    def release(self) -> None:
        """Let go; idempotent."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def answers(port: int, host: str = HOST, seconds: float = 1.0) -> bool:
    """Return whether something accepts TCP connections on ``port`` right now."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False
