"""Every sequence of a new database begins at a number of its own."""

from __future__ import annotations

import psycopg
import pytest

from paidonce.harness.backends.shared import database_name, open_shared_postgres
from paidonce.harness.testbed.sequences import spread_sequences


@pytest.fixture
def url():
    with open_shared_postgres() as server:
        name = database_name("sequences")
        yield server.create_database(name)
        server.drop_database(name)


def test_numbers_of_different_tables_are_different_and_what_was_there_stays(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE TABLE "Orders" (id serial, small smallserial);
            CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY, name text);
            CREATE SEQUENCE ahead START 5000000;
            CREATE SEQUENCE short MAXVALUE 99;
            CREATE SEQUENCE down INCREMENT -1;
            INSERT INTO customers (name) VALUES ('seeded');
            """
        )
        connection.execute("SELECT nextval('ahead')")
        spread_sequences(url)
        order, small = connection.execute(
            'INSERT INTO "Orders" DEFAULT VALUES RETURNING id, small'
        ).fetchone()
        customer = connection.execute(
            "INSERT INTO customers (name) VALUES ('new') RETURNING id"
        ).fetchone()[0]
        others = connection.execute(
            "SELECT nextval('ahead'), nextval('short'), nextval('down')"
        ).fetchone()
        seeded = connection.execute("SELECT id FROM customers WHERE name = 'seeded'").fetchone()
    assert len({order, small, customer}) == 3
    assert min(order, small, customer) > 10_000
    assert small < 32_767
    assert others == (5_000_001, 1, -1)
    assert seeded == (1,)
