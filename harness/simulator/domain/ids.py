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
_FOR_CLIENTS = "secret"
"""The stream of client secrets."""


class IdSource:
    """Draws identifiers; with a seed, always the same ones in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self.root = secrets.token_hex(16) if seed is None else f"seed {seed}"
        self._given: dict[str, str] = {}
        self._blocks: dict[str, int] = {}
        """By stream: how many blocks of it have been worked out."""
        self._ahead: dict[str, list[str]] = {}
        """By stream: the ids of a block that have not been given yet, the next one last."""

    @property
    def drawn(self) -> dict[str, int]:
        """Return how many ids each stream has given so far."""
        return {
            stream: blocks * _BLOCK - len(self._ahead[stream])
            for stream, blocks in self._blocks.items()
        }

    def go_on(self, drawn: dict[str, int]) -> None:
        """Have the streams go on where they have given so many ids. ``ValueError`` for fewer than
        none."""
        for stream, number in drawn.items():
            if number < 0:
                raise ValueError(f"{number} ids of {stream} cannot have been drawn")
            block, place = divmod(number, _BLOCK)
            self._blocks[stream] = block
            self._more(stream)
            del self._ahead[stream][_BLOCK - place :]

    def give(self, prefix: str, identifier: str) -> None:
        """Have the next id of that prefix be ``identifier``."""
        self._given[prefix] = identifier

    def draw(self, prefix: str) -> str:
        """A new id such as ``pi_`` followed by 24 characters."""
        if self._given and prefix in self._given:
            return self._given.pop(prefix)
        return (self._ahead.get(prefix) or self._more(prefix)).pop()

    def client_secret(self, intent_id: str) -> str:
        """The secret a browser would confirm ``intent_id`` with."""
        return intent_id + (self._ahead.get(_FOR_CLIENTS) or self._more(_FOR_CLIENTS)).pop()

    def _more(self, stream: str) -> list[str]:
        """Work out the next block of a stream."""
        block = self._blocks.get(stream, 0)
        self._blocks[stream] = block + 1
        # A secret has a character more, and stands behind the id of what it opens.
        length, before = (_LENGTH + 1, "_secret_") if stream == _FOR_CLIENTS else (_LENGTH, stream)
        digest = hashlib.shake_128(f"{self.root} {stream} {block}".encode())
        text = digest.digest(_BLOCK * length).translate(_CHARACTER_OF).decode("ascii")
        last = (_BLOCK - 1) * length
        found = [before + text[at : at + length] for at in range(last, -1, -length)]
        self._ahead[stream] = found
        return found
