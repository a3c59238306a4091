"""The tables; apart from the engine, which takes longer to load than they take to make."""

from __future__ import annotations

from importlib import resources

import psycopg

_CONNECT_TIMEOUT_S = 5


def migrate(url: str) -> None:
    """Create what is missing, in one transaction; two at a time wait for each other."""
    script = resources.files("paidonce.reference_service").joinpath("schema.sql").read_text("utf-8")
    with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
        # CREATE TABLE IF NOT EXISTS may still collide with itself; the number is ours.
        connection.execute("SELECT pg_advisory_xact_lock(7203021)")
        connection.execute(script)
