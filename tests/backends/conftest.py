"""Servers of our own that several tests look at without changing them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def no_stripe_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIPE_API_KEY", "PAIDONCE_STRIPE_MOCK"):
        monkeypatch.delenv(name, raising=False)
