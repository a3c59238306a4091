"""One database for the tests that ask a real server, for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name, open_shared_postgres


@pytest.fixture(scope="session")
def explore_server() -> Iterator[PostgresServer]:
    with open_shared_postgres() as server:
        yield server


@pytest.fixture
def explore_url(explore_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database in which a deadlock is found at once."""
    name = database_name("explore")
    url = explore_server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET deadlock_timeout = 2')
    yield url
    explore_server.drop_database(name)
