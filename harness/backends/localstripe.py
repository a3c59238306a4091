"""localstripe (https://github.com/adrienverge/localstripe): a stateful mock of Stripe, from PyPI.

It keeps objects, so a service can look up what it made, but it is no Stripe to judge a race by
(measured with 1.15.10; each is a capability it lacks): idempotency keys are ignored, so every
retry is a second payment intent; several full refunds of one payment are all accepted; the
token of the declined card is not known, and the declined card itself pays; an intent cannot be
confirmed with a payment method that is named only then; lists show no amount received. What is
left is what the service asked for, seen at the tap.

Its dependencies are its own affair: it runs as a process of its own, by the interpreter of the
environment it is installed in.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import filelock

from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.listening import start_saying
from paidonce.harness.backends.stripe_keys import DEFAULT_TEST_KEY
from paidonce.harness.backends.stripe_simulator import new_webhook_secret
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST

VERSION = "1.15.10"
"""The version whose defects are declared here, and the one that is installed on demand."""
VARIABLE = "PAIDONCE_LOCALSTRIPE"
CAPABILITIES = frozenset({Capability.STRIPE_WEBHOOKS, Capability.STRIPE_STATE})
"""Webhooks because the harness makes and signs those itself."""
START_SECONDS = 30.0
INSTALL_SECONDS = 300.0
_LAUNCHER = Path(__file__).with_name("localstripe_launcher.py")
_REMEDY = (
    f"Install localstripe=={VERSION} into a virtual environment and name its folder in {VARIABLE}, "
    "or use the backend 'simulator'"
)


class LocalStripe(Stoppable):
    """A localstripe process of our own; constructing it starts it.

    ``python`` is an interpreter that has localstripe; by default what ``find_localstripe``
    finds, else an environment is made and it is installed there. Raises ``Unavailable`` when it
    cannot be had or started, ``UsageError`` when ``PAIDONCE_LOCALSTRIPE`` names nothing usable.
    """

    kind = "localstripe"
    capabilities = CAPABILITIES
    can_reset = True
    reset_path = ""
    api_key = DEFAULT_TEST_KEY

    def __init__(self, python: Path | None = None, *, webhook_secret: str | None = None) -> None:
        python = python or find_localstripe() or install()
        self.webhook_secret = webhook_secret or new_webhook_secret()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        argv: list[str | Path] = [python, "-I", _LAUNCHER]
        self._server, said = start_saying(
            "localstripe",
            lambda: Child("localstripe", argv, env=environment, hold_stdin=True),
            "say it is ready",
            _ready,
            START_SECONDS,
            _REMEDY,
        )
        self.port, self.version = int(said["port"]), str(said["version"])
        self.url = f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._server.pid

    def reset(self) -> None:
        """Forget all objects. Raises ``Unavailable`` when it does not answer."""
        try:
            answer = ask_once("DELETE", f"{self.url}/_config/data", seconds=10.0)
        except NoAnswer as error:
            why = str(error)
        else:
            if answer.status < 300:
                return
            why = f"it answered {answer.status} {answer.reason}"
        problem = f"{self.url} could not be reset ({why})"
        raise Unavailable("localstripe", problem, "See whether it is still running")

    def stop(self) -> None:
        """End it; idempotent."""
        self._server.stop()


def find_localstripe() -> Path | None:
    """The interpreter that has localstripe: ``PAIDONCE_LOCALSTRIPE``, ``PATH``, our cache.

    The variable names a virtual environment's folder or an interpreter. Raises ``UsageError``
    when it names neither.
    """
    named = os.environ.get(VARIABLE)
    if named:
        for candidate in (Path(named) / "bin" / "python", Path(named)):
            if candidate.is_file() and os.access(candidate, os.X_OK):
                return candidate.absolute()
        raise UsageError(
            f"{VARIABLE}={named}: expected the folder of a virtual environment with localstripe "
            "in it, or its Python"
        )
    command = shutil.which("localstripe")
    if command is not None:
        return _interpreter_of(Path(command))
    made = environment_folder()
    return made / "bin" / "python" if (made / "complete").exists() else None


def environment_folder() -> Path:
    """Return where an environment for it is made: ``paidonce`` in the user's cache folder (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache"
    return base / "paidonce" / f"localstripe-{VERSION}"


def install() -> Path:
    """Make a virtual environment with localstripe in it, once; returns its interpreter.

    Raises ``Unavailable`` with pip's words when that does not work.
    """
    folder = environment_folder()
    python, complete = folder / "bin" / "python", folder / "complete"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{folder}.lock", timeout=INSTALL_SECONDS):
            if not complete.exists():
                _run("venv", [sys.executable, "-m", "venv", "--clear", folder])
                pip: list[str | Path] = [
                    python,
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ]
                _run("pip", [*pip, f"localstripe=={VERSION}"])
                complete.touch()
    except (OSError, filelock.Timeout) as error:
        problem = f"no environment for it could be made in {folder} ({error})"
        raise Unavailable("localstripe", problem, _REMEDY) from None
    return python


def _run(name: str, argv: list[str | Path]) -> None:
    with Child(name, argv) as child:
        if child.wait(INSTALL_SECONDS) != 0:
            said = " ".join(child.tail().split())
            raise Unavailable("localstripe", f"{name} failed: {said}", _REMEDY)


def _interpreter_of(command: Path) -> Path | None:
    """The interpreter in a console script's first line, or None where it has none."""
    with command.open("rb") as script:
        first = script.readline(500).decode(errors="replace").strip()
    interpreter = Path(first.removeprefix("#!").strip())
    return interpreter if first.startswith("#!/") and interpreter.is_file() else None


def _ready(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("ready") is True else None
