"""What payment services are put together from, and random services made of that.

A guard is what a service does before it charges and after. Serially each of them lets the first
attempt pay and refuses the second, in some state that it keeps; which of them hold when attempts
overlap is not written here. That is what the truth is asked for.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace

from programme import Path, Service, Step


def sql(text: str, check: str = "") -> Step:
    return Step("sql", text, check)


def redis(*command: str, check: str = "") -> Step:
    return Step("redis", json.dumps(command), check)


def memory(what: str) -> Step:
    return Step("memory", what)


@dataclass(frozen=True)
class Guard:
    """Steps before the charge, after it, and whatever came of it."""

    before: tuple[Step, ...]
    after: tuple[Step, ...] = ()
    ends: tuple[Step, ...] = ()
    inside: bool = False
    """Whether it makes sense in a transaction only."""


ROW = "%(order)s"
UNPAID = f"SELECT id FROM orders WHERE id = {ROW} AND status = 'unpaid'"
LOCKS = (
    "",
    " FOR UPDATE",
    " FOR NO KEY UPDATE",
    " FOR SHARE",
    " FOR KEY SHARE",
    " FOR UPDATE NOWAIT",
    " FOR UPDATE SKIP LOCKED",
)

# Looks of a state, by the state; what is written after the charge makes the second look refuse.
_WRITES: dict[str, tuple[tuple[Step, ...], ...]] = {
    "status": (
        (sql(f"UPDATE orders SET status = 'paid' WHERE id = {ROW}"),),
        (sql(f"UPDATE orders SET status = 'paid' WHERE id = {ROW} AND status = 'unpaid'"),),
        (sql(f"UPDATE orders SET status = 'paid', version = version + 1 WHERE id = {ROW}", "row"),),
    ),
    "payments": (
        (sql(f"INSERT INTO payments (order_id, state) VALUES ({ROW}, 'live')"),),
        (
            sql(f"INSERT INTO payments (order_id, state) VALUES ({ROW}, 'new')"),
            sql(f"UPDATE payments SET state = 'live' WHERE order_id = {ROW}"),
        ),
    ),
    "once": (
        (sql(f"INSERT INTO payments_once (order_id, state) VALUES ({ROW}, 'live')"),),
        (
            sql(
                f"INSERT INTO payments_once (order_id, state) VALUES ({ROW}, 'live')"
                " ON CONFLICT DO NOTHING"
            ),
        ),
    ),
    "version": (
        (sql(f"UPDATE orders SET version = version + 1 WHERE id = {ROW}"),),
        (sql(f"UPDATE orders SET version = %(kept)s + 1 WHERE id = {ROW}"),),
        (sql(f"UPDATE orders SET version = version + 1 WHERE id = {ROW} AND version = 0", "row"),),
    ),
    "ledger": ((sql("INSERT INTO ledger (customer, amount) VALUES (1, -1)"),),),
    "redis": (
        (redis("SET", "paid:{order}", "1"),),
        (redis("SET", "paid:{order}", "1", "NX"),),
        (redis("INCR", "paid:{order}"),),
    ),
    "memory": ((memory("add"),),),
}
_LOOKS: dict[str, tuple[tuple[Step, ...], ...]] = {
    "status": (
        *((sql(UNPAID + lock, "row"),) for lock in LOCKS),
        (sql(f"SELECT status = 'unpaid' FROM orders WHERE id = {ROW}", "true"),),
        (sql(f"SELECT status = 'unpaid' FROM orders WHERE id = {ROW} FOR UPDATE", "true"),),
        (sql(f"SELECT id FROM unpaid WHERE id = {ROW}", "row"),),
        (sql(f"SELECT id FROM unpaid WHERE id = {ROW} FOR UPDATE", "row"),),
        (
            sql(
                "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer"
                f" WHERE o.id = {ROW} AND o.status = 'unpaid' FOR UPDATE OF c",
                "row",
            ),
        ),
        (
            sql(
                f"WITH held AS (SELECT id FROM orders WHERE id = {ROW} FOR UPDATE)"
                " SELECT o.status = 'unpaid' FROM orders o JOIN held ON held.id = o.id",
                "true",
            ),
        ),
        (
            sql(
                "SELECT status = 'unpaid' FROM orders WHERE id ="
                f" (SELECT id FROM orders WHERE id = {ROW} FOR UPDATE)",
                "true",
            ),
        ),
        (
            sql(
                f"SELECT status = 'unpaid' FROM (SELECT * FROM orders WHERE id = {ROW}"
                " FOR UPDATE) held",
                "true",
            ),
        ),
        (
            sql(
                f"SELECT o.status = 'unpaid' FROM (SELECT pg_advisory_xact_lock({ROW})) held,"
                f" orders o WHERE o.id = {ROW}",
                "true",
            ),
        ),
    ),
    "payments": (
        (sql(f"SELECT id FROM payments WHERE order_id = {ROW}", "no row"),),
        (sql(f"SELECT id FROM payments WHERE order_id = {ROW} FOR UPDATE", "no row"),),
        (sql(f"SELECT count(*) = 0 FROM payments WHERE order_id = {ROW}", "true"),),
        (sql(f"SELECT live({ROW}) = 0", "true"),),
        (sql(f"SELECT NOT o.paid FROM orders o WHERE o.id = {ROW}", "true"),),
        (sql(f"SELECT NOT o.paid FROM orders o WHERE o.id = {ROW} FOR UPDATE", "true"),),
        (
            sql(
                f"SELECT id FROM orders o WHERE id = {ROW} AND NOT EXISTS"
                " (SELECT FROM payments p WHERE p.order_id = o.id) FOR UPDATE",
                "row",
            ),
        ),
        (sql(f"SELECT ((o.id::text)::how_many).n = 0 FROM orders o WHERE o.id = {ROW}", "true"),),
        (sql(f"SELECT live_payments(o.id) = 0 FROM orders o WHERE o.id = {ROW}", "true"),),
    ),
    "once": (
        (sql(f"SELECT id FROM payments_once WHERE order_id = {ROW}", "no row"),),
        (sql(f"SELECT NOT EXISTS (SELECT FROM payments_once WHERE order_id = {ROW})", "true"),),
    ),
    "version": (
        (sql(f"SELECT version FROM orders WHERE id = {ROW} AND version = 0", "keep"),),
        (sql(f"SELECT version FROM orders WHERE id = {ROW} AND version = 0 FOR UPDATE", "keep"),),
    ),
    "ledger": (
        (sql("SELECT balance(1) >= 1", "true"),),
        (
            sql(
                "SELECT 1 + coalesce(sum(l.amount), 0) >= 1 FROM customers c"
                " LEFT JOIN ledger l ON l.customer = c.id WHERE c.id = 1",
                "true",
            ),
        ),
    ),
    "redis": (
        (redis("GET", "paid:{order}", check="no row"),),
        (redis("EXISTS", "paid:{order}", check="no row"),),
    ),
    "memory": ((memory("absent"),),),
}

# Locks that look at nothing.
_LOCKS: tuple[Guard, ...] = (
    *(
        Guard((sql(f"SELECT id FROM orders WHERE id = {ROW} FOR {strength}"),), inside=True)
        for strength in ("UPDATE", "NO KEY UPDATE", "SHARE")
    ),
    Guard((sql("SELECT id FROM customers WHERE id = 1 FOR UPDATE"),), inside=True),
    Guard(
        (
            sql(
                "SELECT id FROM customers WHERE id ="
                f" (SELECT customer FROM orders WHERE id = {ROW}) FOR UPDATE"
            ),
        ),
        inside=True,
    ),
    Guard((sql(f"SELECT pg_advisory_xact_lock({ROW})"),), inside=True),
    Guard((sql(f"SELECT pg_advisory_xact_lock_shared({ROW})"),), inside=True),
    Guard(
        (sql("SELECT pg_advisory_xact_lock(hashtextextended('order:{order}', 0))"),), inside=True
    ),
    Guard((sql(f"SELECT pg_try_advisory_xact_lock({ROW})", "true"),), inside=True),
    Guard(
        (sql(f"SELECT pg_advisory_lock({ROW})"),),
        ends=(sql(f"SELECT pg_advisory_unlock({ROW})"),),
    ),
    Guard(
        (sql(f"SELECT pg_advisory_lock({ROW})"),),
        after=(sql(f"SELECT pg_advisory_unlock({ROW})"),),
    ),
    Guard(
        (sql(f"SELECT pg_try_advisory_lock({ROW})", "true"),),
        ends=(sql(f"SELECT pg_advisory_unlock({ROW})"),),
    ),
    Guard((sql("LOCK TABLE payments IN SHARE ROW EXCLUSIVE MODE"),), inside=True),
    Guard((sql("LOCK TABLE payments IN SHARE MODE"),), inside=True),
    Guard(
        (sql(f"UPDATE orders SET owner = NULL WHERE id = {ROW} AND owner IS NULL"),), inside=True
    ),
    Guard((sql("UPDATE customers SET credit = credit WHERE id = 1"),), inside=True),
    Guard(
        (redis("SET", "lock:{order}", "1", "NX", check="row"),),
        ends=(),
        after=(redis("DEL", "lock:{order}"),),
    ),
)

# One statement, or a few, that win or lose.
_TAKE = "UPDATE orders SET status = 'processing' WHERE id = "
_CLAIMS: tuple[Guard, ...] = (
    Guard((sql(f"{_TAKE}{ROW} AND status = 'unpaid'", "row"),)),
    Guard((sql(f"{_TAKE}{ROW} AND status = 'unpaid' RETURNING id", "row"),)),
    Guard((sql(f"UPDATE unpaid SET status = 'processing' WHERE id = {ROW}", "row"),)),
    Guard((sql(f"{_TAKE}({UNPAID})", "row"),)),
    Guard((sql(f"{_TAKE}({UNPAID} FOR UPDATE)", "row"),)),
    Guard((sql(f"{_TAKE}({UNPAID} FOR UPDATE SKIP LOCKED)", "row"),)),
    Guard((sql(f"{_TAKE}({UNPAID}) AND status = 'unpaid'", "row"),)),
    Guard((sql(f"UPDATE orders SET status = 'processing' WHERE id IN ({UNPAID} LIMIT 1)", "row"),)),
    Guard(
        (
            sql(
                f"{_TAKE}{ROW} AND EXISTS (SELECT FROM orders o WHERE o.id = {ROW}"
                " AND o.status = 'unpaid')",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"WITH free AS ({UNPAID}) UPDATE orders o SET status = 'processing'"
                " FROM free WHERE o.id = free.id",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"WITH free AS ({UNPAID} FOR UPDATE) UPDATE orders o SET status = 'processing'"
                " FROM free WHERE o.id = free.id",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"MERGE INTO orders o USING ({UNPAID}) s ON o.id = s.id"
                " WHEN MATCHED THEN UPDATE SET status = 'processing'",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"MERGE INTO orders o USING (VALUES ({ROW}::bigint)) s (id) ON o.id = s.id"
                " WHEN MATCHED AND o.status = 'unpaid' THEN UPDATE SET status = 'processing'",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"MERGE INTO claims c USING (VALUES ({ROW}::bigint)) s (id) ON c.order_id = s.id"
                " WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'merged')",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(f"{_TAKE}{ROW} AND NOT EXISTS (SELECT FROM claims WHERE order_id = {ROW})", "row"),
            sql(f"INSERT INTO claims VALUES ({ROW}, 'x') ON CONFLICT DO NOTHING"),
        )
    ),
    Guard((sql(f"INSERT INTO claims VALUES ({ROW}, 'x')"),)),
    Guard((sql(f"INSERT INTO claims VALUES ({ROW}, %(token)s) ON CONFLICT DO NOTHING", "row"),)),
    Guard(
        (
            sql(
                f"INSERT INTO claims VALUES ({ROW}, 'x') ON CONFLICT (order_id)"
                " DO UPDATE SET token = excluded.token RETURNING (xmax = 0)",
                "true",
            ),
        )
    ),
    Guard(
        (
            sql(f"INSERT INTO claims VALUES ({ROW}, %(token)s) ON CONFLICT DO NOTHING"),
            sql(f"SELECT token = %(token)s FROM claims WHERE order_id = {ROW}", "true"),
        )
    ),
    Guard(
        (
            sql(
                f"INSERT INTO claims VALUES ({ROW}, %(token)s)"
                " ON CONFLICT (order_id) DO UPDATE SET token = excluded.token"
                " WHERE claims.token IS NULL",
                "row",
            ),
        )
    ),
    *(
        Guard(
            (
                sql(
                    f"INSERT INTO {table} SELECT {columns} WHERE NOT EXISTS"
                    f" (SELECT FROM {where} WHERE order_id = {ROW})",
                    "row",
                ),
            )
        )
        for table, columns, where in (
            ("payments (order_id, state)", f"{ROW}, 'live'", "payments"),
            ("payments_once (order_id, state)", f"{ROW}, 'live'", "payments_once"),
            ("claims", f"{ROW}, 'x'", "claims"),
        )
    ),
    Guard(
        (
            sql(
                f"INSERT INTO payments (order_id, state) SELECT id, 'live' FROM orders"
                f" WHERE id = {ROW} AND status = 'unpaid' FOR UPDATE",
                "row",
            ),
            sql(f"UPDATE orders SET status = 'processing' WHERE id = {ROW}"),
        ),
        inside=True,
    ),
    Guard(
        (
            sql(
                f"WITH taken AS ({_TAKE}{ROW} AND status = 'unpaid' RETURNING id)"
                " INSERT INTO payments (order_id, state) SELECT id, 'live' FROM taken",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"WITH before AS (SELECT FROM claims WHERE order_id = {ROW}), taken AS"
                f" (INSERT INTO claims VALUES ({ROW}, 'x') ON CONFLICT DO NOTHING)"
                " SELECT NOT EXISTS (SELECT FROM before)",
                "true",
            ),
        )
    ),
    Guard((sql(f"INSERT INTO payments_once (order_id, state) VALUES ({ROW}, 'live')"),)),
    Guard((sql(f"INSERT INTO payments_late (order_id) VALUES ({ROW})"),)),
    Guard((sql(f"INSERT INTO tries (order_id) VALUES ({ROW})"),)),
    Guard((sql(f"INSERT INTO counted (order_id) VALUES ({ROW})"),)),
    Guard((sql(f"UPDATE orders SET owner = %(token)s WHERE id = {ROW}", "row"),)),
    Guard((sql(f"INSERT INTO checked VALUES ({ROW})"),)),
    Guard((sql(f"INSERT INTO payments (order_id, state) VALUES ({ROW}::fresh_order, 'live')"),)),
    Guard((sql(f"INSERT INTO excluded_twice VALUES ({ROW})"),)),
    Guard((sql(f"INSERT INTO locked_tries VALUES ({ROW})"),)),
    Guard(
        (
            sql(
                f"INSERT INTO counters VALUES ({ROW}, 1) ON CONFLICT (order_id)"
                " DO UPDATE SET n = counters.n + 1 RETURNING n = 1",
                "true",
            ),
        )
    ),
    Guard(
        (
            sql(
                "INSERT INTO ledger (customer, amount) SELECT 1, -1 WHERE balance(1) >= 1",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                "INSERT INTO ledger (customer, amount) SELECT c.id, -1 FROM customers c"
                " WHERE c.id = 1 AND balance(c.id) >= 1 FOR UPDATE",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                "UPDATE customers SET credit = (SELECT credit FROM customers WHERE id = 1) - 1"
                " WHERE id = 1 AND (SELECT credit FROM customers WHERE id = 1) >= 1",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"{_TAKE}{ROW} AND NOT EXISTS (SELECT FROM of_orders WHERE order_id = {ROW})",
                "row",
            ),
            sql(f"INSERT INTO of_orders VALUES ({ROW})"),
        )
    ),
    Guard(
        (
            sql(
                f"UPDATE orders o SET status = 'processing' FROM ({UNPAID} FOR UPDATE SKIP LOCKED)"
                " free WHERE o.id = free.id",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                _TAKE + "{order} AND status = 'unpaid';"
                " INSERT INTO audit (what) VALUES ('processing')",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                "INSERT INTO payments (order_id, state) SELECT {order}, 'live' WHERE NOT EXISTS"
                " (SELECT FROM payments WHERE order_id = {order}); SELECT 1",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(
                f"DECLARE held CURSOR FOR {UNPAID} FOR UPDATE",
            ),
            sql("FETCH 1 FROM held", "row"),
            sql("UPDATE orders SET status = 'processing' WHERE CURRENT OF held", "row"),
        ),
        inside=True,
    ),
    Guard(
        (
            sql("SAVEPOINT here"),
            sql(f"SELECT status = 'unpaid' FROM orders WHERE id = {ROW} FOR UPDATE", "true"),
            sql("ROLLBACK TO here"),
        ),
        after=(sql(f"UPDATE orders SET status = 'paid' WHERE id = {ROW}"),),
        inside=True,
    ),
    Guard(
        (
            sql("SAVEPOINT here"),
            sql(f"SELECT status = 'unpaid' FROM orders WHERE id = {ROW} FOR UPDATE", "true"),
            sql("RELEASE here"),
        ),
        after=(sql(f"UPDATE orders SET status = 'paid' WHERE id = {ROW}"),),
        inside=True,
    ),
    Guard((sql(f"SELECT claim({ROW})", "true"),)),
    Guard((sql(f"SELECT claim_locked({ROW})", "true"),)),
    Guard((sql(f"SELECT claim_checked({ROW})", "true"),)),
    Guard((sql(f"CALL claim_proc({ROW}, NULL)", "true"),)),
    Guard((sql(f"CALL claim_once({ROW}, NULL)", "true"),)),
    Guard(
        (
            sql(
                "DO $$ BEGIN IF EXISTS (SELECT FROM payments WHERE order_id = {order})"
                " THEN RAISE EXCEPTION 'taken'; END IF;"
                " INSERT INTO payments (order_id, state) VALUES ({order}, 'live'); END $$"
            ),
        )
    ),
    Guard(
        (
            sql(
                "DO $$ BEGIN PERFORM FROM orders WHERE id = {order} FOR UPDATE;"
                " IF EXISTS (SELECT FROM payments WHERE order_id = {order})"
                " THEN RAISE EXCEPTION 'taken'; END IF;"
                " INSERT INTO payments (order_id, state) VALUES ({order}, 'live'); END $$"
            ),
        )
    ),
    *(
        Guard(
            (
                sql(
                    f"UPDATE jobs SET done = true WHERE id = (SELECT id FROM jobs WHERE order_id ="
                    f" {ROW} AND NOT done ORDER BY id LIMIT 1{lock})",
                    "row",
                ),
            )
        )
        for lock in ("", " FOR UPDATE", " FOR UPDATE SKIP LOCKED")
    ),
    Guard(
        (
            sql(
                "DELETE FROM jobs USING (SELECT id FROM jobs WHERE order_id ="
                f" {ROW} FOR UPDATE SKIP LOCKED LIMIT 1) free WHERE jobs.id = free.id RETURNING 1",
                "row",
            ),
        )
    ),
    Guard((sql("UPDATE customers SET credit = credit - 1 WHERE id = 1 AND credit >= 1", "row"),)),
    Guard(
        (
            sql("SELECT credit FROM customers WHERE id = 1 AND credit >= 1", "keep"),
            sql("UPDATE customers SET credit = %(kept)s - 1 WHERE id = 1", "row"),
        )
    ),
    Guard(
        (
            sql("SELECT credit FROM customers WHERE id = 1 AND credit >= 1", "keep"),
            sql("UPDATE customers SET credit = 0 WHERE id = 1 AND credit = %(kept)s", "row"),
        )
    ),
    Guard(
        (
            sql(f"SELECT version FROM orders WHERE id = {ROW} AND version = 0", "keep"),
            sql(
                f"UPDATE orders SET version = version + 1 WHERE id = {ROW} AND version = %(kept)s",
                "row",
            ),
        )
    ),
    Guard(
        (
            sql(f"SELECT version FROM orders WHERE id = {ROW} AND version = 0", "keep"),
            sql(
                f"UPDATE orders SET version = version + 1 WHERE id = {ROW} AND EXISTS"
                f" (SELECT FROM orders o WHERE o.id = {ROW} AND o.version = %(kept)s)",
                "row",
            ),
        )
    ),
    Guard((redis("SET", "claim:{order}", "1", "NX", check="row"),)),
    Guard((redis("SETNX", "claim:{order}", "1", check="row"),)),
    Guard((redis("HSETNX", "claims", "{order}", "1", check="row"),)),
    Guard((redis("SADD", "claims", "{order}", check="row"),)),
    Guard((redis("SET", "claim:{order}", "1", "GET", check="no row"),)),
    Guard(
        (
            redis("GET", "claim:{order}", check="no row"),
            redis("SET", "claim:{order}", "1"),
        )
    ),
    Guard(
        (
            redis("WATCH", "claim:{order}"),
            redis("GET", "claim:{order}", check="no row"),
            redis("MULTI"),
            redis("SET", "claim:{order}", "1"),
            redis("EXEC", check="row"),
        ),
        ends=(redis("UNWATCH"),),
    ),
    Guard(
        (
            redis("GET", "claim:{order}", check="no row"),
            redis("MULTI"),
            redis("SET", "claim:{order}", "1"),
            redis("EXEC", check="row"),
        )
    ),
    Guard(
        (
            redis(
                "EVAL",
                "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end"
                " redis.call('SET', KEYS[1], ARGV[1]) return 1",
                "1",
                "claim:{order}",
                "1",
                check="row",
            ),
        )
    ),
    Guard((memory("absent"), memory("add"))),
)

_NOISE: tuple[Step, ...] = (
    sql("SELECT 1"),
    sql("SELECT count(*) FROM audit"),
    sql("INSERT INTO audit (what) VALUES ('a request')"),
    sql(
        "SELECT o.id, c.credit FROM orders o JOIN customers c ON c.id = o.customer"
        f" WHERE o.id = {ROW}"
    ),
    sql("SELECT id FROM customers WHERE id = 1 FOR SHARE"),
    redis("GET", "settings"),
    sql(f"UPDATE orders SET owner = owner WHERE false AND id = {ROW}"),
)
_CHARGES: tuple[Step, ...] = (
    *(Step("charge", ""),) * 3,
    sql(f"INSERT INTO effects (order_id) VALUES ({ROW})"),
    sql(f"INSERT INTO effects (order_id) VALUES ({ROW})"),
)
_KEYED = Step("charge", "order-{order}")
_CANCEL = HANDS_OUT = sql(f"INSERT INTO effects (order_id) VALUES ({ROW})")
_STATES = ("status",) * 5 + ("payments",) * 4
_STATES += ("once", "version", "ledger", "redis", "memory")
_LEVELS = ("", "", "", "", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE")
_ENDS = ("COMMIT",) * 8 + ("COMMIT AND CHAIN", "COMMIT; BEGIN", "ROLLBACK AND CHAIN")


def service(seed: int) -> Service:
    """A random service; whether it makes sense serially is for the truth to say."""
    rng = random.Random(seed)
    level = rng.choice(("read committed",) * 6 + ("repeatable read", "serializable"))
    guards = [_guard(rng) for _ in range(rng.choice((1, 1, 1, 2)))]
    pay = _path(rng, guards, rng.choice(_CHARGES))
    if rng.random() < 0.15:
        other = _path(rng, [_like(rng, guard) for guard in guards], _CANCEL)
        return Service((pay, other), (0, 1), level)
    return Service((pay,), (0, 0), level)


def put_together(rng: random.Random, claims: tuple[Guard, ...], *, charge: bool = True) -> Service:
    """A random service around one of these claims, which charges unless the claim does."""
    level = rng.choice(("read committed",) * 6 + ("repeatable read", "serializable"))
    guards = [rng.choice(claims)]
    if rng.random() < 0.25:
        guards.insert(rng.randint(0, 1), _guard(rng))
    pay = _path(rng, guards, rng.choice(_CHARGES) if charge else None)
    if rng.random() < 0.15:
        other = _path(rng, guards, _CANCEL if charge else None)
        return Service((pay, other), (0, 1), level)
    return Service((pay,), (0, 0), level)


def _guard(rng: random.Random) -> Guard:
    if rng.random() < 0.5:
        return rng.choice(_CLAIMS)
    state = rng.choice(_STATES)
    look, write = rng.choice(_LOOKS[state]), rng.choice(_WRITES[state])
    if "%(kept)s" in write[0].text and look[0].check != "keep":
        write = _WRITES[state][0]
    early = rng.random() < 0.3
    return Guard((*look, *write)) if early else Guard(look, write)


def _like(rng: random.Random, guard: Guard) -> Guard:
    """A guard of another path by the same state: the same, or one that looks another way."""
    for looks in _LOOKS.values():
        if any(look[0] in guard.before for look in looks):
            return replace(guard, before=(*rng.choice(looks), *guard.before[1:]))
    return guard


def _path(rng: random.Random, guards: list[Guard], charge: Step | None) -> Path:
    before = [step for guard in guards for step in guard.before]
    after = [step for guard in reversed(guards) for step in guard.after]
    ends = [step for guard in guards for step in guard.ends]
    inside = any(guard.inside for guard in guards)
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        lock = rng.choice(_LOCKS)
        inside = inside or lock.inside
        place = 0 if rng.random() < 0.8 else rng.randint(0, len(before))
        before[place:place] = lock.before
        after += lock.after
        ends += lock.ends
    if rng.random() < 0.3:
        before.insert(rng.randint(0, len(before)), rng.choice(_NOISE))
    if rng.random() < 0.15:
        after.insert(rng.randint(0, len(after)), rng.choice(_NOISE))
    middle = [] if charge is None else [charge]
    if charge is not None and charge.op == "charge" and rng.random() < 0.08:
        middle = [_KEYED]
    if charge is not None and rng.random() < 0.1:
        middle = []
        after.append(charge)
    steps = [*before, *middle, *after]
    return Path(_in_transactions(rng, steps, inside), tuple(ends), retry=rng.random() < 0.3)


def guard_of(rng: random.Random) -> Guard:
    """A random guard."""
    return _guard(rng)


def like(rng: random.Random, guards: list[Guard]) -> list[Guard]:
    """Guards of another path by the same states."""
    return [_like(rng, guard) if rng.random() < 0.5 else guard for guard in guards]


def path_of(rng: random.Random, guards: list[Guard], effect: Step) -> Path:
    """A path that comes to ``effect`` once, kept by these guards."""
    return _path(rng, guards, effect)


def _in_transactions(rng: random.Random, steps: list[Step], inside: bool) -> tuple[Step, ...]:
    """The steps with transactions begun and ended among them."""
    if not inside and rng.random() < 0.5:
        return tuple(steps)
    begin = sql("BEGIN" + rng.choice(_LEVELS))
    size = len(steps)
    shape = rng.random()
    if shape < 0.5:
        return (begin, *steps, sql("COMMIT"))
    if shape < 0.75:
        cut = rng.randint(1, size)
        end = rng.choice(_ENDS)
        if end == "COMMIT" and rng.random() < 0.6:
            return (begin, *steps[:cut], sql("COMMIT"), *steps[cut:])
        again = () if end != "COMMIT" else (begin,)
        return (begin, *steps[:cut], sql(end), *again, *steps[cut:], sql("COMMIT"))
    first, last = sorted((rng.randint(0, size), rng.randint(0, size)))
    if first == last:
        return (begin, *steps, sql("COMMIT"))
    return (*steps[:first], begin, *steps[first:last], sql("COMMIT"), *steps[last:])
