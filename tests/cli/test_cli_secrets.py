"""Secrets planted in every way in are in no file, on no terminal, and in no list of processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
import pytest

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, shared_servers

ROLE, PASSWORD = "planted", "pw-never-shown-7341"
HEADER, VARIABLE, KEY = "header-never-shown-7342", "value-never-shown-7343", "never7shown7346"
PLANTED = (PASSWORD, HEADER, VARIABLE, KEY)
SHOP = Path(__file__).parents[1] / "targets" / "polling"
TARGET = ("shop/target.toml", "--variant", "goes_on")
COMMANDS = {
    "explore": ("explore", *TARGET),
    "check": ("check", *TARGET),
    "prove": ("prove", "--guard", "none", "--scenario", "double_click", "--load-seconds", "0"),
    "load": ("load", "--guard", "none", "--seconds", "2", "--warmup", "0", "--users", "4"),
    "run": ("run", "double_click", "--guard", "none"),
}


@pytest.fixture(scope="module")
def server():
    """The URL of a server whose user has the planted password."""
    with shared_servers() as servers:
        url = urlsplit(servers[POSTGRES_VARIABLE])
        with psycopg.connect(servers[POSTGRES_VARIABLE], autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
            connection.execute(f"CREATE ROLE {ROLE} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        yield urlunsplit(url._replace(netloc=f"{ROLE}:{PASSWORD}@{url.hostname}:{url.port}"))


def plant(folder):
    """A service that is given secrets, and says them when it ends."""
    shutil.copytree(SHOP, folder / "shop")
    path = folder / "shop" / "target.toml"
    text = path.read_text()
    own = f'SMTP_PASSWORD = "{VARIABLE}"\nMAIL_URL = "smtp://u:{VARIABLE}@localhost"\nSTRIPE_KEY'
    text = text.replace("STRIPE_KEY", own)
    asks = 'request = "POST /pay"'
    assert asks in text
    path.write_text(
        text.replace(asks, f'{asks}\nheaders = {{ Authorization = "Bearer {HEADER}" }}')
    )
    return path


@contextmanager
def processes_watched(command_shows):
    """What the list of processes said meanwhile of all below us but the command itself."""
    said, over = set(), threading.Event()

    def look():
        while not over.wait(0.05):
            for process in psutil.Process().children(recursive=True):
                try:
                    words = process.cmdline()
                except psutil.Error:
                    continue
                if command_shows not in words:
                    said.update(words)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield said
    finally:
        over.set()
        watching.join()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_is_shown_or_written(command, server, tmp_path):
    plant(tmp_path)
    words = [*COMMANDS[command], "--postgres", server, "--out", "out"]
    environ = {**os.environ, "STRIPE_API_KEY": f"sk_test_{KEY}"}
    environ.pop(POSTGRES_VARIABLE, None)
    with processes_watched(server) as listed:
        done = subprocess.run(
            [sys.executable, "-m", "paidonce", *words],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    as_declared = command in ("prove", "load")  # the guard "none" is there to race
    assert done.returncode == (0 if as_declared else 1), said
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written
    texts = {str(path): path.read_bytes().decode(errors="replace") for path in written}
    texts |= {"terminal": said, "processes": "\n".join(listed)}
    assert {where for where, text in texts.items() for secret in PLANTED if secret in text} == set()


@pytest.mark.slow
def test_what_a_service_says_last_is_told_without_its_secrets(tmp_path):
    path = plant(tmp_path)
    service = path.parent / "polling.py"
    service.write_text("import os; print(dict(os.environ)); raise SystemExit(1)\n")
    done = subprocess.run(
        [sys.executable, "-m", "paidonce", "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "SMTP_PASSWORD" in said, said
    assert VARIABLE not in said
