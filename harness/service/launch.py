"""Starts a target's service as a process of ours, and waits until it says it is ready."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from paidonce.harness.errors import UsageError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.threads import go_on
from paidonce.harness.process.zygote import Zygote
from paidonce.harness.service.description import Target, fill
from paidonce.harness.service.running import Ahead, LoadedService, Service, start_process

READY_DEADLINE_S = 120.0
_TAKEN = re.compile(r"address already in use|EADDRINUSE", re.IGNORECASE)


@dataclass(frozen=True)
class Addresses:
    """Where the service finds its dependencies, and with which secrets."""

    postgres_url: str
    redis_url: str
    stripe_url: str
    stripe_key: str
    webhook_secret: str
    stripe_tls_url: str = ""
    """The tap before Stripe by TLS, with a certificate of the authority in ``ca_bundle``."""
    stripe_proxy: str = ""
    """An HTTP proxy that leads to that tap whoever asks it for Stripe."""
    ca_bundle: str = ""
    postgres_is_ours: bool = False
    """True if its Postgres server is stopped with the run, and all that is on it goes with it."""
    egress: str = ""
    """An HTTP proxy that leads to everywhere but to Stripe itself; empty where there is none."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Of what else is behind a tap, by the placeholders that they fill."""

    def tapped(self, addresses: Mapping[str, str]) -> Addresses:
        """The same with a tap's ``addresses``, by placeholder, in the place of a server's own."""
        names = {own.name for own in fields(self)}
        known: dict[str, Any] = {name: url for name, url in addresses.items() if name in names}
        further = {name: url for name, url in addresses.items() if name not in names}
        return replace(self, **known, further={**self.further, **further})

    def values(self) -> dict[str, str]:
        """The placeholders of a target that they fill."""
        return {
            "postgres_url": self.postgres_url,
            "redis_url": self.redis_url,
            "stripe_url": self.stripe_url,
            "stripe_key": self.stripe_key,
            "webhook_secret": self.webhook_secret,
            "python": sys.executable,
            "host": HOST,
            **self.further,
        }


NOWHERE = Addresses(
    postgres_url=f"postgresql://{HOST}:1/none",
    redis_url=f"redis://{HOST}:1/0",
    stripe_url=f"http://{HOST}:1",
    stripe_key="sk_test_none",
    webhook_secret="whsec_none",  # noqa: S106 - it is nobody's
)
"""Addresses at which nobody listens, for who is loaded before there are others and asks nobody."""


@dataclass(frozen=True)
class Start:
    """One start of a service: of which variant, with which addresses and settings.

    ``settings`` are neutral names; those the service has no variable for are not asked of it.
    ``controlled``: its timers and time-outs out of the way. ``log`` is the file its output is
    appended to, if anybody wants it. ``loaded`` is what others are forked from as well, once there
    is one; where services are started ``often`` there is to be one.
    """

    variant: str
    addresses: Addresses
    settings: Mapping[str, str] = field(default_factory=dict)
    controlled: bool = False
    log: Path | None = None
    loaded: LoadedService | None = None
    often: bool = False


def migrate(
    target: Target,
    variant: str,
    addresses: Addresses,
    called_off: threading.Event | None = None,
) -> None:
    """Prepare an empty database for the target, if it says how.

    Raises ``ChildFailed`` with the command's last lines when it does not succeed, ``CalledOff``
    soon after another thread has set ``called_off``.
    """
    if target.migrate is None:
        return
    values = {**addresses.values(), "variant": variant, "port": "0"}
    with Child(
        "migration", _argv(target, target.migrate, values), env=_env(target, values, {})
    ) as child:
        code = child.wait(READY_DEADLINE_S, lambda: go_on(called_off, "the service"))
        if code != 0:
            raise ChildFailed("migration", f"ended with exit code {code}", code, child.tail())


def start(target: Target, wanted: Start, called_off: threading.Event | None = None) -> Service:
    """Start the service and wait until its ready path answers 200.

    Raises ``ChildFailed`` when it ends early, ``DeadlineExceeded`` when it is not ready in time,
    ``CalledOff`` soon after another thread has set ``called_off``.
    """
    target.variant(wanted.variant)
    settings = {**wanted.settings, **(target.under_control if wanted.controlled else {})}

    name = f"service ({wanted.variant})"

    def surroundings(port: int) -> tuple[dict[str, str], dict[str, str]]:
        values = {**wanted.addresses.values(), "variant": wanted.variant, "port": str(port)}
        return values, _env(target, values, settings)

    def begin(port: int) -> Child:
        if ahead is not None and (wanted.often or ahead.loaded.there):
            return ahead.begin(port)
        values, env = surroundings(port)
        return Child(name, _argv(target, target.command, values), env=env, log=wanted.log)

    def load(port: int) -> Zygote:
        return _zygote(target, *surroundings(port))

    def begin_again(zygote: Zygote, port: int) -> Child:
        return zygote.fork(name, surroundings(port)[1], wanted.log)

    def ready(child: Child, port: int, called_off: threading.Event | None) -> None:
        url = f"http://{HOST}:{port}{target.ready_path}"
        child.wait_for(
            f"answer {target.ready_path}", lambda: _ready(url, called_off), READY_DEADLINE_S
        )

    ahead = None
    if _can_be_forked(target):
        shared = wanted.loaded
        ahead = Ahead(load, begin_again, shared or LoadedService(), owned=shared is None)
    process = start_process("service", begin, ready, port_taken, called_off)
    process.ahead = ahead
    return Service(f"http://{HOST}:{process.port}", (process,))


def load_ahead(target: Target, variant: str, loaded: LoadedService) -> None:
    """Have the service begin to load, where it can be before what it depends on is there; returns
    while it does.

    Raises ``ChildFailed``.
    """
    if _can_be_forked(target):
        values = {**NOWHERE.values(), "variant": variant, "port": "1"}
        loaded.have(lambda: _zygote(target, values, _env(target, values, {})))


def _can_be_forked(target: Target) -> bool:
    # Elsewhere nobody is killed with its parent.
    return bool(target.ahead) and sys.platform == "linux"


def _zygote(target: Target, values: Mapping[str, str], env: Mapping[str, str]) -> Zygote:
    argv = _argv(target, target.ahead, values)
    return Zygote(f"zygote of the service ({target.name})", argv, env)


def port_taken(log: str) -> bool:
    """Tell whether a service in any language ended because another process has its port."""
    return _TAKEN.search(log) is not None


def _ready(url: str, called_off: threading.Event | None) -> bool | None:
    go_on(called_off, "the service")
    try:
        answer = ask_once("GET", url, seconds=5.0)
    except NoAnswer:
        return None
    return True if answer.status == 200 else None


def _argv(target: Target, command: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    return [fill(part, values, f"target {target.name}, command") for part in command]


def _env(target: Target, values: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    wanted = {
        name: fill(text, values, f"target {target.name}, environment {name}")
        for name, text in target.environment.items()
    }
    for neutral, value in settings.items():
        if neutral in target.settings:
            wanted[target.settings[neutral]] = value
    if any("{" in name for name in wanted):
        raise UsageError(
            f"target {target.name}: the names of environment variables cannot hold placeholders"
        )
    return {**os.environ, **wanted}
