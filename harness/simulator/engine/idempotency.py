"""Idempotency keys, as https://docs.stripe.com/api/idempotent_requests describes them.

* A key belongs to the account it is used with, here the API key.
* The status and body of the first request are kept once it has begun to execute, whatever they
  are, and given again to every later one with the same key, endpoint and parameters.
* A request that was refused before executing, or that met another one still executing, leaves
  nothing behind.
* The same key with another endpoint or other parameters is an ``idempotency_error``.
* Keys are forgotten after 24 hours.
"""

from __future__ import annotations

import asyncio
import enum
import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.errors import IDEMPOTENCY, Refused
from paidonce.harness.simulator.wire.forms import Form

KEY_LENGTH = 255
KEPT_SECONDS = 24 * 3600


class WhenBusy(enum.StrEnum):
    """The fates of a request whose key is in use by one that still executes."""

    CONFLICT = "conflict"
    """409 at once, which is what Stripe does."""
    SERIALIZE = "serialize"
    """It waits for the first one's answer and repeats it."""


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """The things that must be alike for two requests to be the same request."""

    method: str
    path: str
    digest: bytes
    """Of the parameters, whatever their order: they need not be kept to be compared."""

    @classmethod
    def of(cls, method: str, path: str, params: Form) -> Fingerprint:
        """That of a request."""
        text = msgspec.json.encode(params, order="deterministic")
        return cls(method, path, hashlib.blake2b(text, digest_size=16).digest())


class Stored(msgspec.Struct, frozen=True, gc=False):
    """The answer of the first request."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class Record:
    """One key in use. ``answer`` is None for as long as the first request executes."""

    __slots__ = (
        "_over",
        "account",
        "answer",
        "created",
        "fingerprint",
        "key",
        "open",
        "request_id",
    )

    def __init__(
        self, account: str, key: str, fingerprint: Fingerprint, request_id: str, created: float
    ) -> None:
        self.account = account
        self.key = key
        self.fingerprint = fingerprint
        self.request_id = request_id
        self.created = created
        self.answer: Stored | None = None
        self.open = True
        """Until the first request has ended, with an answer or without."""
        self._over: asyncio.Event | None = None

    async def over(self) -> None:
        """Wait until the first request has ended."""
        if self.open:
            # Made when somebody waits, which is seldom: most keys are used once.
            self._over = self._over or asyncio.Event()
            await self._over.wait()

    def end(self) -> None:
        """The first request has ended: whoever waited for it goes on."""
        self.open = False
        if self._over is not None:
            self._over.set()

    def summary(self) -> dict[str, Any]:
        """Return what the ledger shows of this key; the API key itself is never shown."""
        return {
            "key": self.key,
            "method": self.fingerprint.method,
            "path": self.fingerprint.path,
            "request": self.request_id,
            "created": self.created,
            "status": None if self.answer is None else self.answer.status,
        }


class IdempotencyStore:
    """The keys of one world, oldest first."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}

    def find(self, account: str, key: str, fingerprint: Fingerprint, now: float) -> Record | None:
        """The record under ``key``, or None where the key is free.

        Raises ``Refused`` (400, ``idempotency_error``) when it was used for another request.
        """
        self._forget(now)
        record = self._records.get((account, key))
        if record is not None and record.fingerprint != fingerprint:
            raise _mismatch(key, record.fingerprint, fingerprint)
        return record

    def begin(
        self, account: str, key: str, fingerprint: Fingerprint, request_id: str, now: float
    ) -> Record:
        """Take a free key for a request that begins to execute now."""
        record = Record(account, key, fingerprint, request_id, now)
        assert (account, key) not in self._records, f"idempotency key {key} is not free"
        self._records[account, key] = record
        return record

    def finish(self, record: Record, answer: Stored) -> None:
        """Keep the answer and let those who wait for it go on."""
        record.answer = answer
        record.end()

    def abandon(self, record: Record) -> None:
        """Free a key whose request ended before it had executed (the server is stopping)."""
        self._records.pop((record.account, record.key), None)
        record.end()

    def restore(self, record: Record) -> None:
        """Put back a key from a saved state; oldest first."""
        record.end()
        self._records[record.account, record.key] = record

    def copied(self) -> IdempotencyStore:
        """The keys whose requests have ended, in a store of their own."""
        twin = IdempotencyStore()
        twin._records = {slot: record for slot, record in self._records.items() if not record.open}
        return twin

    def __iter__(self) -> Iterator[Record]:
        """Oldest first."""
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def newest(self, count: int) -> list[dict[str, Any]]:
        """Summaries of at most that many, newest first."""
        return [record.summary() for record in islice(reversed(self._records.values()), count)]

    def summaries(self) -> list[dict[str, Any]]:
        """Of all records, oldest first."""
        return [record.summary() for record in self._records.values()]

    def _forget(self, now: float) -> None:
        # Insertion order is order of age, so only the front has to be looked at.
        while self._records:
            slot, oldest = next(iter(self._records.items()))
            if now - oldest.created < KEPT_SECONDS or oldest.open:
                return
            del self._records[slot]


def check_key(key: str) -> None:
    """Refuse (400) a key that is empty or longer than ``KEY_LENGTH`` characters."""
    if not 0 < len(key) <= KEY_LENGTH:
        raise Refused(
            400,
            f"Idempotency keys must be between 1 and {KEY_LENGTH} characters long, and this one "
            f"has {len(key)}.",
        )


def in_use(key: str) -> Refused:
    """409: another request with this key still executes."""
    return Refused(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        type=IDEMPOTENCY,
        code="idempotency_key_in_use",
    )


def _mismatch(key: str, first: Fingerprint, now: Fingerprint) -> Refused:
    if (first.method, first.path) != (now.method, now.path):
        condition = (
            f"for the same endpoint they were first used for ('{first.path}' vs '{now.path}')"
        )
    else:
        condition = "with the same parameters they were first used with"
    return Refused(
        400,
        f"Keys for idempotent requests can only be used {condition}. Try using a key other than "
        f"'{key}' if you meant to execute a different request.",
        type=IDEMPOTENCY,
    )
