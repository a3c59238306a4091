"""The service as others run it: a process with commands and an environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from reference_run import KEY, SECRET, Backends
from stripe_front import StripeFront

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.process.ports import HeldPort
from paidonce.reference_service.guards import GUARDS
from paidonce.reference_service.settings import SettingsError, load

DEADLINE_S = 120.0
MINIMAL = {
    "DATABASE_URL": "postgresql://app@127.0.0.1/app",
    "STRIPE_API_KEY": KEY,
    "STRIPE_WEBHOOK_SECRET": SECRET,
}


def run(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name not in MINIMAL}
    return subprocess.run(
        [sys.executable, "-m", "paidonce.reference_service", *command.split()],
        env={**known, **env},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@contextmanager
def process(env: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with HeldPort() as port:
        port.before_start()
        child = subprocess.Popen(
            [sys.executable, "-m", "paidonce.reference_service"],
            env={**os.environ, **env, "PORT": str(port.number)},
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port.number}"
        try:
            wait_until_healthy(url, child)
            yield url, child
        finally:
            if child.poll() is None:
                child.terminate()
            child.wait(DEADLINE_S)


def wait_until_healthy(url: str, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + DEADLINE_S
    while True:
        try:
            if httpx.get(f"{url}/healthz", timeout=DEADLINE_S, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            if child.poll() is not None or time.monotonic() > until:
                raise DeadlineExceeded("the service to be healthy", DEADLINE_S) from None
        time.sleep(0.05)


@pytest.fixture
def stripe(backends: Backends) -> Iterator[StripeFront]:
    front = StripeFront(backends.stripe_url)
    yield front
    front.close()


@pytest.mark.slow
def test_serves_with_several_workers_recovers_by_itself_and_stops(
    backends: Backends, stripe: StripeFront
) -> None:
    env = {
        **MINIMAL,
        "DATABASE_URL": backends.database(),
        "STRIPE_API_BASE": stripe.url,
        "PAYMENT_GUARD": "claim",
        "WEB_CONCURRENCY": "2",
        "DB_POOL_SIZE": "3",
        "RECOVERY_INTERVAL_S": "0.05",
        # Who lost Stripe's answer leaves the order to the recovery at once; a shorter lease would
        # let it take a payment that has only just begun.
        "CLAIM_LEASE_S": "600",
    }
    for _ in range(2):
        assert run("migrate", **env).returncode == 0
    with process(env) as (url, child):
        client = httpx.Client(base_url=url, timeout=DEADLINE_S, trust_env=False)
        order = client.post("/orders", json={"amount": 500}).json()["id"]
        stripe.faults.append("drop_after")
        assert client.post(f"/orders/{order}/payments").status_code == 502
        until = time.monotonic() + DEADLINE_S
        while client.get(f"/orders/{order}").json()["payment_status"] != "paid":
            if time.monotonic() > until:
                raise DeadlineExceeded("the recovery to find the order paid", DEADLINE_S)
            time.sleep(0.02)
        assert set(stripe.keys()) == {f"{order}:create:0"}
        child.send_signal(signal.SIGTERM)
        assert child.wait(DEADLINE_S) == 0
    idle = run("recover", **env)
    assert (idle.returncode, idle.stdout) == (0, "recovered 0\n")


def test_the_guards_are_listed_as_json() -> None:
    listed = json.loads(run("guards --json").stdout)
    assert [one["name"] for one in listed] == list(GUARDS)
    assert {one["name"] for one in listed if not one["sound"]} == {
        "none",
        "redis_lock_unfenced",
        "optimistic_late",
    }
    assert all(set(one) == {"name", "title", "sound", "summary", "needs_redis"} for one in listed)


def test_a_bad_setting_is_one_line_and_exit_code_2() -> None:
    done = run("serve", **MINIMAL, PAYMENT_GUARD="hope")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "PAYMENT_GUARD must be one of none, row_lock" in done.stderr


def test_a_database_that_does_not_answer_is_one_line() -> None:
    done = run("migrate", DATABASE_URL="postgresql://app@127.0.0.1:1/app")
    assert done.returncode == 2
    assert done.stderr.startswith("reference_service: DATABASE_URL: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATABASE_URL", "", "DATABASE_URL is not set"),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL must be a URL like postgresql://"),
        ("STRIPE_API_KEY", " ", "STRIPE_API_KEY is not set"),
        ("STRIPE_API_BASE", "stripe", "STRIPE_API_BASE must be a URL like https://"),
        ("PORT", "eighty", "PORT must be a whole number from 0 to 65535, not 'eighty'"),
        ("DB_POOL_SIZE", "0", "DB_POOL_SIZE must be a whole number from 1"),
        ("HANDLER_THREADS", "0", "HANDLER_THREADS must be a whole number from 1"),
        ("STRIPE_TIMEOUT_S", "nan", "STRIPE_TIMEOUT_S must be a number of seconds"),
        ("RECOVERY_INTERVAL_S", "-1", "RECOVERY_INTERVAL_S must be a number of seconds from 0"),
        ("STRIPE_STATELESS", "yes", "STRIPE_STATELESS must be 0 or 1"),
        ("STRIPE_STATELESS", "1", "is for stripe-mock, not for https://api.stripe.com"),
        ("PAYMENT_GUARD", "redis_lock", "REDIS_URL is not set"),
    ],
)
def test_each_bad_setting_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace(".", r"\.")):
        load({**MINIMAL, name: value})


def test_the_defaults() -> None:
    settings = load(MINIMAL)
    assert (settings.payment_guard, settings.db_pool_size) == ("row_lock", 20)
    assert settings.handler_threads == 20
    assert load({**MINIMAL, "DB_POOL_SIZE": "7"}).handler_threads == 7
    assert (settings.lock_timeout_ms, settings.guard_retries) == (2000, 5)
    assert settings.stripe_max_network_retries == 0
    assert settings.host == "127.0.0.1"


def test_nothing_of_the_harness_is_imported() -> None:
    script = (
        "import sys, paidonce.reference_service.app, paidonce.reference_service.guards.redis_lock;"
        "print([name for name in sys.modules if name.split('.')[0] == 'harness'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
