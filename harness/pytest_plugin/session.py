"""The servers and services that a test run has open, and the target as a test sees it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paidonce.harness.backends.choice import choice_of
from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.pytest_plugin import playing
from paidonce.harness.pytest_plugin.failures import CannotCheck
from paidonce.harness.pytest_plugin.options import REPORTS, Budget, CheckRequest, budget_of
from paidonce.harness.pytest_plugin.result import Result
from paidonce.harness.pytest_plugin.run import SESSION, Settings, settings
from paidonce.harness.pytest_plugin.servers import Servers
from paidonce.harness.targets import Loaded, load_target
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice

_ANYTHING_ELSE = re.compile(r"[^A-Za-z0-9._=-]+")
_LONGEST = 120


class RaceSession:
    """All that one process of a test run has open: servers, and services that were built."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers = Servers(settings.shared)
        self._subjects: dict[Path, tuple[Loaded, TargetSubject]] = {}

    def close(self) -> None:
        """Stop what was started."""
        self._servers.close()

    def choice(self) -> Choice:
        """The backends. Raises ``UsageError`` and ``Unavailable``."""
        if self._settings.backends is None:
            return self._servers.choice()
        return choice_of(self._settings.backends)

    def subject(self, path: Path) -> tuple[Loaded, TargetSubject]:
        """The target, built: once for the whole run, also with several workers."""
        path = path.resolve()
        if path not in self._subjects:
            loaded = load_target(path)
            subject = TargetSubject(loaded)
            if loaded.file.build:
                subject = self._built(loaded, subject)
            self._subjects[path] = loaded, subject
        return self._subjects[path]

    def folder(self, nodeid: str) -> Path:
        """A new folder for what a test leaves behind."""
        name = _ANYTHING_ELSE.sub("-", nodeid).strip("-.")[-_LONGEST:].lstrip("-.")
        number = 1
        while True:
            folder = self._settings.out / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                number += 1
            else:
                return folder

    def leave(self, folder: Path) -> None:
        """Remove what nobody needs to look at."""
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._settings.out.rmdir()
            if self._settings.out.parent.name == REPORTS:
                self._settings.out.parent.rmdir()

    @contextlib.contextmanager
    def alone(self, target: tuple[Loaded, TargetSubject] | None) -> Iterator[None]:
        """A service that runs already, or ports that are taken as they are, are for one worker at
        a time."""
        shared = self._settings.shared
        if target is None or shared is None or not target[1].one_at_a_time:
            yield
            return
        shared.mkdir(mode=0o700, exist_ok=True)
        with (shared / f"{_key(target[0])}.alone").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _built(self, loaded: Loaded, subject: TargetSubject) -> TargetSubject:
        """Two workers that install packages into one folder would disturb each other."""
        shared = self._settings.shared
        if shared is None:
            subject.build()
            return subject
        shared.mkdir(mode=0o700, exist_ok=True)
        key = _key(loaded)
        done = shared / f"{key}.built"
        with (shared / f"{key}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if done.exists():
                return dataclasses.replace(subject, _built=True)
            subject.build()
            done.touch()
        return subject


def session_of(config: pytest.Config) -> RaceSession:
    """Return the session of this run, and make it where there is none yet."""
    if SESSION not in config.stash:
        config.stash[SESSION] = RaceSession(settings(config))
    session: RaceSession = config.stash[SESSION]
    return session


def _key(loaded: Loaded) -> str:
    return hashlib.sha256(str(loaded.path).encode()).hexdigest()[:16]


class Target:
    """A target as a test sees it: explore it, play it in bursts, replay a witness on it."""

    def __init__(self, session: RaceSession, wanted: CheckRequest, nodeid: str) -> None:
        self._session = session
        self._wanted = wanted
        self._nodeid = nodeid

    def __repr__(self) -> str:
        return f"<paidonce target {self._wanted.target}>"

    @property
    def path(self) -> Path | None:
        """The target file; None where a witness is to say it."""
        return self._wanted.target

    def check(self) -> Result:
        """Make the check that the marker asks for, and return its result."""
        match self._wanted.mode:
            case "explore":
                return self._play(self._wanted, playing.explored)
            case "burst":
                return self._play(self._wanted, playing.burst)
            case _:
                return self._play(self._wanted, playing.replayed)

    def explore(
        self,
        *,
        variant: str | None = None,
        attempts: int | None = None,
        budget: str | int | None = None,
        faults: int | None = None,
    ) -> Result:
        """Search every interleaving of the attempts, under at most so many failures.

        Raises ``CannotCheck``.
        """
        wanted = self._asked("explore", variant, attempts, budget)
        if faults is not None:
            wanted = dataclasses.replace(wanted, faults=faults)
        return self._play(wanted, playing.explored)

    def burst(
        self,
        *,
        variant: str | None = None,
        attempts: int | None = None,
        budget: str | int | None = None,
    ) -> Result:
        """Send all attempts at once, again and again. Raises ``CannotCheck``."""
        return self._play(self._asked("burst", variant, attempts, budget), playing.burst)

    def replay(self, witness: str | Path, *, variant: str | None = None) -> Result:
        """Follow the schedule of a witness. Raises ``CannotCheck``."""
        wanted = self._asked("replay", variant, None, None)
        return self._play(dataclasses.replace(wanted, witness=Path(witness)), playing.replayed)

    def _asked(
        self, mode: str, variant: str | None, attempts: int | None, budget: str | int | None
    ) -> CheckRequest:
        own: Budget = self._wanted.budget
        return dataclasses.replace(
            self._wanted,
            mode=mode,
            variant=variant or self._wanted.variant,
            attempts=attempts or self._wanted.attempts,
            budget=own if budget is None else budget_of(budget, f"{mode}(budget=...)"),
        )

    def _play(self, wanted: CheckRequest, how: Callable[[playing.Play], Result]) -> Result:
        folder: Path | None = None
        result: Result | None = None
        try:
            if wanted.target is None and wanted.witness is None:
                raise UsageError(
                    f"{wanted.where}: no target: name one by --paidonce-target or the ini key "
                    "paidonce_target"
                )
            loaded = None if wanted.target is None else self._session.subject(wanted.target)
            choice = self._session.choice()
            folder = self._session.folder(self._nodeid)
            with self._session.alone(loaded):
                result = how(playing.Play(wanted, loaded, choice, folder))
        except PaidonceError as error:
            raise CannotCheck(str(error)) from error
        finally:
            if folder is not None and (result is None or result.valid):
                self._session.leave(folder)
        return result
