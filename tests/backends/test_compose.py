"""The compose file: what it says, and the stack it starts, where Docker Compose is there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import psutil
import pytest
from docker.errors import DockerException

from paidonce.harness.backends.containers import engine_version
from paidonce.harness.backends.postgres_container import IMAGE as POSTGRES
from paidonce.harness.backends.redis_container import IMAGE as REDIS
from paidonce.harness.backends.stripe_mock_container import IMAGE as MOCK
from paidonce.harness.errors import Unavailable
from paidonce.harness.process.ports import HOST, HeldPort

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "compose.yaml"
OURS = "paidonce"
READY_SECONDS = 120.0


def test_images_are_the_pinned_ones_and_every_port_is_on_loopback() -> None:
    text = FILE.read_text()
    assert set(re.findall(r"^\s+image: (\S+)$", text, re.M)) == {POSTGRES, REDIS, MOCK, OURS}
    published = re.findall(r'^\s+- "(\S+:\d+)"$', text, re.M)
    assert len(published) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-\d+\}:\d+", port) for port in published)


def test_the_dockerfile_holds_every_package_that_is_built() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    names = {path.split("/")[0] for path in built["targets"]["wheel"]["only-include"]}
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.M)
    kept = re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.M)
    assert set(copied) == set(kept) == names


def compose() -> list[str]:
    """Docker Compose as there is one: the plugin, or the program of its own. Skips without."""
    with contextlib.suppress(OSError):
        done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if done.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("no Docker Compose here; Debian's package docker-compose has it")


def run(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [*compose(), "-f", str(FILE), *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.docker
@pytest.mark.slow
def test_compose_accepts_the_file() -> None:
    assert "127.0.0.1" in run("config")


@pytest.fixture
def engine() -> docker.DockerClient:
    try:
        engine_version()
        client = docker.from_env()
        for image in (POSTGRES, REDIS, MOCK, OURS):
            client.images.get(image)
    except (Unavailable, DockerException) as error:
        pytest.skip(f"{error}; stand_in_images.py builds what is missing")
    return client


@pytest.fixture(params=["simulator", "stripe-mock"])
def stack(request: pytest.FixtureRequest, engine: docker.DockerClient) -> Iterator[dict[str, int]]:
    names = ("POSTGRES_PORT", "REDIS_PORT", "SERVICE_PORT", "STRIPE_MOCK_PORT")
    with contextlib.ExitStack() as held:
        ports = {name: held.enter_context(HeldPort()).number for name in names}
    project = f"paidonce{secrets.token_hex(4)}"
    variables = {name: str(port) for name, port in ports.items()}
    wanted = ["postgres", "redis", "reference", "stripe"]
    profile: list[str] = []
    if request.param == "stripe-mock":
        variables |= {"STRIPE_API_BASE": "http://stripe-mock:12111", "STRIPE_STATELESS": "1"}
        wanted[-1] = "stripe-mock"
        profile = ["--profile", "stripe-mock"]
    start = [*profile, "-p", project, "up", "-d", "--no-build", *wanted]
    try:
        run(*start, **variables)
        yield ports
    finally:
        run(*profile, "-p", project, "down", "-v", "--remove-orphans", "-t", "5", **variables)
    left = engine.containers.list(
        all=True, filters={"label": f"com.docker.compose.project={project}"}
    )
    assert left == []


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.xdist_group("docker")
def test_an_order_is_paid_once_in_the_stack(stack: dict[str, int]) -> None:
    url = f"http://{HOST}:{stack['SERVICE_PORT']}"
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if client.get("/healthz").status_code == 200:
                    break
            assert time.monotonic() < deadline, f"no service at {url} after {READY_SECONDS:g} s"
            time.sleep(0.2)
        order = client.post("/orders", json={"amount": 4990, "currency": "usd"}).json()["id"]
        while True:  # the Stripe may need a moment more than the service
            paid = client.post(f"/orders/{order}/payments", json={"payment_method": "pm_card_visa"})
            if paid.status_code < 500:
                break
            assert time.monotonic() < deadline, paid.text
            time.sleep(0.2)
        assert client.get(f"/orders/{order}").json()["payment_status"] == "paid"
        again = client.post(f"/orders/{order}/payments", json={"payment_method": "pm_card_visa"})
        assert again.status_code == 409
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port in stack.values()
    }
    assert listening == {HOST}
