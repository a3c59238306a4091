"""Lanes work side by side on databases that were prepared once: what those hold must be right."""

from __future__ import annotations

import asyncio

import pytest
from small_services import choice

from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import open_stack

FILE = """
name = "keeps-its-settings"

[[process]]
command = "{python} -m http.server --bind 127.0.0.1 {port}"

[database]
schema = ["schema.sql"]
migrate = [["{python}", "store.py", "WHAT"]]
env = { DATABASE_URL = "{postgres_url}" }

[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET /"

[success]
status = 200

[observe.kept]
sql = "SELECT count(*) FROM settings"

[[invariants]]
name = "it is kept"
check = "kept == 1"
"""
STORE = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as db:
    db.execute("INSERT INTO settings (value) VALUES (%s)", (sys.argv[1],))
"""


async def stored(folder, what, lanes):
    """Each lane's address of Stripe and its webhook secret, and what its database has."""
    (folder / "schema.sql").write_text("CREATE TABLE settings (id serial, value text NOT NULL)")
    (folder / "store.py").write_text(STORE)
    (folder / "target.toml").write_text(FILE.replace("WHAT", what))
    loaded = load_target(folder / "target.toml")
    found = []
    async with open_stack(TargetSubject(loaded), choice()) as stack:
        for _ in range(lanes):
            lane = await stack.lane()
            async with stack.bench(lane, "default", {}) as bench:
                rows = await (await bench.eyes.execute("SELECT value FROM settings")).fetchall()
                found.append((lane.tap.url, bench.webhook_secret, [row[0] for row in rows]))
    return found


def test_all_lanes_have_the_webhook_secret_that_the_database_was_told(tmp_path):
    first, second = asyncio.run(stored(tmp_path, "{webhook_secret}", 2))
    assert first[1] == second[1]
    assert first[2] == second[2] == [first[1]]
    assert first[0] != second[0]


def test_a_database_that_keeps_the_address_of_stripe_has_that_of_its_lane(tmp_path):
    for url, _, values in asyncio.run(stored(tmp_path, "api={stripe_url}/v1", 3)):
        assert values == [f"api={url}/v1"]


@pytest.mark.parametrize("what", ["{stripe_key}", "{dir}"])
def test_what_is_the_same_on_all_lanes_is_stored_once(tmp_path, what):
    first, second = asyncio.run(stored(tmp_path, what, 2))
    assert first[2] == second[2]
    assert len(first[2]) == 1
