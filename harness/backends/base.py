"""A backend's interface, whichever way it was got: three roles, three small protocols.

A backend is a context manager; leaving it, or ``stop``, ends whatever it started and nothing it
did not start. ``stop`` is idempotent, and safe from any thread.
"""

from __future__ import annotations

import abc
import enum
from types import TracebackType
from typing import Protocol, Self

from paidonce.harness.capability import Capability

STAND_IN = "stand-in image"
"""In a version: the container was made from a local stand-in, not from the official image."""


class Role(enum.StrEnum):
    """Which dependency of a payment service a backend stands in for."""

    POSTGRES = "postgres"
    REDIS = "redis"
    STRIPE = "stripe"


class Backend(Protocol):
    """The part of the interface that all three roles have in common."""

    @property
    def kind(self) -> str:
        """The way it was got, as in a spec."""
        ...

    @property
    def version(self) -> str:
        """The server's own word for its version."""
        ...

    def stop(self) -> None:
        """End what was started of it; idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PostgresServer(Backend, Protocol):
    """A PostgreSQL server on which databases can be made."""

    def url(self, database: str = "postgres") -> str:
        """The libpq URL (``postgresql://user@host:port/database``) of a database."""
        ...

    def near_url(self, database: str) -> str:
        """The URL of a database by the quickest way from this machine."""
        ...

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of ``template`` if given, and return its URL.

        Raises ``UsageError`` when the name is taken or the template is missing, and
        ``DeadlineExceeded`` when somebody stays connected to the template.
        """
        ...

    def drop_database(self, name: str) -> None:
        """Drop a database, closing what is connected to it; nothing happens if there is none."""
        ...


class RedisServer(Backend, Protocol):
    """A Redis-compatible server."""

    def url(self, db: int = 0) -> str:
        """The URL (``redis://host:port/db``) of the numbered database."""
        ...

    @property
    def owned(self) -> bool:
        """Return whether the server is ours, with all its databases."""
        ...

    def flush(self) -> None:
        """Empty it: all databases of a server of ours, only the URL's own of a user's server."""
        ...


class StripeServer(Backend, Protocol):
    """Something that speaks Stripe's HTTP API."""

    @property
    def url(self) -> str:
        """Base URL without a trailing slash; ``/v1/...`` is appended to it."""
        ...

    @property
    def api_key(self) -> str:
        """A test-mode secret key it accepts."""
        ...

    @property
    def webhook_secret(self) -> str:
        """The ``whsec_...`` secret with which its webhook events are (or are to be) signed."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what a run against it can be judged on, as far as that is Stripe's to give."""
        ...

    @property
    def can_reset(self) -> bool:
        """Return whether ``reset`` works."""
        ...

    @property
    def reset_path(self) -> str:
        """The path of a request that does as ``reset`` (see
        ``paidonce.harness.testbed.stripe_reset``); empty where none does.
        """
        ...

    def reset(self) -> None:
        """Forget all objects and keys. Raises ``Unavailable`` where that is not possible."""
        ...


class Stoppable(abc.ABC):
    """The context manager half of a backend: leaving it stops it."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End what was started; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
