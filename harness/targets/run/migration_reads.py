"""The inputs of a migration of a target file, as digests by name.

Nobody can see what a command reads. So all that lies where it would look is taken for it: every
file of the repository that holds the target file (of its folder, where that is in none) and of the
folder in which the commands run, what their words and variables name elsewhere, their programs with
what these are run by, and all variables. ``[database] reads`` names the files instead.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shlex
import shutil
import stat
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from paidonce.harness import __version__
from paidonce.harness.backends.kept_databases import MigrationInputs
from paidonce.harness.errors import PaidonceError
from paidonce.harness.process.threads import go_on
from paidonce.harness.targets.file.format import Command
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import NoSuchPlace, filled, names_in
from paidonce.harness.targets.run.schema_files import reads_more, schema_paths

MOST_FILES = 40_000
MOST_BYTES = 2 << 30
_CHUNK = 1 << 20
_REPOSITORY = (".git", ".hg", ".jj")
_BY_PRODUCTS = (
    *(".git", ".hg", ".jj", ".svn", "__pycache__", "paidonce-report"),
    *(".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache", "*.pyc", "*.log", "*.sock"),
)
"""Names of what tools leave behind and nobody's migration is."""
_ELSEWHERE = {"docker", "podman", "nerdctl", "kubectl", "ssh", "curl", "wget", "gh", "aws"}
"""Programs that do their work somewhere else, by what nobody here can see."""
_OF_THE_SHELL = (
    *("_", "PWD", "OLDPWD", "SHLVL", "TERM", "COLORTERM", "COLUMNS", "LINES", "LS_COLORS"),
    *("WINDOWID", "DISPLAY", "TMUX*", "STY", "SSH_*", "XDG_SESSION_*", "DBUS_*"),
    *("INVOCATION_ID", "JOURNAL_STREAM", "HISTFILE", "PYTEST_*", "PAIDONCE_*"),
)
"""Variables that are others in every shell."""
_BY_PORT = {"postgres_port", "redis_port", "stripe_port"}


class _TooMuch(PaidonceError):
    """More than can be looked through before each check."""


def migration_reads(
    loaded: Loaded,
    origin: str,
    variant: str,
    told: Mapping[str, str],
    left_out: Path | None = None,
    called_off: threading.Event | None = None,
) -> MigrationInputs:
    """Return what makes the database of ``variant``, as it is now; ``origin`` names it.

    ``told`` is what else makes it, by name. ``left_out`` is a folder that we write into. Raises
    ``CalledOff``.
    """
    database = loaded.file.database
    env = {**database.env, **loaded.variants[variant].env} if database.migrate else {}
    if not database.keep:
        return MigrationInputs(origin, reason="the target file says so (keep = false)")
    described = [
        *(database.schema, database.migrate, database.cwd, database.reads, loaded.file.build),
        *(database.name, database.user),
        *(env, variant if "variant" in names_in([database.migrate, database.env]) else ""),
    ]
    parts = {
        "paidonce": __version__,
        **_variables(),
        "the target file's [database], build and env": _digest(msgspec.json.encode(described)),
        **{name: _digest(value.encode()) for name, value in told.items()},
    }
    reading = _Reading(loaded, left_out, called_off)
    try:
        more = False
        for path in schema_paths(loaded, variant):
            reading.take(path)
            more |= reads_more(path)
        if database.migrate or more:
            reading.commands(database.migrate, env, loaded.folder / database.cwd)
    except (_TooMuch, OSError) as error:
        return MigrationInputs(origin, reason=f"{_words(error)}; {_REMEDY}")
    if reading.elsewhere and not database.reads:
        why = f"what {reading.elsewhere} does cannot be seen from here; {_REMEDY}"
        return MigrationInputs(origin, reason=why)
    by_port = bool(_BY_PORT & set(names_in([database.migrate, env])))
    return MigrationInputs(origin, {**parts, **reading.parts}, by_port=by_port)


_REMEDY = "[database] reads = [...] can name what the migration reads"


@dataclass
class _Reading:
    """Reads files, each once, and adds up how many there are."""

    loaded: Loaded
    left_out: Path | None
    called_off: threading.Event | None
    parts: dict[str, str] = field(default_factory=dict)
    elsewhere: str = ""
    """A program that does its work where we cannot look."""
    _seen: set[str] = field(default_factory=set)
    """Files and folders that were taken, and the target file, which is read for itself."""
    _bytes: int = 0

    def __post_init__(self) -> None:
        self._seen.add(str(self.loaded.path))

    def commands(self, commands: tuple[Command, ...], env: Mapping[str, str], cwd: Path) -> None:
        """Take what commands read: that which is named, or all where they would look."""
        reads = self.loaded.file.database.reads
        for pattern in reads:
            paths = sorted(self.loaded.folder.glob(pattern)) if _is_glob(pattern) else []
            for path in paths or [self.loaded.folder / pattern]:
                self.take(path)
        if not reads:
            self.take(_repository_of(self.loaded.folder))
            self.take(cwd)
            for value in env.values():
                self._named(self._filled(value), cwd)
        where = env.get("PATH", os.environ.get("PATH", ""))
        for command in commands:
            words = shlex.split(command) if isinstance(command, str) else list(command)
            words = [self._filled(word) for word in words]
            self._program(words[0] if words else "", cwd, where)
            for word in () if reads else words[1:]:
                self._named(word, cwd)
                if Path(word).name in _ELSEWHERE:
                    self.elsewhere = Path(word).name

    def take(self, path: Path) -> None:
        """Take a file, or all files of a folder. Raises ``OSError`` and ``_TooMuch``."""
        real = Path(os.path.realpath(path))
        if real.is_dir():
            self._folder(real)
        else:
            self._file(real)

    def _named(self, text: str, cwd: Path) -> None:
        """Take the file or folder that a word or a variable names, if it does."""
        for one in {text, text.partition("=")[2]}:
            if one and len(one) < 4096 and "\0" not in one:
                path = cwd / one
                if path.is_file() or (path.is_dir() and "/" in one and path != Path("/")):
                    self.take(path)

    def _folder(self, top: Path) -> None:
        for folder, below, files in os.walk(top, onerror=_raise):
            if folder in self._seen or self._ours(Path(folder), files):
                below.clear()
                continue
            self._seen.add(folder)
            below[:] = [name for name in sorted(below) if not _by_product(name)]
            for name in below:
                if Path(folder, name).is_symlink():  # not walked into by itself
                    self._link(Path(folder, name))
            for name in files:
                if not _by_product(name):
                    self.take_entry(Path(folder, name))

    def take_entry(self, path: Path) -> None:
        """Take what lies in a folder: a file, or a link to one."""
        if not path.is_symlink():
            self._file(path)
        else:
            self._link(path)

    def _link(self, path: Path) -> None:
        self.parts[self._name(path)] = f"link to {path.readlink()}"
        if path.exists():
            self.take(path)

    def _file(self, path: Path) -> None:
        if str(path) in self._seen:
            return
        self._seen.add(str(path))
        if not stat.S_ISREG(path.stat().st_mode):
            return
        go_on(self.called_off, "the database")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._bytes += len(chunk)
                digest.update(chunk)
        self.parts[self._name(path)] = digest.hexdigest()
        if len(self._seen) > MOST_FILES or self._bytes > MOST_BYTES:
            raise _TooMuch(
                f"there are more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GB to look through"
            )

    def _ours(self, folder: Path, files: list[str]) -> bool:
        """Tell whether we write into a folder, or have: the reports of a check."""
        return folder == self.left_out or {"results.json", "summary.md", "junit.xml"} <= set(files)

    def _program(self, word: str, cwd: Path, where: str) -> None:
        """Take a command's program, what that is run by, and the packages of a Python."""
        found = shutil.which(str(cwd / word) if "/" in word else word, path=where)
        self.parts[f"program {word}"] = found or "none"
        if Path(word).name in _ELSEWHERE:
            self.elsewhere = Path(word).name
        if found is None:
            return
        self.take(Path(found))
        for packages in _packages(Path(found)):
            self.parts[f"packages in {packages}"] = _installed(packages)
        with Path(found).open("rb") as file:
            first = file.readline(256)
        if first.startswith(b"#!"):
            by = first[2:].decode(errors="replace").split()
            named = by[1:2] if by and Path(by[0]).name == "env" else by[:1]
            for interpreter in named:
                if f"program {interpreter}" not in self.parts:
                    self._program(interpreter, cwd, where)

    def _filled(self, text: str) -> str:
        try:
            return filled(text, {"python": sys.executable, "dir": str(self.loaded.folder)}, "")
        except NoSuchPlace:  # an address, which is no file
            return text

    def _name(self, path: Path) -> str:
        folder = self.loaded.folder
        shown = path.relative_to(folder) if path.is_relative_to(folder) else path
        return f"file {shown}"


def _variables() -> dict[str, str]:
    return {
        f"variable {name}": _digest(value.encode(errors="surrogateescape"))
        for name, value in os.environ.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in _OF_THE_SHELL)
    }


def _repository_of(folder: Path) -> Path:
    for path in (folder, *folder.parents):
        if any((path / name).exists() for name in _REPOSITORY):
            return path
    return folder


def _packages(program: Path) -> Iterator[Path]:
    """The folders of packages of a Python, by the program's name and by what it is a link to."""
    if not program.name.startswith("python"):
        return
    for prefix in dict.fromkeys((program.parent.parent, program.resolve().parent.parent)):
        for pattern in ("lib/python3*/site-packages", "lib/python3*/dist-packages"):
            yield from sorted(prefix.glob(pattern))


def _installed(packages: Path) -> str:
    """Return the digest of what is installed there, by the lists with a checksum of each file that
    installers write (https://packaging.python.org/en/latest/specifications/recording-installed-packages/)."""
    digest = hashlib.sha256()
    for package in sorted(packages.glob("*.dist-info")):
        digest.update(package.name.encode())
        record = package / "RECORD"
        if record.is_file():
            digest.update(record.read_bytes())
    return digest.hexdigest()


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _by_product(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _BY_PRODUCTS)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _raise(error: OSError) -> None:
    raise error


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename} cannot be read ({error.strerror})"
    return str(error)
