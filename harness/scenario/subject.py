"""A service described by actions (pay, cancel …), as a subject: it plays scenarios."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.backends.kept_databases import MigrationInputs
from paidonce.harness.extras import need
from paidonce.harness.results.proof import Variant
from paidonce.harness.scenario.performance import ScenarioClients
from paidonce.harness.service import launch as service
from paidonce.harness.service.description import Target
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.service.running import LoadedService, Service
from paidonce.harness.testbed.bench import Bench, OwnDatabase, Ports, Source, Subject


@dataclass(frozen=True)
class Described:
    """``Subject`` (see ``paidonce.harness.testbed.bench``) of a ``Target``.

    Raises ``Unavailable`` where libraries that it needs are not installed.
    """

    described: Target

    def __post_init__(self) -> None:
        if self.described.extra:
            need(self.described.extra)

    @property
    def name(self) -> str:
        return self.described.name

    @property
    def variants(self) -> tuple[Variant, ...]:
        return self.described.variants

    @property
    def source(self) -> Source | None:
        return None

    @property
    def stripe_order_key(self) -> str:
        return self.described.stripe_order_key

    @property
    def ports(self) -> Ports:
        return Ports()

    @property
    def wants_tls(self) -> bool:
        return False

    @property
    def own_database(self) -> OwnDatabase:
        return OwnDatabase()

    @property
    def stripe_host(self) -> str:
        return ""

    @property
    def wants_replica(self) -> bool:
        return False

    @property
    def runs_commands(self) -> bool:
        return False

    @property
    def keeps_state_unseen(self) -> bool:
        return False

    @property
    def copies(self) -> tuple[str, ...]:
        return ()

    @property
    def answering(self) -> tuple[str, ...]:
        return ()

    @property
    def picked_at_stripe(self) -> tuple[str, ...]:
        return ()

    @property
    def leases_hold(self) -> bool:
        return True  # there are scenarios that play leases running out, in real time

    @property
    def timeouts_hold(self) -> bool:
        return True  # and such as play locks that are waited for too long

    @property
    def database_url(self) -> str:
        return ""

    def variant(self, name: str) -> Variant:
        return self.described.variant(name)

    def schema(self, variant: str) -> str:
        """All variants have the same."""
        return ""

    def migration_inputs(
        self,
        variant: str,
        told: Mapping[str, str],
        left_out: Path | None,
        called_off: threading.Event | None,
    ) -> MigrationInputs:
        """Its migration takes no longer than keeping what it makes would."""
        return MigrationInputs("", reason="it is not kept")

    def migrate(
        self, variant: str, addresses: Addresses, called_off: threading.Event | None
    ) -> None:
        service.migrate(self.described, variant, addresses, called_off)

    def load_ahead(self, variant: str, loaded: LoadedService) -> None:
        service.load_ahead(self.described, variant, loaded)

    def start(self, wanted: Start, called_off: threading.Event | None) -> Service:
        return service.start(self.described, wanted, called_off)

    def clients(self, bench: Bench) -> ScenarioClients:
        return ScenarioClients(bench)


def as_subject(target: Target | Subject) -> Subject:
    """Return ``target`` as a stack takes it: a description by actions is put in ``Described``."""
    return Described(target) if isinstance(target, Target) else target
