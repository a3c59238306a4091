"""A database that takes long to migrate is kept between runs, and is then as it was made."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from small_services import choice

from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed import templates
from paidonce.harness.testbed.stack import Choice, open_stack

FILE = """
name = "shop"

[[process]]
command = "{python} -m http.server --bind 127.0.0.1 {port}"

[database]
migrate = [["{python}", "migrate.py", "{stripe_url}", "{redis_url}"]]
env = { DATABASE_URL = "{postgres_url}", SECRET = "{webhook_secret}" }

[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET /"

[success]
status = 200

[observe.kept]
sql = "SELECT 1"

[[invariants]]
name = "kept"
check = "kept == 1"
"""
MIGRATE = """
import os, pathlib, sys, urllib.request
import psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
    db.execute("CREATE TABLE settings (id serial, value text, ends timestamptz)")
    db.execute("INSERT INTO settings (value) VALUES (%s)", (os.environ["SECRET"],))
    db.execute("CREATE ROLE clerk")
    db.execute("ALTER TABLE settings OWNER TO clerk")
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The folder of a service whose database is kept however long it takes to migrate."""
    monkeypatch.setattr(templates, "LEAST_S", 0.0)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "target.toml").write_text(FILE)
    (folder / "migrate.py").write_text(MIGRATE)
    return folder


@pytest.fixture
def opened(shop, tmp_path):
    """Open the service's database as a run does; returns what was said and its rows."""

    def run(*, fresh=False):
        said = []

        async def main():
            subject = TargetSubject(load_target(shop / "target.toml"))
            kept = KeptDatabases(tmp_path / "kept", fresh=fresh)
            chosen = Choice(redis=choice().redis)
            async with open_stack(subject, chosen, kept=kept, say=said.append) as stack:
                lane = await stack.lane()
                await stack.migrate(lane, "default")
                url = (await stack.templates.of(lane, "default")).url
                with psycopg.connect(url) as db:
                    query = (
                        "SELECT id, value, ends::text, tableowner, nextval('settings_id_seq')"
                        " FROM settings, pg_tables WHERE tablename = 'settings'"
                    )
                    rows = db.execute(query).fetchall()
                return rows, stack.webhook_secret, stack.templates.notes("default")

        return (said, *asyncio.run(main()))

    return run


def more(shop, line):
    (shop / "migrate.py").write_text(MIGRATE + line)


@pytest.mark.slow
def test_the_second_run_has_the_first_ones_database(shop, opened):
    first, rows, secret, notes = opened()
    assert first[0].startswith("database: migrated in ")
    assert ", and kept until " in first[0]
    assert notes == ()
    (shop / "target.toml").write_text(FILE.replace('"GET /"', '"GET /orders"'))
    (said,), again, secret_again, (note,) = opened()
    assert said.startswith("database: kept from ")
    assert said.endswith(" (--fresh to migrate again)")
    assert note.startswith("its database is the one that was migrated at ")
    assert again == rows
    assert again[0][1] == secret == secret_again
    assert again[0][3] == "clerk"
    (fresh,), *_ = opened(fresh=True)
    assert fresh.startswith("database: migrated in ")
    more(shop, "# changed")
    (changed,), *_ = opened()
    expected = "database: migrated again, since file migrate.py is not as it was, in "
    assert changed.startswith(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            'psycopg.connect(os.environ["DATABASE_URL"], autocommit=True).execute('
            '"INSERT INTO settings (value) VALUES (%s)", ("api=" + sys.argv[1] + "/v1",))',
            "a row of it holds an address of this run",
        ),
        (
            'psycopg.connect(os.environ["DATABASE_URL"], autocommit=True).execute('
            '"INSERT INTO settings (value) VALUES (%s)", (os.environ["DATABASE_URL"],))',
            "a row of it holds an address of this run",
        ),
        (
            "try: urllib.request.urlopen(sys.argv[1] + '/v1/charges').read()\nexcept OSError: pass",
            "its migration called Stripe, which forgets",
        ),
        (
            'redis.Redis.from_url(sys.argv[2]).set("flags", "1")',
            "its migration wrote to Redis, which forgets",
        ),
        (
            'pathlib.Path("client.py").write_text("generated")',
            "while it was migrated file client.py changed",
        ),
    ],
)
def test_what_would_not_be_the_same_in_another_run_is_not_kept(shop, opened, line, why):
    more(shop, line)
    for _ in range(2 if "client.py" not in line else 1):
        (said,), *_ = opened()
        assert said.startswith("database: migrated ")
        assert said.endswith(f", and not kept: {why}")


@pytest.mark.slow
def test_a_row_that_names_a_time_to_come_is_kept_until_half_way_there(shop, opened, tmp_path):
    more(
        shop,
        'psycopg.connect(os.environ["DATABASE_URL"], autocommit=True).execute('
        "\"INSERT INTO settings (ends) VALUES (now() + interval '1 hour'), ('infinity')\")",
    )
    opened()
    (kept,) = KeptDatabases(tmp_path / "kept").all()
    assert kept.notes.until == pytest.approx(time.time() + 1800, abs=120)


@pytest.mark.slow
def test_what_is_damaged_is_migrated_again(shop, opened, tmp_path):
    opened()
    (kept,) = KeptDatabases(tmp_path / "kept").all()
    kept.path.write_bytes(kept.path.read_bytes()[:-4])
    (said,), *_ = opened()
    assert said.startswith("database: migrated ")
    (said,), *_ = opened()
    assert said.startswith("database: kept from ")


@pytest.mark.slow
def test_a_migration_that_fails_leaves_nothing(shop, opened, tmp_path):
    more(shop, "sys.exit(3)")
    with pytest.raises(ChildFailed, match="ended with exit code 3"):
        opened()
    assert KeptDatabases(tmp_path / "kept").all() == []


@pytest.mark.slow
def test_what_is_quick_to_make_is_not_kept(shop, opened, monkeypatch, tmp_path):
    monkeypatch.setattr(templates, "LEAST_S", 60.0)
    said, rows, *_ = opened()
    assert said == []
    assert len(rows) == 1
    assert KeptDatabases(tmp_path / "kept").all() == []
