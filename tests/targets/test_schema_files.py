"""Schema files as they are written: by hand, by ``pg_dump``, for psql."""

from __future__ import annotations

import os
import subprocess

import psycopg
import pytest

from paidonce.harness.backends import wheels
from paidonce.harness.backends.postgres_url import UrlPostgres
from paidonce.harness.backends.shared import POSTGRES_VARIABLE, database_name
from paidonce.harness.errors import UsageError
from paidonce.harness.service.launch import Addresses
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.schema_files import reads_more, run_schema, schema_paths

DUMPED = """
CREATE TABLE orders (id serial PRIMARY KEY, note text);
INSERT INTO orders (note) VALUES ('a	tab'), (NULL), ('OWNER TO nobody_at_all;'), ('\\');
CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS $$ SELECT 2 * x; $$;
CREATE VIEW seen AS SELECT id FROM orders;
"""


@pytest.fixture
def database():
    """An empty database, by its URL."""
    with UrlPostgres(os.environ[POSTGRES_VARIABLE]) as server:
        yield server.create_database(database_name("schema"))


@pytest.fixture
def role(database):
    """A role of its own, which is gone in the end."""
    name = database_name("role")[:60]
    yield name
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(f'DROP OWNED BY "{name}" CASCADE')
        db.execute(f'DROP ROLE "{name}"')


def addresses(url, *, ours=True):
    return Addresses(url, "", "", "", "", postgres_is_ours=ours)


def run(path, url, **how):
    run_schema(path, addresses(url, **how), 60, None)


def rows(url, query):
    with psycopg.connect(url) as db:
        return db.execute(query).fetchall()


def test_a_dump_is_taken_as_it_is(database, role, tmp_path):
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(f'CREATE ROLE "{role}"')
        db.execute(DUMPED)
        db.execute(f'ALTER TABLE orders OWNER TO "{role}"')
        db.execute(f'GRANT SELECT ON seen TO "{role}"')
        before = db.execute("SELECT * FROM orders ORDER BY id").fetchall()
    dump = subprocess.run(
        [wheels.postgres_tool("pg_dump"), "-d", database], capture_output=True, check=True
    ).stdout
    assert b"\n\\restrict " in dump
    assert b"COPY public.orders" in dump
    path = tmp_path / "dump.sql"
    path.write_bytes(dump)
    assert not reads_more(path)
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')
        db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    run(path, database)
    assert rows(database, "SELECT * FROM public.orders ORDER BY id") == before
    assert rows(database, "SELECT public.twice(4), nextval('public.orders_id_seq')") == [(8, 5)]
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'"
    assert rows(database, owner) == [(role,)]
    assert not rows(database, "SELECT FROM pg_roles WHERE rolname = 'nobody_at_all'")


def test_a_role_that_the_file_makes_is_left_to_it(database, role, tmp_path):
    path = tmp_path / "schema.sql"
    path.write_text(
        f'CREATE ROLE "{role}"; CREATE TABLE a (id int); ALTER TABLE a OWNER TO "{role}"'
    )
    run(path, database)
    assert rows(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == [(role,)]


def test_on_a_server_of_the_users_no_role_is_made(database, tmp_path):
    path = tmp_path / "schema.sql"
    path.write_text("CREATE TABLE a (id int); ALTER TABLE a OWNER TO shop_owner_of_nobody")
    with pytest.raises(UsageError, match="shop_owner_of_nobody"):
        run(path, database, ours=False)


def test_a_file_for_psql_may_read_another(database, tmp_path):
    (tmp_path / "more.sql").write_text("CREATE TABLE more (id int);")
    path = tmp_path / "schema.sql"
    path.write_text("\\set n 3\n\\ir more.sql\nINSERT INTO more VALUES (:n);\n")
    assert reads_more(path)
    run(path, database)
    assert rows(database, "SELECT id FROM more") == [(3,)]


def test_what_postgres_does_not_accept_is_told_with_file_and_line(database, tmp_path):
    path = tmp_path / "schema.sql"
    path.write_text("\\restrict x\nCREATE TABLE a (id int);\nCREATE TABLE a (id int);\n")
    with pytest.raises(UsageError) as told:
        run(path, database)
    expected = f'{path}: Postgres does not accept it: line 3: ERROR:  relation "a" already exists'
    assert str(told.value) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PGDMP\x01\x10", "expected SQL, got an archive of pg_dump; use --format=plain"),
        (b"CREATE DATABASE shop;\n\\connect shop\n", "leave --create out"),
    ],
)
def test_what_cannot_be_taken_says_what_to_do(tmp_path, content, expected):
    path = tmp_path / "schema.sql"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=expected):
        run(path, "postgresql://nowhere/none")


def test_each_variant_may_have_a_file_of_its_own(tmp_path):
    (tmp_path / "target.toml").write_text(
        'name = "shop"\n[variants.racy]\nsound = false\n[variants.fixed]\nsound = true\n'
        '[[process]]\ncommand = "serve {port}"\n[database]\nschema = ["{variant}.sql"]\n'
        '[[attempts]]\nname = "tab"\ncount = 2\n[[attempts.steps]]\nrequest = "GET /"\n'
        '[success]\nstatus = 200\n[observe.kept]\nsql = "SELECT 1"\n'
        '[[invariants]]\nname = "kept"\ncheck = "kept == 1"\n'
    )
    (tmp_path / "racy.sql").write_text("")
    expected = r"\[database\], schema, item 1: expected an SQL file; there is none at .*fixed.sql"
    with pytest.raises(UsageError, match=expected):
        load_target(tmp_path / "target.toml")
    (tmp_path / "fixed.sql").write_text("")
    loaded = load_target(tmp_path / "target.toml")
    assert list(schema_paths(loaded, "fixed")) == [tmp_path / "fixed.sql"]
