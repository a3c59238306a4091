"""Migrated databases that are kept between runs, each as the whole server that it was made on.

A file is named after where it comes from (a target file and its variant) and after all that is
known to have made it. It is written beside its place and then renamed, so that one of a run that
was killed is never found; who reads one that is removed meanwhile goes on reading it (rename(2),
unlink(2)). What is kept is bounded by number, size and age.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import msgspec

from paidonce.harness.backends.cluster_archive import DamagedArchive, read_notes
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.errors import Unavailable

LEAST_S = 2.0
"""A migration that takes less than this is made again: keeping it would take as long."""
MOST_S = 24 * 3600.0
"""How long one is kept: what it says of the time of day is no older."""
MOST_FILES = 24
MOST_BYTES = 1 << 30
_LOCK_S = 30.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ABANDONED_S = 3600.0
_SUFFIX, _PART = ".tar.gz", ".part"


@dataclass(frozen=True)
class MigrationInputs:
    """All that is known to make a migrated database what it is: digests, by what they are of.

    ``reason`` says why what it makes cannot be kept; it is empty where it can.
    """

    origin: str
    """The target file and the variant."""
    parts: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    by_port: bool = False
    """True if the migration is told ports apart from their hosts."""

    @property
    def key(self) -> str:
        """Return the digest of all of them."""
        return hashlib.sha256(msgspec.json.encode(dict(self.parts), order="sorted")).hexdigest()

    def differing(self, others: Mapping[str, str]) -> list[str]:
        """Return the names of what is not as in ``others``, in a fixed order."""
        names = sorted({*self.parts, *others})
        return [name for name in names if self.parts.get(name) != others.get(name)]


class KeptNotes(msgspec.Struct, frozen=True, kw_only=True):
    """The notes kept with a database: its ``name`` on the server and how long it took to make.

    ``made`` and ``until`` are Unix times: when, and when it is to be made again.
    """

    origin: str
    name: str
    made: float
    until: float
    seconds: float
    parts: dict[str, str]

    @property
    def when(self) -> str:
        """Return when it was made, as a person reads it."""
        return moment(self.made)


@dataclass(frozen=True)
class KeptDatabase:
    """One that is kept: its file and its notes."""

    path: Path
    notes: KeptNotes


def moment(at: float) -> str:
    """Return a Unix time as a date and a time of day here."""
    return f"{datetime.datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"


def cache_folder() -> Path:
    """Return where they are: ``paidonce/databases`` in the user's cache folder (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache and Path(cache).is_absolute() else Path.home() / ".cache"
    return base / "paidonce" / "databases"


class KeptDatabases:
    """The folder of kept databases.

    With ``fresh`` none of them is used, and what is made takes their place. Raises ``Unavailable``
    where there can be no such folder, or it is not this user's alone.
    """

    def __init__(self, folder: Path | None = None, *, fresh: bool = False) -> None:
        self.folder = folder or cache_folder()
        self.fresh = fresh
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = f"{self.folder} cannot be made ({error.strerror})"
            raise Unavailable("cache of databases", problem, "Set XDG_CACHE_HOME") from None
        # Whoever may write there has a server of ours run what they like: functions, settings.
        state = self.folder.stat()
        if state.st_uid != os.geteuid() or state.st_mode & _OTHERS:
            problem = f"{self.folder} is another user's, or others may enter it"
            remedy = f"Run chmod 700 {self.folder}, or set XDG_CACHE_HOME"
            raise Unavailable("cache of databases", problem, remedy)

    def webhook_secret(self) -> str:
        """Return the secret that services of this user are told: it may be in a kept database.

        Raises ``Unavailable`` where it can be neither read nor written.
        """
        path = self.folder / "webhook-secret"
        try:
            with self._locked():
                if not path.exists():
                    with self._writing(path) as part:
                        part.write_text(f"whsec_{secrets.token_hex(16)}")
                return path.read_text()
        except OSError as error:
            problem = f"{path} cannot be read ({error.strerror})"
            raise Unavailable("cache of databases", problem, "Set XDG_CACHE_HOME") from None

    def find(self, inputs: MigrationInputs) -> KeptDatabase | None:
        """Return what was made of the same, unless it is out of date or to be made again."""
        if self.fresh or inputs.reason:
            return None
        path = self._path(inputs)
        try:
            kept = KeptDatabase(path, _notes(path))
        except DamagedArchive:
            self.forget(path)
            return None
        if kept.notes.until <= time.time() or kept.notes.made > time.time():
            self.forget(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return kept

    def latest(self, origin: str) -> KeptDatabase | None:
        """Return what was made last for ``origin``, of whatever."""
        return max(
            (kept for kept in self.all() if kept.notes.origin == origin),
            key=lambda kept: kept.notes.made,
            default=None,
        )

    def keep(self, inputs: MigrationInputs, server: EmbeddedPostgres, notes: KeptNotes) -> None:
        """Keep all that ``server`` has, in the place of what was kept of the same.

        The server is started again for it. Raises ``NoArchive``, ``Unavailable`` and
        ``DeadlineExceeded``.
        """
        with self._writing(self._path(inputs)) as part:
            server.pack(part, msgspec.json.encode(notes))
        with self._locked():
            self._trim()

    def all(self) -> list[KeptDatabase]:
        """Return all that can be read, the one that was used last first."""
        kept_databases = []
        for path, _ in self._files():
            with contextlib.suppress(DamagedArchive):
                kept_databases.append(KeptDatabase(path, _notes(path)))
        return kept_databases

    def forget(self, path: Path) -> None:
        """Remove one, if it is there."""
        path.unlink(missing_ok=True)

    # --- the folder ----------------------------------------------------------------------------

    def _path(self, inputs: MigrationInputs) -> Path:
        origin = hashlib.sha256(inputs.origin.encode()).hexdigest()
        return self.folder / f"{origin[:16]}-{inputs.key[:48]}{_SUFFIX}"

    @contextlib.contextmanager
    def _writing(self, path: Path) -> Iterator[Path]:
        """A file beside ``path``, which has its place once it is whole."""
        part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_PART}")
        try:
            yield part
            part.chmod(0o600)
            _sync(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _locked(self) -> contextlib.AbstractContextManager[object]:
        return filelock.FileLock(self.folder / "lock", timeout=_LOCK_S)

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """The files and what the system says of each, the one that was used last first."""
        files = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                files.append((path, path.stat()))
        return sorted(files, key=lambda one: one[1].st_mtime, reverse=True)

    def _trim(self) -> None:
        """Remove what is beyond the bounds, and what runs that were killed have left."""
        now, held = time.time(), 0
        for number, (path, state) in enumerate(self._files()):
            held += state.st_size
            if number >= MOST_FILES or held > MOST_BYTES or state.st_mtime < now - MOST_S:
                self.forget(path)
        for part in self.folder.glob(f"*{_PART}"):
            with contextlib.suppress(FileNotFoundError):
                if part.stat().st_mtime < now - _ABANDONED_S:
                    part.unlink(missing_ok=True)


def _notes(path: Path) -> KeptNotes:
    try:
        return msgspec.json.decode(read_notes(path), type=KeptNotes)
    except msgspec.MsgspecError as error:
        raise DamagedArchive(f"{path} has notes that are none: {error}") from None


def _sync(path: Path) -> None:
    """Have the file's content on the disk before its name is."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
