"""A database of its own for every test, on the run's shared servers."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from postgres_play import ThreadedTap

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name, open_shared_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with open_shared_postgres() as server:
        yield server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database with one table ``item(id, v)`` and one row (1, 'old')."""
    name = database_name("tap")
    url = postgres_server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id int PRIMARY KEY, v text)")
        connection.execute("INSERT INTO item VALUES (1, 'old')")
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def tapped(database: str) -> Iterator[ThreadedTap]:
    """A tap before that database, on an event loop of its own."""
    with ThreadedTap(database) as tap:
        yield tap
