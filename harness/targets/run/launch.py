"""Builds, migrates and starts the service of a target file, as processes of ours."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

from paidonce.harness.backends.stripe_keys import refuse_live_secret
from paidonce.harness.errors import UsageError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.threads import go_on
from paidonce.harness.process.zygote import Zygote
from paidonce.harness.service.egress import with_egress
from paidonce.harness.service.launch import Addresses, Start, port_taken
from paidonce.harness.service.running import Ahead, Process, Service, start_process
from paidonce.harness.targets.file.format import Command, ProcessTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import filled
from paidonce.harness.targets.run.schema_files import run_schema, schema_paths

BUILD_DEADLINE_S = 900.0
FORKING = Path(__file__).with_name("forking.py")
"""Run in the place of a Python program that is to be forked."""


def build(loaded: Loaded, called_off: threading.Event | None = None) -> None:
    """Run the commands of ``build``.

    Raises ``ChildFailed``, ``DeadlineExceeded`` and ``CalledOff``.
    """
    values = {"dir": str(loaded.folder), "python": sys.executable}
    for number, command in enumerate(loaded.file.build, start=1):
        argv = argv_of(command, values, f"{loaded.path}, build, item {number}")
        run(
            f"build ({shlex.join(argv)})",
            argv,
            loaded.folder,
            os.environ,
            BUILD_DEADLINE_S,
            called_off,
        )


def migrate(
    loaded: Loaded, variant: str, addresses: Addresses, called_off: threading.Event | None
) -> None:
    """Run the schema files and the migration commands against an empty database.

    Raises ``UsageError`` where a schema file cannot be read or is not accepted, ``ChildFailed``,
    ``DeadlineExceeded`` and ``CalledOff``.
    """
    database = loaded.file.database
    for path in schema_paths(loaded, variant):
        run_schema(path, addresses, database.within, called_off)
    values = {**places(loaded, variant, addresses), "port": "0"}
    env = environment(loaded, variant, values, database.env, controlled=False)
    for number, command in enumerate(database.migrate, start=1):
        argv = argv_of(command, values, f"{loaded.path}, [database], migrate, item {number}")
        name = f"migration ({shlex.join(argv)})"
        cwd, surroundings = loaded.folder / database.cwd, whole(env, addresses)
        run(name, argv, cwd, surroundings, database.within, called_off)


def start(loaded: Loaded, wanted: Start, called_off: threading.Event | None) -> Service:
    """Start its processes one after the other, each when the one before is ready.

    Raises ``ChildFailed``, ``DeadlineExceeded`` and ``CalledOff``; nothing is left running then.
    """
    started: list[Process] = []
    try:
        for number, process in enumerate(loaded.file.process, start=1):
            for copy, name in enumerate(copies(process, number), start=1):
                one = f"{number}" if copy == 1 else f"{number}-{copy}"
                log = None if wanted.log is None else _log(wanted.log, one)
                logged = replace(wanted, log=log)
                started.append(_started(loaded, process, name, number, logged, called_off))
                child, port = started[-1].child, started[-1].port
                started[-1].elsewhere = tuple(started_elsewhere(child.pid, port))
        return Service(f"http://{HOST}:{started[0].port}", tuple(started))
    except BaseException:
        Service("", tuple(started)).stop()
        raise


def _log(log: Path, process: str) -> Path:
    """The file beside ``log`` that a process's output goes to; that of the first is ``log``."""
    return log if process == "1" else log.with_suffix(f".{process}.log")


def copies(process: ProcessTable, number: int) -> tuple[str, ...]:
    """The names of what is started of a process, which is the file's of that ``number``."""
    name = process.name or f"process {number}"
    return (name, *(f"{name} {copy}" for copy in range(2, process.copies + 1)))


def started_elsewhere(pid: int, port: int) -> list[int]:
    """Return who listens on ``port`` and descends not from ``pid``, as far as we may look: a
    container's program is the engine's child, not that of the command that asked for it."""
    with contextlib.suppress(psutil.Error):
        found = {
            net_connection.pid
            for net_connection in psutil.net_connections("tcp")
            if net_connection.status == psutil.CONN_LISTEN
            and net_connection.laddr
            and net_connection.laddr.port == port
            and net_connection.pid
        }
        ours = {pid, *(each.pid for each in psutil.Process(pid).children(recursive=True))}
        return sorted(found - ours)
    return []


def run(
    name: str,
    argv: list[str],
    cwd: Path,
    env: Mapping[str, str],
    deadline_s: float,
    called_off: threading.Event | None = None,
    begun: Callable[[int], None] | None = None,
) -> None:
    """Run a command to its end, with ``env`` as its whole environment; ``begun`` is told its
    process.

    Raises ``ChildFailed`` unless its exit code is 0.
    """
    with Child(name, argv, cwd=cwd, env=env) as child:
        if begun is not None:
            begun(child.pid)
        code = child.wait(deadline_s, lambda: go_on(called_off, name))
        if code != 0:
            raise ChildFailed(name, f"ended with exit code {code}", code, child.tail())


def argv_of(command: Command, values: Mapping[str, str], where: str) -> list[str]:
    """A command's words, filled in."""
    words = shlex.split(command) if isinstance(command, str) else list(command)
    return [_told(filled(word, values, where), where) for word in words]


def _told(text: str, where: str) -> str:
    """``text`` if a system can be told it, as a word of a command or a variable's value."""
    if "\0" in text:
        raise UsageError(
            f"{where}: {text[:60]!r} holds a NUL character, which would end the text there"
        )
    return text


def places(loaded: Loaded, variant: str, addresses: Addresses) -> dict[str, str]:
    """The placeholders of commands and environments, but for ``{port}``."""
    postgres, redis = urlsplit(addresses.postgres_url), urlsplit(addresses.redis_url)
    stripe = urlsplit(addresses.stripe_url)
    return {
        "postgres_url": addresses.postgres_url,
        "postgres_host": postgres.hostname or parse_qs(postgres.query).get("host", [HOST])[0],
        "postgres_port": str(postgres.port or 5432),
        "postgres_database": postgres.path.lstrip("/"),
        "postgres_user": unquote(postgres.username or ""),
        "postgres_password": unquote(postgres.password or ""),
        "redis_url": addresses.redis_url,
        "redis_host": redis.hostname or HOST,
        "redis_port": str(redis.port or 6379),
        "redis_database": redis.path.lstrip("/") or "0",
        "stripe_url": addresses.stripe_url,
        "stripe_host": stripe.hostname or HOST,
        "stripe_port": str(stripe.port or (443 if stripe.scheme == "https" else 80)),
        "stripe_tls_url": addresses.stripe_tls_url,
        "stripe_proxy": addresses.stripe_proxy,
        "ca_bundle": addresses.ca_bundle,
        "stripe_key": addresses.stripe_key,
        "webhook_secret": addresses.webhook_secret,
        **addresses.further,
        "host": HOST,
        "variant": variant,
        "python": sys.executable,
        "dir": str(loaded.folder),
    }


def environment(
    loaded: Loaded,
    variant: str,
    values: Mapping[str, str],
    own: Mapping[str, str],
    *,
    controlled: bool,
) -> dict[str, str]:
    """A process's variables: its own, those of the variant, and those under exploration."""
    tables = [own, loaded.variants[variant].env]
    if controlled:
        tables.append(loaded.file.explore.env)
    filled_in = {
        name: filled(text, values, f"{loaded.path}, env, {name}")
        for table in tables
        for name, text in table.items()
    }
    for name, value in filled_in.items():
        where = f"{loaded.path}, env, {name!r}"
        if not name or "=" in name:
            raise UsageError(f"{where}: expected a name that is not empty and holds no =")
        _told(name, where)
        _told(value, where)
        refuse_live_secret(value, f"{loaded.path}, env, {name}")
    return filled_in


def whole(env: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """Return the whole environment of a process: ours, its own, and its way out."""
    return with_egress(env, addresses.egress)


def _started(
    loaded: Loaded,
    process: ProcessTable,
    name: str,
    number: int,
    wanted: Start,
    called_off: threading.Event | None,
) -> Process:
    called, cwd = f"{name} ({wanted.variant})", loaded.folder / process.cwd

    def surroundings(port: int) -> tuple[list[str], dict[str, str]]:
        values = {**places(loaded, wanted.variant, wanted.addresses), "port": str(port)}
        where = f"{loaded.path}, [[process]] {number}, command"
        env = environment(loaded, wanted.variant, values, process.env, controlled=wanted.controlled)
        return argv_of(process.command, values, where), whole(env, wanted.addresses)

    def begin(port: int) -> Child:
        argv, env = surroundings(port)
        return Child(called, argv, env=env, cwd=cwd, log=wanted.log)

    def load(port: int) -> Zygote:
        argv, env = surroundings(port)
        argv = [argv[0], str(FORKING), ",".join(process.ahead), *argv[1:]]
        return Zygote(f"zygote of {called}", argv, env, wanted.log, cwd)

    def ready(child: Child, port: int, called_off: threading.Event | None) -> None:
        what, probe = _readiness(process, number, child, port)
        child.wait_for(what, _unless(called_off, probe), process.ready_within)

    def fork(zygote: Zygote, port: int) -> Child:
        return zygote.fork(called, surroundings(port)[1], wanted.log)

    try:
        started = start_process(name, begin, ready, port_taken, called_off, process.port)
        if process.ahead and sys.platform == "linux":  # elsewhere nobody is killed with its parent
            started.ahead = Ahead(load, fork)
        return started
    except OSError as error:
        if process.port is None:
            raise
        raise UsageError(
            f"{loaded.path}, [[process]] {number}, port: another program has port {process.port} "
            f"({error.strerror}); stop it, or have the service told its port by {{port}}"
        ) from None


def _readiness(
    process: ProcessTable, number: int, child: Child, port: int
) -> tuple[str | Callable[[], str], Callable[[], bool | None]]:
    """Return what is waited for, in words, and how to see it."""
    ready = process.ready or ("tcp" if number == 1 else "started")
    if ready.startswith("/"):
        asking = _Asking(ready, port)
        return asking.words, asking
    if ready.startswith("log:"):
        regex = re.compile(ready.removeprefix("log:"))
        return f"write {regex.pattern!r}", lambda: True if regex.search(child.output) else None
    if ready == "tcp":
        return f"listen on port {port}", lambda: _listens(port)
    return "run", lambda: True


def _unless(
    called_off: threading.Event | None, probe: Callable[[], bool | None]
) -> Callable[[], bool | None]:
    def asked() -> bool | None:
        go_on(called_off, "the service")
        return probe()

    return asked


@dataclass
class _Asking:
    """Asks for the path by which a service says that it is ready.

    A server error or 404 is no such answer: what has no such path yet, or never will, has not said
    anything. A redirect, or a login that is asked for, is one.
    """

    path: str
    port: int
    last: int | None = None
    """The status of the last answer."""

    def __call__(self) -> bool | None:
        try:
            self.last = ask_once("GET", f"http://{HOST}:{self.port}{self.path}", seconds=5.0).status
        except NoAnswer:
            return None
        return True if self.last < 500 and self.last != 404 else None

    def words(self) -> str:
        """Say what is waited for, and what came instead."""
        instead = "" if self.last is None else f" otherwise than with {self.last}"
        return f"answer {self.path}{instead}"


def _listens(port: int) -> bool | None:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
        return True
    return None
