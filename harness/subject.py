"""A subject: a service under test as a stack starts it, whatever describes it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from harness.performing import Clients
from harness.results import Variant
from harness.service import Addresses, Service, Start
from harness.target import Target

if TYPE_CHECKING:
    from harness.bench import Bench


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file that describes the target, and the SHA-256 of its text then, in hexadecimal.

    ``path`` is relative to the folder in which paidonce ran, where it lay below that.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Ports:
    """The ports taps listen on; None: any that is free."""

    postgres: int | None = None
    stripe: int | None = None
    redis: int | None = None
    stripe_tls: int | None = None


class Subject(Protocol):
    """How a service is brought to life, and who its clients are."""

    @property
    def name(self) -> str: ...

    @property
    def variants(self) -> tuple[Variant, ...]: ...

    @property
    def source(self) -> Source | None:
        """The file that describes it, for witnesses; None where it is part of the harness."""
        ...

    @property
    def described(self) -> Target | None:
        """Its description by actions, for scenarios and load; None where it has none."""
        ...

    @property
    def stripe_order_key(self) -> str:
        """The metadata key by which its Stripe objects name their order."""
        ...

    @property
    def ports(self) -> Ports: ...

    @property
    def wants_tls(self) -> bool:
        """Whether it needs another way to the tap before Stripe than plain HTTP."""
        ...

    @property
    def keeps_state_unseen(self) -> bool:
        """Whether what it knows of its orders is where no tap is, in its memory most likely."""
        ...

    @property
    def leases_hold(self) -> bool:
        """Whether a search need not ask what happens once a lease has run out."""
        ...

    @property
    def timeouts_hold(self) -> bool:
        """Whether a search need not ask what happens once a time-out of Postgres has run out."""
        ...

    @property
    def database_url(self) -> str:
        """Its own database, where it runs already; empty where it gets one of ours."""
        ...

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises ``UsageError`` listing the choices."""
        ...

    def schema(self, variant: str) -> str:
        """A name for the state of an empty database made ready; equal where it is the same."""
        ...

    def migrate(
        self, variant: str, addresses: Addresses, called_off: threading.Event | None
    ) -> None:
        """Make an empty database ready. Raises ``ChildFailed``, ``UsageError``, ``CalledOff``."""
        ...

    def start(self, wanted: Start, called_off: threading.Event | None) -> Service:
        """Start it and wait until it is ready.

        Raises ``ChildFailed``, ``DeadlineExceeded`` and ``CalledOff``.
        """
        ...

    def clients(self, bench: Bench) -> Clients:
        """Clients of it, running on ``bench``."""
        ...
