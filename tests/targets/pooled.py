"""Starts pgbouncer before the database of ``DATABASE_URL``, and then a program that talks to it.

    python pooled.py PROGRAM [ARGUMENT...]

Transactions are pooled; the program finds pgbouncer at the ``DATABASE_URL`` it gets. As a service
has it, with nothing of a harness in it. ``POOL_SIZE`` is how many connections it keeps.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

PORT = 6432
DEADLINE_S = 60.0
SETTINGS = """\
[databases]
* = host={host} port={port} user={user}

[pgbouncer]
listen_port = {own}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {size}
"""


def program() -> str | None:
    """Where pgbouncer is; distributions put it beside the servers."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def pooled(url: str, size: int = 20) -> Iterator[str]:
    """The URL of the same database through a pgbouncer of our own."""
    at = psycopg.conninfo.conninfo_to_dict(url)
    user = str(at["user"])
    with tempfile.TemporaryDirectory(prefix="pooled-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(
                host=at["host"],
                port=at.get("port", 5432),
                user=user,
                own=PORT,
                folder=folder,
                size=size,
            )
        )
        command = [program() or "pgbouncer", "-q", str(settings)]
        if os.geteuid() == 0:  # it refuses to run as root
            Path(folder).chmod(0o777)
            command[1:1] = ["-u", "nobody"]
        process = subprocess.Popen(command)
        try:
            where = urlencode({"host": folder, "port": PORT})
            through = f"postgresql://{quote(user)}@/{quote(str(at['dbname']))}?{where}"
            _wait_for(through, process)
            yield through
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None:
                raise RuntimeError(f"pgbouncer ended with {process.returncode}") from error
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {DEADLINE_S:g} s for pgbouncer to answer") from error
            time.sleep(0.02)


def main(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    size = int(os.environ.get("POOL_SIZE", "20"))
    with pooled(os.environ["DATABASE_URL"], size) as url:
        child = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url})
        try:
            return child.wait()
        finally:
            child.terminate()
            child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
