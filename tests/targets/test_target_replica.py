"""A service that reads from a replica, which moves on by a step of the search's choice."""

from __future__ import annotations

import asyncio
import os

import psycopg
import pytest
from small_services import HERE, rewrite

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.postgres_replica import ReplicaPostgres
from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.exploration import SearchRequest, explore, opened, play_again
from paidonce.harness.explore.search import Ending
from paidonce.harness.service.passing import CATCHES_UP, Passing
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status

SHOP = HERE / "replica" / "target.toml"


def test_a_replica_that_is_held_stays_where_it_is_and_refuses_writes():
    with (
        EmbeddedPostgres(replicated=True) as primary,
        ReplicaPostgres(primary) as replica,
        psycopg.connect(primary.url(), autocommit=True) as db,
        psycopg.connect(replica.url("postgres"), autocommit=True) as copy,
    ):

        def seen():
            return [n for (n,) in copy.execute("SELECT n FROM seen ORDER BY n")]

        db.execute("CREATE TABLE seen (n integer)")
        replica.follow()
        assert seen() == []
        for number in (1, 2, 3):
            replica.hold()
            db.execute("INSERT INTO seen VALUES (%s)", (number,))
            assert seen() == list(range(1, number))
        for number in (4, 5):
            replica.follow()
            assert seen() == list(range(1, number))
            db.execute("INSERT INTO seen VALUES (%s)", (number,))
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            copy.execute("INSERT INTO seen VALUES (6)")


def test_who_looks_at_a_replica_that_lags_charges_twice_and_who_looks_at_the_primary_does_not():
    loaded = load_target(SHOP)
    script = script_of(loaded)
    assert [one.name for one in script.attempts] == ["tab 1", "tab 2", "replica"]
    choice = Choice(redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]))

    async def search(stack, variant):
        async with opened(stack, script, variant) as worlds:
            request = SearchRequest(scenario=script, variant=variant, validation=None)
            found = await explore(worlds, request)
            if found.witness is None:
                return found.result, None, None
            steps = tuple(step.expected() for step in found.witness.steps)
            _, judged = await play_again(worlds[0], steps)
            return found.result, found.witness, judged

    async def every():
        async with open_stack(TargetSubject(loaded), choice) as stack:
            return [await search(stack, variant) for variant in ("replica", "primary", "lock")]

    (racy, witness, again), (sound, _, _), (locked, _, _) = asyncio.run(
        asyncio.wait_for(every(), 600)
    )
    assert racy.ending is Ending.COUNTEREXAMPLE
    assert again.came.status is Status.INVALID
    labels = [step.label for step in witness.steps]
    last = max(n for n, label in enumerate(labels) if label.startswith("replica SELECT"))
    assert labels.index(CATCHES_UP) > last
    assert (sound.ending, sound.reason) == (Ending.COMPLETE, "")
    assert "with replica at any of them" in sound.coverage
    assert locked.ending is Ending.INCOMPLETE
    assert "takes an advisory lock at the replica" in locked.reason


def test_a_replica_can_be_had_of_the_embedded_server_alone():
    async def main():
        choice = Choice(postgres=os.environ[POSTGRES_VARIABLE])
        async with open_stack(TargetSubject(load_target(SHOP)), choice) as stack:
            await stack.lane()

    with pytest.raises(UsageError, match="of the embedded Postgres only"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{postgres_replica_url}", "{postgres_url}", "told of a {postgres_replica_url}"),
        ("catches_up = true", "catches_up = true\nseconds = 5", "expected catches_up alone"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, old, new, complaint):
    path = tmp_path / "target.toml"
    (tmp_path / "schema.sql").write_text("")
    path.write_text(f'{SHOP.read_text()}\n[[time]]\nname = "lag"\ncatches_up = true\n')
    rewrite(path, (old, new))
    with pytest.raises(UsageError) as refused:
        load_target(path)
    assert complaint in str(refused.value)


def test_a_file_may_say_how_often_the_replica_catches_up(tmp_path):
    path = tmp_path / "target.toml"
    (tmp_path / "schema.sql").write_text("")
    lag = '\n[[time]]\nname = "lag"\ncatches_up = true\nat_most = 2\n'
    path.write_text(SHOP.read_text() + lag)
    names = [one.name for one in script_of(load_target(path)).attempts]
    assert names == ["tab 1", "tab 2", "lag 1", "lag 2"]


@pytest.mark.parametrize(
    ("told", "passing"),
    [
        ("catches_up = true", Passing(catches_up=True)),
        ("seconds = 60", Passing(60)),
        ('sql = ["SELECT 1"]', Passing(sql=("SELECT 1",))),
    ],
)
def test_time_passes_as_the_file_says_and_at_stripe_too(tmp_path, told, passing):
    path = tmp_path / "target.toml"
    (tmp_path / "schema.sql").write_text("")
    path.write_text(f'{SHOP.read_text()}\n[[time]]\nname = "later"\n{told}\n')
    (later,) = [one for one in script_of(load_target(path)).attempts if one.name == "later"]
    assert later.passing == passing
    assert later.passing.at_stripe
