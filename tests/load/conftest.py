from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from load_runs import PURE, QUICK, Api, LoadOn

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.history import Action
from paidonce.harness.load.run import run_load
from paidonce.harness.process.child import Child
from paidonce.harness.results.load_run import Load
from paidonce.harness.service.description import Route, Target

HERE = Path(__file__).parent
ARGUMENTS = ["-m", "uvicorn", "order_api:app", "--host=127.0.0.1", "--port=0", "--no-access-log"]


def _listening(line: str) -> str | None:
    found = re.search(r"running on (http://127\.0\.0\.1:\d+)", line)
    return found.group(1) if found else None


@pytest.fixture(scope="session")
def order_api() -> Iterator[Api]:
    """Starts the tests' own service in a mode (once each) and answers its address."""
    running: dict[str, str] = {}
    with ExitStack() as stack:

        def start(mode: str) -> str:
            if mode not in running:
                child = Child(
                    f"order API ({mode})",
                    [sys.executable, *ARGUMENTS],
                    env={**os.environ, "PAIDONCE_TEST_MODE": mode},
                    cwd=HERE,
                    grace=1.0,
                )
                stack.enter_context(child)
                running[mode] = child.wait_line("listen", _listening, 120)
            return running[mode]

        yield start


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="session")
def target() -> Target:
    return Target(
        name="order-api",
        command=("not", "started", "this", "way"),
        environment={},
        create_order=Route(
            method="POST", path="/orders", body={"amount": "{amount}", "currency": "{currency}"}
        ),
        read_order=Route(method="GET", path="/orders/{order}"),
        routes={
            Action.PAY: Route(method="POST", path="/orders/{order}/payments", body={}),
            Action.CANCEL: Route(method="POST", path="/orders/{order}/cancel"),
        },
        webhook_path="/webhooks",
        retries_header="Payment-Retries",
    )


@pytest.fixture
def load_on(order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path) -> LoadOn:
    """Puts load on the tests' own service; what is not said is quick, and is recorded in
    ``tmp_path``."""

    def load_on(mode: str, profile: str, **more: Any) -> Load:
        given = {
            "target": target,
            "base_url": order_api(mode),
            "postgres_url": postgres.url("postgres"),
            "variant": mode,
            "profile": profile,
            "out_folder": tmp_path,
            "checkers": PURE,
            **QUICK,
        }
        return run_load(**(given | more))

    return load_on
