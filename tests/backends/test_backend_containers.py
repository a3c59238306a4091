"""Our side of the container backends, everywhere; ``test_real_containers`` has the engine's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from stand_in_docker import CONTAINER, StandInEngine
from testcontainers.core.config import testcontainers_config

from paidonce.harness.backends import containers, open_postgres, open_redis, open_stripe
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.backends.shared import database_name
from paidonce.harness.errors import Unavailable
from paidonce.harness.process import modules
from paidonce.harness.process.custody import custody
from paidonce.harness.process.tempdirs import TempFolder

OPENERS = [
    (open_postgres, "container"),
    (open_redis, "container"),
    (open_stripe, "stripe-mock-container"),
]


@pytest.fixture
def engine(
    monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis, no_stripe_settings: None
) -> Iterator[StandInEngine]:
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    with TempFolder(short=True) as folder:
        path = folder.path / "docker.sock"
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        stand_in = StandInEngine(path, redis_server.port)
        stand_in.images = {
            "valkey/valkey:8.1.4-alpine", "postgres:18.1-alpine", "stripe/stripe-mock:v0.197.0",
        }  # fmt: skip
        yield stand_in
        stand_in.close()


@pytest.mark.parametrize(("opener", "spec"), OPENERS)
@pytest.mark.usefixtures("no_stripe_settings")
def test_without_an_engine_the_message_is_one_line(
    opener, spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(Unavailable, match=r"docker: no Docker engine answers at unix://") as caught:
        opener(spec)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_redis_is_published_on_loopback_used_and_removed(
    engine: StandInEngine, redis_server: EmbeddedRedis
) -> None:
    before = custody.tickets
    with open_redis("container") as server:
        assert (server.kind, server.url(3)) == ("container", redis_server.url(3))
        assert server.version == redis_server.version
        assert len(custody.tickets - before) == 1
        assert engine.removed == []
    assert engine.created[0]["Image"] == "valkey/valkey:8.1.4-alpine"
    bindings = engine.created[0]["HostConfig"]["PortBindings"]
    assert bindings == {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    assert engine.removed == [CONTAINER]
    assert custody.tickets == before
    server.stop()


def test_postgres_makes_databases_and_is_removed(
    engine: StandInEngine, postgres: EmbeddedPostgres
) -> None:
    engine.port = postgres.port
    with open_postgres("container") as server:
        assert server.version == postgres.version
        template, clone = database_name("template"), database_name("clone")
        server.create_database(template)
        with psycopg.connect(server.create_database(clone, template)) as connection:
            assert connection.info.dbname == clone
        server.drop_database(clone)
    assert engine.created[0]["HostConfig"]["PortBindings"]["5432/tcp"][0]["HostIp"] == "127.0.0.1"
    assert engine.created[0]["Env"] == ["POSTGRES_HOST_AUTH_METHOD=trust"]
    assert engine.removed == [CONTAINER]


def test_a_missing_image_is_one_clear_error(engine: StandInEngine) -> None:
    before = custody.tickets
    engine.images.clear()
    with pytest.raises(Unavailable, match=r"image valkey/valkey.* could not be started") as caught:
        open_redis("container")
    assert "\n" not in str(caught.value)
    assert custody.tickets == before


def test_a_container_that_exits_is_told_with_its_log_and_removed(engine: StandInEngine) -> None:
    engine.status = "exited"
    with pytest.raises(Unavailable, match=r"postgres:18\.1-alpine exited: bad config"):
        open_postgres("container")
    assert engine.removed == [CONTAINER]


def test_the_guardians_command_removes_a_container_and_forgives_a_missing_one(
    engine: StandInEngine,
) -> None:
    argv, environment = modules.command("paidonce.harness.backends.container_removal", CONTAINER)
    assert containers._removal(CONTAINER) == argv
    engine.created.append({"HostConfig": {"PortBindings": {"1/tcp": []}}})
    environment["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    for _ in range(2):
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert engine.removed == [CONTAINER]
