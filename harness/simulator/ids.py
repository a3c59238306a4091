"""Identifiers shaped like Stripe's: a prefix and 24 letters and digits.

Each prefix draws from its own stream, so that the third payment intent of a seeded run has the
same id however many reads, retries or refused requests came between.
"""

from __future__ import annotations

import random
import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 24


class IdSource:
    """Draws identifiers; with a seed, always the same ones in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self._root = secrets.token_hex(16) if seed is None else f"seed {seed}"
        self._streams: dict[str, random.Random] = {}

    def draw(self, prefix: str) -> str:
        """A new id such as ``pi_`` followed by 24 characters."""
        return prefix + self._characters(prefix, _LENGTH)

    def client_secret(self, intent_id: str) -> str:
        """The secret a browser would confirm ``intent_id`` with."""
        return f"{intent_id}_secret_{self._characters('secret', _LENGTH + 1)}"

    def _characters(self, stream: str, length: int) -> str:
        rng = self._streams.get(stream)
        if rng is None:
            rng = self._streams[stream] = random.Random(f"{self._root} {stream}")
        return "".join(rng.choices(_ALPHABET, k=length))
