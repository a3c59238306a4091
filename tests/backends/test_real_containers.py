"""The container backends against a real Docker engine.

They run on the official images where those are here or can be pulled, and on local stand-ins
otherwise (``stand_in_images.py`` builds them).
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import docker
import psutil
import psycopg
import pytest
import redis
import stripe
from docker.errors import DockerException, NotFound

from paidonce.harness.backends import open_postgres, open_redis, open_stripe
from paidonce.harness.backends.base import STAND_IN
from paidonce.harness.backends.containers import STAND_IN_LABEL, engine_version
from paidonce.harness.backends.postgres_container import IMAGE as POSTGRES
from paidonce.harness.backends.redis_container import IMAGE as REDIS
from paidonce.harness.backends.redis_container import ContainerRedis
from paidonce.harness.backends.shared import database_name
from paidonce.harness.backends.stripe_mock_container import IMAGE as MOCK
from paidonce.harness.backends.stripe_mock_container import VERSION
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable
from paidonce.harness.process import modules
from paidonce.harness.process.custody import custody
from paidonce.harness.process.ports import HOST, answers

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.usefixtures("no_stripe_settings"),
    pytest.mark.xdist_group("docker"),
]

GONE_SECONDS = 60.0


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    try:
        engine_version()
    except Unavailable as error:
        pytest.skip(str(error))
    client = docker.from_env()
    try:
        for image in (POSTGRES, REDIS, MOCK):
            try:
                client.images.get(image)
            except NotFound:
                client.images.pull(image)
    except DockerException as error:
        pytest.skip(f"{image} is not here and cannot be pulled ({error})")
    yield client
    client.close()


@pytest.fixture
def ours(engine: docker.DockerClient) -> Callable[[], list[str]]:
    """The containers that were not there before the test."""
    before = {found.id for found in engine.containers.list(all=True)}
    return lambda: [c.id for c in engine.containers.list(all=True) if c.id not in before]


def is_stand_in(engine: docker.DockerClient, image: str) -> bool:
    return STAND_IN_LABEL in (engine.images.get(image).labels or {})


def listening_on(port: int) -> set[str]:
    return {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }


def test_postgres(engine: docker.DockerClient, ours: Callable[[], list[str]]) -> None:
    before = custody.tickets
    with open_postgres("container") as server:
        assert server.version.startswith("18.")
        assert server.version.endswith(f"({STAND_IN})") is is_stand_in(engine, POSTGRES)
        template = database_name("template")
        with psycopg.connect(server.create_database(template), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (a int)")
        clone = database_name("clone")
        with psycopg.connect(server.create_database(clone, template)) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
            port = connection.info.port
        assert listening_on(port) == {HOST}
        server.drop_database(clone)
        assert len(ours()) == 1
    assert ours() == []
    assert not answers(port)
    assert custody.tickets == before


def test_redis(engine: docker.DockerClient, ours: Callable[[], list[str]]) -> None:
    with open_redis("container") as server, redis.Redis.from_url(server.url(200)) as client:
        assert server.version.startswith("valkey ")
        assert server.version.endswith(f"({STAND_IN})") is is_stand_in(engine, REDIS)
        assert client.set("lock", "a", nx=True, px=60_000)
        assert client.set("lock", "b", nx=True, px=60_000) is None
        server.flush()
        assert client.dbsize() == 0
        assert listening_on(client.connection_pool.connection_kwargs["port"]) == {HOST}
    assert ours() == []


def test_stripe_mock(engine: docker.DockerClient, ours: Callable[[], list[str]]) -> None:
    with open_stripe("stripe-mock-container") as server:
        assert server.capabilities == {Capability.STRIPE_WEBHOOKS, Capability.STRIPE_CONFIRM}
        assert server.version.split()[0] == VERSION
        assert (STAND_IN in server.version) is is_stand_in(engine, MOCK)
        client = stripe.StripeClient(server.api_key, base_addresses={"api": server.url})
        made = client.v1.payment_intents.create({"amount": 4200, "currency": "usd"})
        assert made.amount == 4200
        assert listening_on(int(server.url.rpartition(":")[2])) == {HOST}
        (found,) = ours()
        ports = engine.containers.get(found).attrs["NetworkSettings"]["Ports"]
        published = [b["HostIp"] for bindings in ports.values() for b in bindings or ()]
        assert published == [HOST], "its HTTPS port is not published at all"
    assert ours() == []


def test_a_container_that_cannot_start_is_told_with_its_log_and_removed(
    engine: docker.DockerClient, ours: Callable[[], list[str]]
) -> None:
    with pytest.raises(Unavailable, match=r"exited: .*valkey-server.*not found"):
        ContainerRedis(POSTGRES)
    assert ours() == []


def test_an_image_that_cannot_be_had_is_one_clear_error(engine: docker.DockerClient) -> None:
    before = custody.tickets
    with pytest.raises(Unavailable, match=r"image localhost:1/none:1 could not be started") as told:
        ContainerRedis("localhost:1/none:1")
    assert "\n" not in str(told.value)
    assert custody.tickets == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_containers_go_when_their_owner_is_killed(
    number: signal.Signals, engine: docker.DockerClient, ours: Callable[[], list[str]]
) -> None:
    program = (
        "from paidonce.harness.backends import open_redis, open_stripe\n"
        "with open_redis('container') as one, open_stripe('stripe-mock-container') as two:\n"
        "    print('ready', flush=True)\n"
        "    input()\n"
    )
    _, environment = modules.command("unused")
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        assert len(ours()) == 2
        owner.send_signal(number)
        owner.wait(60)
    deadline = time.monotonic() + GONE_SECONDS
    while ours():
        assert time.monotonic() < deadline, f"containers left after {GONE_SECONDS:g} s: {ours()}"
        time.sleep(0.2)


def test_a_proof_in_containers_says_what_it_could_not_judge(
    tmp_path, engine: docker.DockerClient, ours: Callable[[], list[str]]
) -> None:
    """Postgres, Valkey and stripe-mock in containers: caught by the calls seen at the tap."""
    argv = [sys.executable, "-m", "paidonce.harness.cli", "prove", "--backends", "container"]
    argv += ["-s", "two_tabs", "-g", "none", "-g", "redis_lock", "--rounds", "1", "--jobs", "1"]
    done = subprocess.run(
        [*argv, "--load-seconds", "0", "--out", "proof"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = (tmp_path / "proof" / "summary.md").read_text()
    assert "redis: container valkey" in summary
    assert "stripe: stripe-mock-container 0.197.0" in summary
    assert "not judged, since the backend lacks" in summary
    assert (STAND_IN in summary) is is_stand_in(engine, POSTGRES)
    assert ours() == []
