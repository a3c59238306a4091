"""Identifiers shaped like Stripe's: a prefix and 24 letters and digits.

Each prefix has its own stream, so that the third payment intent of a seeded run has the same id
however many reads, retries or refused requests came between. An id is a function of the seed,
the prefix and its number in the stream: the whole state is one counter a prefix, which is what
a saved simulation keeps.
"""

from __future__ import annotations

import hashlib
import secrets

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Every byte stands for a letter or digit; a few stand twice more often than they would by chance,
# which nobody can use for anything.
_CHARACTER_OF = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_LENGTH = 24
_BLOCK = 64
"""So many ids of a stream are worked out at once: one by one they cost a sixth of a payment."""


class IdSource:
    """Draws identifiers; with a seed, always the same ones in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self.root = secrets.token_hex(16) if seed is None else f"seed {seed}"
        self.drawn: dict[str, int] = {}
        """How many ids each stream has given so far."""
        self._given: dict[str, str] = {}
        self._ahead: dict[str, list[str]] = {}
        """By stream: the ids of a block that have not been given yet, the next one last."""

    def give(self, prefix: str, identifier: str) -> None:
        """Have the next id of that prefix be ``identifier``."""
        self._given[prefix] = identifier

    def draw(self, prefix: str) -> str:
        """A new id such as ``pi_`` followed by 24 characters."""
        if self._given and prefix in self._given:
            return self._given.pop(prefix)
        return prefix + self._characters(prefix, _LENGTH)

    def client_secret(self, intent_id: str) -> str:
        """The secret a browser would confirm ``intent_id`` with."""
        return f"{intent_id}_secret_{self._characters('secret', _LENGTH + 1)}"

    def _characters(self, stream: str, length: int) -> str:
        ahead = self._ahead.get(stream)
        if ahead:
            self.drawn[stream] += 1
            return ahead.pop()
        number = self.drawn.get(stream, 0)
        self.drawn[stream] = number + 1
        block, place = divmod(number, _BLOCK)
        digest = hashlib.shake_128(f"{self.root} {stream} {block}".encode())
        text = digest.digest(_BLOCK * length).translate(_CHARACTER_OF).decode("ascii")
        ahead = [text[at * length : (at + 1) * length] for at in range(_BLOCK - 1, place - 1, -1)]
        self._ahead[stream] = ahead
        return ahead.pop()
