"""Sessions that get into each other's way for reasons that are easy to forget."""

from __future__ import annotations

from real_swaps import Scripts

SERIALIZABLE = "BEGIN ISOLATION LEVEL SERIALIZABLE"
REPEATABLE = "BEGIN ISOLATION LEVEL REPEATABLE READ"
SKIPPING = "SELECT id FROM orders WHERE id = 1 AND status = 'paid' FOR UPDATE SKIP LOCKED"

HARD: dict[str, Scripts] = {
    "a foreign key needs the row it refers to": {
        "a": ("BEGIN", "INSERT INTO payments (order_id, status) VALUES (1, 'ok')", "COMMIT"),
        "b": ("BEGIN", "SELECT id FROM orders WHERE id = 1 FOR UPDATE", "COMMIT"),
    },
    "a foreign key does not mind other columns": {
        "a": ("BEGIN", "INSERT INTO payments (order_id, status) VALUES (1, 'ok')", "COMMIT"),
        "b": ("BEGIN", "UPDATE orders SET total = 0 WHERE id = 1", "COMMIT"),
    },
    "rows go with the row they refer to": {
        "a": (
            "BEGIN",
            "DELETE FROM payments WHERE order_id = 3",
            "DELETE FROM customers WHERE id = 2",
            "COMMIT",
        ),
        "b": ("BEGIN", "UPDATE orders SET total = 0 WHERE status = 'paid'", "COMMIT"),
        "c": ("UPDATE orders SET total = 0 WHERE id = 3",),
    },
    "a trigger writes": {
        "a": ("BEGIN", "UPDATE orders SET status = 'paid' WHERE id = 1", "COMMIT"),
        "b": ("SELECT count(*) FROM log",) * 2,
    },
    "a trigger changes what is inserted": {
        "a": ("BEGIN", "INSERT INTO payments (order_id, status) VALUES (1, 'failed')", "COMMIT"),
        "b": ("SELECT amount FROM payments WHERE note = 'failed'",) * 2,
    },
    "a row waited for in vain stays locked": {
        "a": ("BEGIN", "UPDATE orders SET status = 'paid' WHERE id = 1", "COMMIT"),
        "b": (
            "BEGIN",
            "SELECT id FROM orders WHERE id = 1 AND status = 'unpaid' FOR UPDATE",
            "COMMIT",
        ),
        "c": (SKIPPING,) * 2,
    },
    "a key that is taken elsewhere": {
        "a": ("BEGIN", "UPDATE customers SET email = 'c' WHERE id = 1", "ROLLBACK"),
        "b": ("INSERT INTO customers VALUES (3, 'c') ON CONFLICT DO NOTHING",),
        "c": ("UPDATE customers SET email = 'd' WHERE id = 2",),
    },
    "an insert waits for a row that is being changed": {
        "a": ("BEGIN", "UPDATE customers SET credit = 5 WHERE id = 1", "COMMIT"),
        "b": (
            "BEGIN",
            "UPDATE customers SET credit = 6 WHERE id = 2",
            "INSERT INTO customers VALUES (3, 'a') ON CONFLICT DO NOTHING",
            "COMMIT",
        ),
    },
    "a row enters a partial index": {
        "a": ("BEGIN", "UPDATE payments SET status = 'ok' WHERE order_id = 3", "COMMIT"),
        "b": ("BEGIN", "INSERT INTO payments (order_id, status) VALUES (3, 'ok')", "ROLLBACK"),
    },
    "a whole transaction sees what its first statement saw": {
        "a": (
            REPEATABLE,
            "SELECT n FROM counters WHERE name = 'x'",
            "SELECT id FROM unpaid",
            "COMMIT",
        ),
        "b": ("UPDATE orders SET status = 'paid' WHERE id = 1",),
    },
    "a foreign key to a row changed since the snapshot": {
        "a": (
            REPEATABLE,
            "SELECT n FROM counters WHERE name = 'x'",
            "INSERT INTO payments (order_id, status) VALUES (1, 'ok')",
            "COMMIT",
        ),
        "b": ("BEGIN", "UPDATE orders SET total = 0 WHERE id = 1", "COMMIT"),
    },
    "write skew": {
        "a": (
            SERIALIZABLE,
            "SELECT n FROM counters WHERE name = 'x'",
            "UPDATE counters SET n = 1 WHERE name = 'y'",
            "COMMIT",
        ),
        "b": (
            SERIALIZABLE,
            "SELECT n FROM counters WHERE name = 'y'",
            "UPDATE counters SET n = 1 WHERE name = 'x'",
            "COMMIT",
        ),
    },
    "the order of commits decides who fails": {
        "a": (
            SERIALIZABLE,
            "SELECT count(*) FROM customers",
            "SELECT n FROM counters WHERE name = 'x'",
            "INSERT INTO log (what) VALUES ('')",
            "COMMIT",
        ),
        "b": (
            SERIALIZABLE,
            "SELECT id FROM parts ORDER BY id",
            "UPDATE counters SET n = 1 WHERE name = 'x'",
            "COMMIT",
        ),
        "c": (SERIALIZABLE, "INSERT INTO parts VALUES (7, 1)", "COMMIT"),
    },
    "an advisory lock outlives its transaction": {
        "a": ("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"),
        "b": (
            "BEGIN",
            "SELECT pg_try_advisory_lock(1)",
            "COMMIT",
            "SELECT pg_advisory_unlock_all()",
        ),
    },
    "readers wait for a table that is being emptied": {
        "a": ("BEGIN", "TRUNCATE log", "ROLLBACK"),
        "b": ("SELECT count(*) FROM log",),
        "c": ("SELECT count(*) FROM parts",),
    },
    "a partition is part of the whole": {
        "a": ("BEGIN", "INSERT INTO parts_1 VALUES (9, 1)", "COMMIT"),
        "b": ("SELECT id FROM parts WHERE id = 9",) * 2,
    },
    "a function writes": {
        "a": ("BEGIN", "SELECT bump('x')", "COMMIT"),
        "b": ("SELECT n FROM counters WHERE name = 'x'",) * 2,
    },
}

ORDERS = {
    "a foreign key needs the row it refers to": "abab",
    "a row waited for in vain stays locked": "aabbabc",
    "rows go with the row they refer to": "aaac",
    "a foreign key to a row changed since the snapshot": "aabbab",
    "the order of commits decides who fails": "aabbccbca",
}
"""Beginnings that lead to what the case is about, which chance seldom does."""
