"""Statements and pieces of attempts that predictions are made of."""

from __future__ import annotations

import uuid

from tape import ORDER, Tape

READ = "SELECT id, status, amount, version FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"
CLAIM = "UPDATE orders SET claimed_by = $2 WHERE id = $1 AND claimed_by IS NULL"
PAY_IN = "INSERT INTO payments (id, order_id, state, amount) VALUES ($1, $2, $3, 10)"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
MINE = "8c7d2c9e-1111-4b6e-9c0a-6a1e7d1f4c22"
LIVE = "(state = ANY (ARRAY['live'::text, 'unknown'::text]))"


def tape():
    return Tape()


def paid(begun):
    """The rest of an attempt that has read."""
    return begun.stripe(key=str(uuid.uuid4())).sql(PAID, ORDER)


def inside(tape_, *, level="", end=True):
    begun = tape_.sql(f"BEGIN{level}").sql(READ, ORDER)
    return paid(begun).sql("COMMIT") if end else begun
