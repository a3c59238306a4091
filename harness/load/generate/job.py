"""The job of one load run, and the command that makes Locust do it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import load_checkers
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Backend, Journal
from paidonce.harness.load.plan.address import loopback_url
from paidonce.harness.load.plan.contention import DISTINCT, TWO_HOT, contention
from paidonce.harness.load.plan.plan import LoadPlan
from paidonce.harness.load.plan.retrying import MOST_RETRIES
from paidonce.harness.load.plan.settings import (
    ARRIVALS,
    LONGEST_THINKING,
    command_line,
)
from paidonce.harness.load.plan.spread import spread
from paidonce.harness.results.load_conditions import Conditions
from paidonce.harness.service.description import Target

Observe = Callable[[Journal, Sequence[str]], None]
"""Waits until the service has come to rest and records the final state of these orders."""

PROFILES: dict[str, str] = {
    "hot": "HotOrder",
    "many": "ManyOrders",
    "pay": "Payer",
    "shop": "Shopper",
}
"""Profile to the user class of the locustfile that plays it."""

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
MAX_PROCESSES = 64
MAX_RATE = 100_000.0
MAX_PATIENCE = 600.0
_RETRIES = {"shop": 2}
OWN_CONTENTION = {"hot": TWO_HOT, "many": DISTINCT}
"""Of profiles that are a contention themselves."""


@dataclass(frozen=True, kw_only=True)
class LoadJob:
    """One load run of one variant; times in seconds.

    ``warmup`` comes before the measured ``seconds``. ``max_orders`` bounds how many orders all
    ``processes`` together create; when they are used up the run ends early, and the measured
    window with it. ``contention`` (of the profiles "pay" and "shop"; see
    ``paidonce.harness.load.plan.contention``) is which orders clients pick. ``think`` (as
    ``paidonce.harness.load.plan.spread`` reads it) is a user's pause between two requests,
    ``patience`` how long its client waits for an answer, ``retries`` how often it asks again (None:
    as the profile does it). ``stripe_latency`` is what whoever runs this has told Stripe; it is
    only recorded here. With a ``rate`` (clients a second) they come when they come, ``arrivals``
    says how ("poisson" or "constant"), and ``users`` is how many can be under way at once.
    ``capabilities`` and ``backends`` go into the history's header.

    Raises ``UsageError`` naming what is wrong with a value.
    """

    target: Target
    base_url: str
    variant: str
    profile: str
    users: int
    seconds: float
    warmup: float
    seed: int = 0
    max_orders: int = 20_000
    processes: int = 1
    contention: str = ""
    think: str = "0.01"
    rate: float = 0.0
    arrivals: str = "poisson"
    patience: float = 15.0
    retries: int | None = None
    stripe_latency: str = ""
    run: str = "load"
    capabilities: frozenset[Capability] = frozenset()
    backends: Mapping[str, Backend] = field(default_factory=dict)
    checkers: tuple[str, ...] = field(default_factory=load_checkers)

    def __post_init__(self) -> None:
        loopback_url(self.base_url, "base_url")
        _ = self.plan
        if self.profile not in PROFILES:
            choices = ", ".join(PROFILES)
            raise UsageError(f"unknown load profile {self.profile!r}; choose one of: {choices}")
        if self.contention:
            contention(self.contention)
            if self.profile in OWN_CONTENTION:
                raise UsageError(
                    f"contention: the profile {self.profile} always has the contention "
                    f"{OWN_CONTENTION[self.profile]}; use the profile pay or shop"
                )
        spread(self.think, "think", "seconds", LONGEST_THINKING)
        if not 0.05 <= self.patience <= MAX_PATIENCE:
            raise UsageError(
                f"patience: expected 0.05 to {MAX_PATIENCE:g} seconds, got {self.patience:g}"
            )
        if self.retries is not None and not 0 <= self.retries <= MOST_RETRIES:
            raise UsageError(f"retries: expected 0 to {MOST_RETRIES}, got {self.retries}")
        if not 1 <= self.processes <= MAX_PROCESSES:
            raise UsageError(f"processes: expected 1 to {MAX_PROCESSES}, got {self.processes}")
        if self.arrivals not in ARRIVALS:
            raise UsageError(f"arrivals: expected {' or '.join(ARRIVALS)}, got {self.arrivals!r}")
        if not 0 <= self.rate <= MAX_RATE:
            raise UsageError(f"rate: expected 0 to {MAX_RATE:g} a second, got {self.rate:g}")
        if self.users < self.processes:
            raise UsageError(
                f"users: expected at least one for each of {self.processes} processes, "
                f"got {self.users}"
            )
        if self.max_orders < self.processes:
            raise UsageError(
                f"max_orders: expected at least {self.processes} (one for each process), "
                f"got {self.max_orders}"
            )

    @property
    def plan(self) -> LoadPlan:
        """Return how many users there are when, and what of it is measured."""
        return LoadPlan(users=self.users, warmup=self.warmup, seconds=self.seconds)

    @property
    def conditions(self) -> Conditions:
        """Return how the load was made, as a result says it, with defaults filled in."""
        given = contention(self.contention) if self.contention else DISTINCT
        retries = _RETRIES.get(self.profile, 0) if self.retries is None else self.retries
        return Conditions(
            contention=str(OWN_CONTENTION.get(self.profile, given)),
            think_s=str(spread(self.think, "think", "seconds", LONGEST_THINKING)),
            timeout_s=self.patience,
            retries=retries,
            stripe_latency_ms=self.stripe_latency,
        )

    @property
    def file_stem(self) -> str:
        """The name of this run's files: profile and variant, harmless in any file system."""
        kind = f"{self.profile}-{self.contention}" if self.contention else self.profile
        name = f"load-{kind}-{self.variant or self.target.name}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", name)

    def locust_arguments(self, target_file: Path, histories: Path, master_port: int) -> list[str]:
        """Arguments of ``python -m locust``. The master's port is used with several processes."""
        arguments = [
            f"--locustfile={LOCUSTFILE}",
            "--headless",
            "--only-summary",
            f"--host={loopback_url(self.base_url, 'base_url')}",
            f"--users={self.users}",
            # Longer than a client waits, so that whoever waits for an answer gets to see it.
            f"--stop-timeout={math.ceil(self.patience) + 1}",
            # Rejections and failures are for the checkers to judge.
            "--exit-code-on-error=0",
            *command_line(
                {
                    "--target-file": target_file,
                    "--paidonce-history": histories,
                    "--paidonce-run": self.run,
                    "--paidonce-variant": self.variant,
                    "--contention": self.contention,
                    "--max-orders": self.max_orders // self.processes,
                    "--warmup": self.warmup,
                    "--measure": self.seconds,
                    "--think": self.think,
                    "--rate": self.rate,
                    "--arrivals": self.arrivals,
                    "--client-timeout": self.patience,
                    "--retries": "" if self.retries is None else self.retries,
                    "--seed": self.seed,
                }
            ),
        ]
        if self.processes > 1:
            arguments += [
                f"--processes={self.processes}",
                "--master-bind-host=127.0.0.1",
                f"--master-bind-port={master_port}",
                "--master-host=127.0.0.1",
                f"--master-port={master_port}",
            ]
        return [*arguments, PROFILES[self.profile]]
