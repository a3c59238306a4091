"""Free loopback ports for servers that cannot be told to pick one themselves.

Where a server accepts port 0, use that instead: there is no gap then.
"""

from __future__ import annotations

import socket
import sys
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Self

HOST = "127.0.0.1"

_HOLD_WHILE_SERVING = sys.platform == "linux"
"""On Linux a bound, non-listening SO_REUSEADDR socket keeps the port from being given out as an
ephemeral one, yet lets a server that sets SO_REUSEADDR too (PostgreSQL, Valkey) listen on it
(socket(7)). BSD-derived systems refuse the second bind, so there it must be let go first."""


_GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000
"""Below are the ports of servers that people start."""
_ENOUGH = 4_000
_DRAWS = 100
_DICE = SystemRandom()
"""Not the seed's: two commands with one seed are to have different ports."""


class HeldPort:
    """A loopback TCP port kept free for one server of ours until ``release``.

    ``number`` asks for a certain port (default: any free one). Raises ``OSError`` when that one
    is taken. Call ``before_start`` right before the server starts and ``release`` once it listens.
    A server that cannot listen while the port is held is started after ``let_go``: what is left
    then is that no other command of ours takes the port, and no connection is given it.
    """

    def __init__(self, number: int = 0) -> None:
        self._claim: socket.socket | None = None
        if number:
            self._socket = _bound(number)
        else:
            self._socket = self._any()
        self.number: int = self._socket.getsockname()[1]

    def before_start(self) -> None:
        """Let go of the port if the server could not listen on it otherwise."""
        if not _HOLD_WHILE_SERVING:
            self.let_go()

    def let_go(self) -> None:
        """Let go of the port, but not of what keeps other commands of ours away; idempotent."""
        self._socket.close()

    def release(self) -> None:
        """Let go of all of it; idempotent."""
        self._socket.close()
        if self._claim is not None:
            self._claim.close()

    def _any(self) -> socket.socket:
        ports = _never_given_out()
        for _ in range(_DRAWS if ports else 0):
            number = _DICE.choice(ports)
            claim = _claimed(number)
            if claim is None:
                continue
            try:
                found = _bound(number)
            except OSError:
                claim.close()
                continue
            self._claim = claim
            return found
        return _bound(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _bound(number: int) -> socket.socket:
    """A socket that has the port and does not listen. Raises ``OSError`` where it is taken."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, number))
    except OSError:
        made.close()
        raise
    return made


def _claimed(number: int) -> socket.socket | None:
    """Take the port among all commands of ours; None if another has it.

    By a name in the namespace of Unix sockets that has no files (unix(7)): it is gone with its
    holder, however that ends.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0paidonce port {number}")
    except OSError:
        claim.close()
        return None
    return claim


@cache
def _never_given_out() -> range:
    """The ports that the system gives to no connection by itself; empty where that is not known.

    A port of the others may be taken by anybody's connection between the moment in which it is
    let go and the one in which a server listens (ip(7), ``ip_local_port_range``).
    """
    try:
        lowest = int(_GIVEN_OUT.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return range(0)
    return range(_LOWEST, lowest) if lowest >= _LOWEST + _ENOUGH else range(0)


def answers(port: int, host: str = HOST, seconds: float = 1.0) -> bool:
    """Return whether something accepts TCP connections on ``port`` right now."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False
