"""The service of a target file as a subject: what a stack starts, and who its clients are."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path

from paidonce.harness.backends.kept_databases import MigrationInputs
from paidonce.harness.errors import UsageError
from paidonce.harness.results.proof import Variant
from paidonce.harness.service.description import Target
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.service.running import LoadedService, Service
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import TLS, names_in
from paidonce.harness.targets.file.required_taps import keeps_state_unseen, reads_replica
from paidonce.harness.targets.run import launch as starting
from paidonce.harness.targets.run.clients import TargetClients
from paidonce.harness.targets.run.migration_reads import migration_reads
from paidonce.harness.targets.run.order_identity import order_key
from paidonce.harness.testbed.bench import Bench, OwnDatabase, Ports, Source


@dataclass(eq=False)
class TargetSubject:
    """``Subject`` (see ``harness.subject``) of a target file. Its build is made once."""

    loaded: Loaded
    _built: bool = False
    _building: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.loaded.file.name

    @property
    def variants(self) -> tuple[Variant, ...]:
        return tuple(
            Variant(name=name, title=table.title or name, sound=table.sound)
            for name, table in self.loaded.variants.items()
        )

    @property
    def source(self) -> Source | None:
        path = self.loaded.path
        here = Path.cwd()
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        return Source(path=shown.as_posix(), sha256=self.loaded.digest)

    @property
    def described(self) -> Target | None:
        return None

    @property
    def stripe_order_key(self) -> str:
        return order_key(self.loaded.file)

    @property
    def ports(self) -> Ports:
        taps = self.loaded.file.taps
        return Ports(
            postgres=taps.postgres_port,
            stripe=taps.stripe_port,
            redis=taps.redis_port,
            stripe_tls=taps.stripe_tls_port,
        )

    @property
    def one_at_a_time(self) -> bool:
        """Return whether there can be only one of it: it runs already, or it has a fixed port, a
        fixed database, or taps with fixed ports."""
        file = self.loaded.file
        fixed = any(process.port is not None for process in file.process)
        return file.service is not None or fixed or bool(file.database.name) or self.fixed_taps

    @property
    def fixed_taps(self) -> bool:
        """Return whether a tap has to listen on a certain port."""
        return any(port is not None for port in astuple(self.ports))

    @property
    def stripe_host(self) -> str:
        return self.loaded.file.taps.stripe_host

    @property
    def own_database(self) -> OwnDatabase:
        database = self.loaded.file.database
        return OwnDatabase(database.name, database.user)

    @property
    def wants_tls(self) -> bool:
        file = self.loaded.file
        texts = [[p.command, p.env] for p in file.process]
        texts += [[v.env for v in file.variants.values()], [file.explore.env, file.database.env]]
        fixed = file.taps.stripe_tls_port is not None or bool(file.taps.stripe_host)
        return fixed or bool(set(TLS) & set(names_in(texts)))

    @property
    def wants_replica(self) -> bool:
        return reads_replica(self.loaded.file)

    @property
    def runs_commands(self) -> bool:
        steps = [step for attempt in self.loaded.file.attempts for step in attempt.steps]
        return any(step.command is not None for step in steps)

    @property
    def keeps_state_unseen(self) -> bool:
        return keeps_state_unseen(self.loaded.file)

    @property
    def copies(self) -> tuple[str, ...]:
        return tuple(
            f"{process.copies} copies of {starting.copies(process, number)[0]}"
            for number, process in enumerate(self.loaded.file.process, start=1)
            if process.copies > 1
        )

    @property
    def answering(self) -> tuple[str, ...]:
        return tuple(
            process.name
            for process in self.loaded.file.process[1:]
            if process.port is not None or process.ready.startswith(("/", "tcp"))
        )

    @property
    def picked_at_stripe(self) -> tuple[str, ...]:
        observed = self.loaded.file.observe.items()
        return tuple(
            name for name, observe_table in observed if observe_table.stripe and observe_table.where
        )

    @property
    def leases_hold(self) -> bool:
        return self.loaded.file.explore.leases_hold

    @property
    def timeouts_hold(self) -> bool:
        return self.loaded.file.explore.timeouts_hold

    @property
    def database_url(self) -> str:
        return self.loaded.file.database.url

    def variant(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        choices = ", ".join(variant.name for variant in self.variants)
        raise UsageError(f"{self.loaded.path} has no variant {name!r}; choose one of: {choices}")

    def schema(self, variant: str) -> str:
        """One for all variants, unless the migration asks which it is."""
        database = self.loaded.file.database
        env = self.loaded.variants[variant].env
        depends = "variant" in names_in([database.schema, database.migrate, database.env])
        return variant if depends or (env and database.migrate) else ""

    def migration_inputs(
        self,
        variant: str,
        told: Mapping[str, str],
        left_out: Path | None,
        called_off: threading.Event | None,
    ) -> MigrationInputs:
        """Return what ``migrate`` makes a database of, once all that is to be built is."""
        self.build(called_off)
        origin = f"{self.loaded.path} {self.schema(variant)}".strip()
        return migration_reads(self.loaded, origin, variant, told, left_out, called_off)

    def migrate(
        self, variant: str, addresses: Addresses, called_off: threading.Event | None
    ) -> None:
        self.build(called_off)
        starting.migrate(self.loaded, variant, addresses, called_off)

    def load_ahead(self, variant: str, loaded: LoadedService) -> None:
        """Its modules may read the addresses of what is not there yet."""

    def start(self, wanted: Start, called_off: threading.Event | None) -> Service:
        self.variant(wanted.variant)
        running = self.loaded.file.service
        if running is not None:
            return Service(running.url.rstrip("/"), found=running.pids)
        self.build(called_off)
        return starting.start(self.loaded, wanted, called_off)

    def clients(self, bench: Bench) -> TargetClients:
        return TargetClients(bench, self.loaded)

    def build(self, called_off: threading.Event | None = None) -> None:
        """Run the file's build, unless that was done. Raises ``ChildFailed``, ``CalledOff``."""
        with self._building:
            if not self._built:
                starting.build(self.loaded, called_off)
                self._built = True
