"""Does a target file make sense as a whole? What types cannot say is checked here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from paidonce.harness.targets.file.error_at import At
from paidonce.harness.targets.file.format import Command, DatabaseTable, ProcessTable, TargetFile
from paidonce.harness.targets.file.meaning_check_failures import check_failures
from paidonce.harness.targets.file.meaning_check_judging import check_judging
from paidonce.harness.targets.file.meaning_check_steps import check_steps, resets
from paidonce.harness.targets.file.placeholders import filled, names_in
from paidonce.harness.targets.file.required_taps import needed, surroundings, told_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_NAME = 63
"""Bytes of a name in Postgres (manual, 4.1.1)."""
_NOT_WHILE_MIGRATING = ("port",)
_OTHERWISE = {
    "stripe": "; a service that takes no address, or https only, wants {stripe_proxy} or "
    '{stripe_tls_url}: "Stripe by TLS" in docs/targets.md'
}


def check(file: TargetFile, path: str, folder: Path) -> None:
    """Raises ``UsageError`` at the first thing that cannot be meant.

    ``path`` is what messages call the file, ``folder`` what paths in it are relative to.
    """
    at = At(path)
    for where, name in (("name", file.name), *((f"[variants.{v}]", v) for v in file.variants)):
        if not _NAME.fullmatch(name):
            (at / where).fail(
                f"expected a name of letters, digits, '.', '_' and '-', got {name!r}: it becomes "
                "part of the names of files"
            )
    for name, variant in file.variants.items():
        (at / f"[variants.{name}], env").places(variant.env, surroundings())
    for number, command in enumerate(file.build, start=1):
        _command(at / f"build, item {number}", command, ("dir", "python"))
    if file.service is not None and file.process:
        at.fail("either [[process]], for what is to be started, or [service], not both")
    if file.service is not None:
        _running(at, file)
    elif not file.process:
        at.fail("[[process]] is missing: how the service is started (or [service], if it runs)")
    for number, process in enumerate(file.process, start=1):
        _process(at / f"[[process]] {number}", process, number, folder)
    _database(at / "[database]", file.database, file.variants or ["default"], folder)
    (at / "[explore], env").places(file.explore.env, surroundings())
    for where, reset in resets(file):
        if reset.command is not None:
            _command(at / where / "command", reset.command, surroundings())
    _taps(at / "[taps]", file)
    known = check_steps(at, file)
    check_judging(at, file, known)
    check_failures(at, file, known)


def _running(at: At, file: TargetFile) -> None:
    assert file.service is not None
    parts = urlsplit(file.service.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        (at / "[service], url").fail(
            f"expected a URL like http://127.0.0.1:3000, got {file.service.url!r}"
        )
    if file.taps.need is None or "postgres" in needed(file):
        if not file.database.url:
            (at / "[database]").fail(
                "url is missing: a service that runs already has a database of its own, which the "
                "tap forwards to and invariants are looked up in. One without Postgres says in "
                "[taps] what it does need"
            )
        if file.taps.postgres_port is None:
            (at / "[taps]").fail(
                "postgres_port is missing: a service that runs already must know where its tap is"
            )
    if len(file.variants) > 1:
        (at / "[variants]").fail("a service that runs already is one variant")


def _process(at: At, process: ProcessTable, number: int, folder: Path) -> None:
    _command(at / "command", process.command, surroundings())
    (at / "env").places(process.env, surroundings())
    if not (folder / process.cwd).is_dir():
        (at / "cwd").fail(f"expected a folder; there is none at {folder / process.cwd}")
    listens = process.port is not None or "port" in names_in([process.command, process.env])
    if number == 1 and not listens:
        at.fail(
            "the first process gets the requests, so it must listen where they are sent: use "
            "{port} in its command or env, or say which port it has, port = 3000"
        )
    if process.copies > 1 and process.port is not None:
        (at / "copies").fail(f"only one of them can have port {process.port}: tell them {{port}}")
    _ahead(at, process)
    ready = process.ready
    if ready.startswith("log:"):
        (at / "ready").regex(ready.removeprefix("log:"))
    elif not (ready in ("", "tcp", "started") or ready.startswith("/")):
        (at / "ready").fail(f"expected '/path', 'tcp', 'log:REGEX' or 'started', got {ready!r}")
    if (ready == "tcp" or ready.startswith("/")) and not listens:
        (at / "ready").fail(
            f"{ready!r} needs a port: use {{port}} in its command or env, or port = 3000"
        )


def _ahead(at: At, process: ProcessTable) -> None:
    """Check that modules can be loaded ahead of a process: its command is a Python program's."""
    for module in process.ahead:
        if not all(part.isidentifier() for part in module.split(".")):
            (at / "ahead").fail(f"expected names of modules, as import has them, got {module!r}")
    if not process.ahead:
        return
    command = process.command
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if len(words) < 2 or (words[1].startswith("-") and (words[1] != "-m" or len(words) < 3)):
        (at / "ahead").fail(
            "expected a command that is a Python program's, '{python} web.py …' or "
            f"'{{python}} -m web …' with no other option before, got {' '.join(words)!r}"
        )


def _command(at: At, command: Command, known: tuple[str, ...]) -> None:
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            at.fail(f"{command!r} cannot be split into words: {error}")
        for sign in ("&&", "||", "|", ";", ">", "<"):
            if sign in words:
                at.fail(
                    f"{sign!r} is for a shell, and there is none: give a command by itself, or "
                    f'["sh", "-c", "…"]'
                )
    else:
        words = list(command)
    if not words:
        at.fail("expected a program and its arguments, got nothing")
    at.places(words, known)


def _database(at: At, database: DatabaseTable, variants: Iterable[str], folder: Path) -> None:
    for number, name in enumerate(database.schema, start=1):
        where = at / f"schema, item {number}"
        where.places(name, ("variant", "dir"))
        for variant in variants:
            path = folder / filled(name, {"variant": variant, "dir": folder}, "")
            if not path.is_file():
                where.fail(f"expected an SQL file; there is none at {path}")
    known = [name for name in surroundings() if name not in _NOT_WHILE_MIGRATING]
    for number, command in enumerate(database.migrate, start=1):
        _command(at / f"migrate, item {number}", command, tuple(known))
    (at / "env").places(database.env, known)
    if not (folder / database.cwd).is_dir():
        (at / "cwd").fail(f"expected a folder; there is none at {folder / database.cwd}")
    for key, name in (("name", database.name), ("user", database.user)):
        if name and (len(name.encode()) > _LONGEST_NAME or "\0" in name):
            (at / key).fail(f"expected 1 to {_LONGEST_NAME} bytes, got {name!r}")
        if name and database.url:
            (at / key).fail("url says it already")
    if database.url and urlsplit(database.url).scheme not in ("postgres", "postgresql"):
        (at / "url").fail(f"expected a postgresql:// URL, got {database.url!r}")


def _taps(at: At, file: TargetFile) -> None:
    if file.service is not None:
        for name in ("stripe", "redis"):
            if name in needed(file) and name not in told_of(file):
                at.fail(f"{name}_port is missing: the service must know where that tap is")
        return
    for name in file.taps.need or ():
        if name not in told_of(file):
            (at / "need").fail(
                f"nothing can be seen at the {name} tap, since no process is told where it is: "
                f"use {{{name}_url}} (or {{{name}_host}} and {{{name}_port}}) in its env"
                f"{_OTHERWISE.get(name, '')}"
            )
