"""Services that cannot be told: their port, their database's name and their own are theirs."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import psycopg
import pytest
from small_services import check, edited, on_worlds

from paidonce.harness.backends.postgres_admin import make_user, with_user
from paidonce.harness.backends.shared import POSTGRES_VARIABLE, database_name
from paidonce.harness.errors import UsageError
from paidonce.harness.process.ports import HeldPort
from paidonce.harness.service.script import NotReady
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.kept_pages import keep_page
from paidonce.harness.targets.run.subject import TargetSubject


def free_port():
    with HeldPort() as held:
        return held.number


@pytest.fixture
def fixed(tmp_path):
    """The small shop with all of it fixed, and the names it has."""
    port, name = free_port(), database_name("fixed")
    place = 'env = { DATABASE_URL = "{postgres_url}"'
    told = f'env = {{ DATABASE_URL = "postgresql://shop@127.0.0.1:{{postgres_port}}/{name}"'
    path = edited(
        tmp_path / "shop",
        "shop",
        ('"shop.py", "{port}"]', f'"shop.py", "{port}"]\nport = {port}'),
        (place, told),
        ("[database]\n", f'[database]\nname = "{name}"\nuser = "postgres"\n'),
        ("postgresql://shop@", "postgresql://postgres@"),
    )
    return path, port, name


def test_the_service_runs_where_it_takes_itself_to_be(fixed):
    path, port, name = fixed

    async def seen(worlds, script):
        bench = worlds[0].bench
        return bench.service_url, bench.postgres_url, bench.addresses.postgres_url

    url, eyes, told = on_worlds(path, "racy", seen)
    assert url == f"http://127.0.0.1:{port}"
    assert eyes.endswith(f"/{name}")
    assert f"/{name}" in told
    assert TargetSubject(load_target(path)).one_at_a_time
    with psycopg.connect(os.environ[POSTGRES_VARIABLE]) as db:
        assert not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()


def test_a_port_that_another_has_is_named(fixed):
    path, port, _ = fixed
    expected = rf"\[\[process\]\] 1, port: .* has port {port}"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(UsageError, match=expected):
        on_worlds(path, "racy", None)


@pytest.mark.slow
def test_its_race_is_found_all_the_same(fixed, tmp_path):
    path, _, _ = fixed
    said = check(path, tmp_path / "out", "--time", "2m")
    assert said.exit_code == 0, said.output
    assert "racy: counterexample" in said.output
    assert "locked: complete" in said.output


def test_a_user_is_made_on_a_server_of_ours_and_missed_on_another():
    url, user = os.environ[POSTGRES_VARIABLE], database_name("user")
    with pytest.raises(UsageError, match=rf"\[database\], user: there is no user '{user}'"):
        make_user(url, user, ours=False)
    make_user(url, user, ours=True)
    make_user(url, user, ours=False)
    try:
        with psycopg.connect(with_user(url, user)) as db:
            assert db.execute("SELECT current_user").fetchone() == (user,)
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(f"DROP ROLE {user}")


def test_another_user_has_the_same_password():
    assert with_user("postgresql://a:x%2F@h:1/d?k=v", "b c") == "postgresql://b%20c:x%2F@h:1/d?k=v"
    assert with_user("postgresql://a@h/d", "b") == "postgresql://b@h/d"
    assert with_user("postgresql://a@h/d", "") == "postgresql://a@h/d"


def test_a_page_without_the_value_is_kept(tmp_path):
    answer = SimpleNamespace(body=b"<html>no form</html>", headers={"content-type": "text/html"})
    words = keep_page(tmp_path / "logs", ", [[prepare]] 2, csrf", answer)
    path = tmp_path / "logs" / "page-prepare-2-csrf.html"
    assert words == f"; the whole answer is in {path}"
    assert path.read_bytes() == answer.body
    assert keep_page(None, "here", answer) == ""


def test_preparing_says_where_it_is(tmp_path):
    path = edited(tmp_path / "shop", "shop", ('"json:$.order.id"', '"html:input@value"'))

    async def prepared(worlds, script):
        worlds[0].bench.logs = tmp_path / "logs"
        clients = worlds[0].bench.subject.clients(worlds[0].bench)
        with pytest.raises(NotReady, match=r"the whole answer is in .*page-prepare-1-order\.json"):
            await clients.begin(script, None)

    on_worlds(path, "racy", prepared)
    assert b"4990" in (tmp_path / "logs" / "page-prepare-1-order.json").read_bytes()
