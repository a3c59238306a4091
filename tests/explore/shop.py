"""A small schema with what makes footprints hard, and random statements on it."""

from __future__ import annotations

import random

SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE, credit int NOT NULL DEFAULT 0
                        CHECK (credit >= 0));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers ON DELETE CASCADE,
                     status text NOT NULL DEFAULT 'unpaid', total int NOT NULL DEFAULT 0);
CREATE TABLE payments (id bigserial PRIMARY KEY, order_id int NOT NULL REFERENCES orders,
                       status text NOT NULL, amount int NOT NULL DEFAULT 1, note text);
CREATE UNIQUE INDEX one_payment ON payments (order_id) WHERE status = 'ok';
CREATE TABLE parts (id int NOT NULL, shop int NOT NULL, PRIMARY KEY (shop, id))
    PARTITION BY LIST (shop);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
CREATE TABLE log (id bigserial, what text);
CREATE TABLE counters (name text PRIMARY KEY, n int NOT NULL);
CREATE VIEW unpaid AS SELECT id, customer_id FROM orders WHERE status = 'unpaid';

CREATE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (what) VALUES (NEW.id || ' ' || NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER note_status AFTER UPDATE OF status ON orders
    FOR EACH ROW EXECUTE FUNCTION note_status();

CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.note := coalesce(NEW.note, NEW.status);
    RETURN NEW;
END $$;
CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION tidy();

CREATE FUNCTION bump(which text) RETURNS int LANGUAGE sql AS $$
    UPDATE counters SET n = n + 1 WHERE name = which RETURNING n
$$;
CREATE FUNCTION paid(which int) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT sum(amount) FROM payments WHERE order_id = which
$$;
"""

RESET = """
TRUNCATE payments, orders, customers, log, parts, counters;
INSERT INTO customers VALUES (1, 'a', 1), (2, 'b', 1);
INSERT INTO orders VALUES (1, 1, 'unpaid', 5), (2, 1, 'paid', 5), (3, 2, 'unpaid', 5);
INSERT INTO payments (order_id, status) VALUES (2, 'ok'), (3, 'failed');
INSERT INTO parts VALUES (1, 1), (1, 2);
INSERT INTO counters VALUES ('x', 0), ('y', 0);
"""

STATE = """
SELECT 'customers', customers::text FROM customers UNION ALL
SELECT 'orders', orders::text FROM orders UNION ALL
SELECT 'payments', (order_id, status, amount, note)::text FROM payments UNION ALL
SELECT 'log', what FROM log UNION ALL
SELECT 'parts', parts::text FROM parts UNION ALL
SELECT 'counters', counters::text FROM counters
"""

_VALUES: dict[str, tuple[object, ...]] = {
    "o": (1, 2, 3, 4),
    "o2": (1, 2, 3, 4),
    "c": (1, 2),
    "s": ("unpaid", "paid", "cancelled"),
    "s2": ("unpaid", "paid", "cancelled"),
    "p": ("ok", "failed"),
    "e": ("a", "b", "c"),
    "k": ("x", "y"),
    "two": ("1, 2", "2, 3", "3, 4", "1, 4"),
    "lock": ("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"),
    "wait": ("", "", " NOWAIT", " SKIP LOCKED"),
}
_LEVELS = (*("",) * 6, " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE")

TEMPLATES = (
    "SELECT status FROM orders WHERE id = {o}",
    "SELECT id, status FROM orders WHERE status = '{s}' ORDER BY id",
    "SELECT id, total FROM orders WHERE id IN ({two}) ORDER BY id",
    "SELECT id FROM unpaid ORDER BY id",
    "SELECT sum(amount) FROM payments WHERE order_id = {o}",
    (
        "SELECT o.status, c.credit FROM orders o JOIN customers c ON c.id = o.customer_id"
        " WHERE o.id = {o}"
    ),
    (
        "SELECT o.id FROM orders o WHERE o.id = {o} AND NOT EXISTS"
        " (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'ok')"
    ),
    (
        "SELECT c.id, o.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id"
        " AND o.status = '{s}' WHERE c.id = {c} ORDER BY 1, 2"
    ),
    "SELECT paid({o})",
    "SELECT bump('{k}')",
    "SELECT pg_advisory_xact_lock({o})",
    "SELECT pg_try_advisory_xact_lock({o})",
    "SELECT id, status FROM orders WHERE id = {o} FOR {lock}{wait}",
    "SELECT id FROM orders WHERE status = '{s}' ORDER BY id FOR {lock}{wait}",
    (
        "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = {o}"
        " FOR {lock} OF c{wait}"
    ),
    ("SELECT id FROM orders WHERE status = 'unpaid' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"),
    "SELECT order_id FROM payments WHERE order_id = {o} ORDER BY id FOR UPDATE",
    "UPDATE orders SET status = '{s}' WHERE id = {o}",
    "UPDATE orders SET status = '{s}' WHERE id = {o} AND status = '{s2}'",
    "UPDATE orders SET total = total + 1 WHERE id = {o} AND status = '{s}' RETURNING total",
    "UPDATE orders SET total = total + 1 WHERE status = '{s}'",
    "UPDATE orders SET id = {o} WHERE id = {o2}",
    "UPDATE orders SET customer_id = {c} WHERE id = {o}",
    (
        "UPDATE orders SET total = (SELECT count(*) FROM payments p WHERE p.order_id = orders.id)"
        " WHERE id = {o}"
    ),
    (
        "UPDATE orders SET total = c.credit FROM customers c WHERE c.id = orders.customer_id"
        " AND orders.id = {o}"
    ),
    "UPDATE customers SET credit = credit - 1 WHERE id = {c}",
    "UPDATE customers SET email = '{e}' WHERE id = {c}",
    "UPDATE payments SET status = '{p}' WHERE order_id = {o}",
    "UPDATE payments SET amount = amount + 1 WHERE order_id = {o} AND status = '{p}'",
    "INSERT INTO payments (order_id, status) VALUES ({o}, '{p}')",
    "INSERT INTO payments (order_id, status) VALUES ({o}, '{p}') ON CONFLICT DO NOTHING",
    (
        "INSERT INTO payments (order_id, status) VALUES ({o}, 'ok')"
        " ON CONFLICT (order_id) WHERE status = 'ok' DO UPDATE SET amount = payments.amount + 1"
    ),
    (
        "INSERT INTO payments (order_id, status) SELECT id, 'ok' FROM orders WHERE id = {o}"
        " AND status = '{s}'"
    ),
    (
        "WITH changed AS (UPDATE orders SET status = 'paid' WHERE id = {o} AND status = 'unpaid'"
        " RETURNING id) INSERT INTO payments (order_id, status) SELECT id, '{p}' FROM changed"
    ),
    "INSERT INTO orders VALUES ({o}, {c}, '{s}')",
    (
        "INSERT INTO orders (id, customer_id) VALUES ({o}, {c}) ON CONFLICT (id) DO UPDATE"
        " SET total = orders.total + 1"
    ),
    "INSERT INTO customers VALUES (3, '{e}') ON CONFLICT DO NOTHING",
    "INSERT INTO customers (id, email) VALUES ({c} + 2, '{e}')",
    "INSERT INTO log (what) VALUES ('{e}')",
    (
        "INSERT INTO counters VALUES ('{k}', 1) ON CONFLICT (name) DO UPDATE SET n = counters.n + 1"
        " RETURNING n"
    ),
    "INSERT INTO parts VALUES ({o}, {c})",
    "SELECT id FROM parts WHERE shop = {c} ORDER BY id",
    "SELECT id FROM parts_1 ORDER BY id",
    "UPDATE parts SET shop = {c} WHERE id = {o}",
    "DELETE FROM parts WHERE shop = {c}",
    "DELETE FROM payments WHERE order_id = {o}",
    "DELETE FROM orders WHERE id = {o}",
    "DELETE FROM customers WHERE id = {c}",
    (
        "MERGE INTO counters t USING (VALUES ('{k}')) v(name) ON t.name = v.name"
        " WHEN MATCHED THEN UPDATE SET n = n + 1 WHEN NOT MATCHED THEN INSERT VALUES (v.name, 0)"
    ),
    "LOCK TABLE payments IN SHARE ROW EXCLUSIVE MODE",
    "SELECT count(*) FROM log",
    "SELECT n FROM counters WHERE name = '{k}'",
)


def program(
    rng: random.Random, names: tuple[str, ...], longest: int = 3
) -> dict[str, tuple[str, ...]]:
    """What each session sends: a statement by itself, or a transaction.

    They have but a few statements and values to choose from, and so are likely to get into each
    other's way. ``longest`` bounds the statements of a transaction.
    """
    templates = rng.choices(TEMPLATES, k=rng.randint(1, 3))
    values = {name: rng.choices(options, k=2) for name, options in _VALUES.items()}
    level = rng.choice(_LEVELS)
    return {name: _script(rng, templates, values, level, longest) for name in names}


def _script(
    rng: random.Random,
    templates: list[str],
    values: dict[str, list[object]],
    level: str,
    longest: int,
) -> tuple[str, ...]:
    def statement() -> str:
        chosen = {name: rng.choice(options) for name, options in values.items()}
        return rng.choice(templates).format(**chosen)

    inside = [statement() for _ in range(rng.randint(1, longest))]
    if len(inside) == 1 and rng.random() < 0.3:
        return tuple(inside)
    if len(inside) > 1 and rng.random() < 0.15:
        inside = [inside[0], "SAVEPOINT s", *inside[1:], "ROLLBACK TO s"]
    end = "ROLLBACK" if rng.random() < 0.2 else "COMMIT"
    return (f"BEGIN{level}", *inside, end)
