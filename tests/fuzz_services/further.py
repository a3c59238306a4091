"""Further pieces of services: intents that are made and confirmed, what Stripe lists, queues, locks
in Redis, versions of rows; and attempts of which there are three.

They are put together as those of ``pieces`` are, so half of what a service does is from there.
"""

from __future__ import annotations

import random
from dataclasses import replace

from pieces import ROW, UNPAID, Guard, put_together, redis, sql
from programme import Service, Step

_ABSENT = Step("listed", "", "no row")
_INTENT, _KEYED_INTENT = Step("intent", ""), Step("intent", "order-{order}")
_CONFIRM = Step("confirm", "")
_PAID = sql(f"UPDATE orders SET status = 'paid' WHERE id = {ROW}")
_STORE = f"INSERT INTO claims VALUES ({ROW}, %(intent)s)"
_STORED = f"SELECT token FROM claims WHERE order_id = {ROW}"
_RELEASE = redis(
    "EVAL",
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
    "1",
    "lock:{order}",
    "{token}",
)
_JOB = "SELECT id FROM jobs WHERE NOT done ORDER BY id LIMIT 1"

CLAIMS: tuple[Guard, ...] = (
    # What Stripe lists is looked at, before or within a lock.
    Guard((_ABSENT,)),
    Guard((sql(f"SELECT id FROM orders WHERE id = {ROW} FOR UPDATE"), _ABSENT), inside=True),
    Guard((sql(f"{UNPAID} FOR UPDATE", "row"), _ABSENT), (_PAID,), inside=True),
    Guard(
        (sql(f"SELECT pg_advisory_lock({ROW})"), _ABSENT),
        ends=(sql(f"SELECT pg_advisory_unlock({ROW})"),),
    ),
    Guard((sql(f"SELECT pg_advisory_xact_lock({ROW})"), _ABSENT), inside=True),
    # A row by what is not its key.
    Guard(
        (sql("UPDATE orders SET status = 'processing' WHERE customer = 1 AND status = 'unpaid'"),)
    ),
    *(
        Guard(
            (sql("UPDATE orders SET status = 'processing' WHERE " + where, "row"),),
        )
        for where in (
            "customer = 1 AND status = 'unpaid'",
            "status = 'unpaid'",
            f"id = ANY (ARRAY[{ROW}::bigint]) AND status = 'unpaid'",
            f"id BETWEEN {ROW} AND {ROW} AND status = 'unpaid'",
            f"id + 0 = {ROW} AND status = 'unpaid'",
            f"id = {ROW} AND version = (SELECT min(version) FROM orders) AND status = 'unpaid'",
        )
    ),
    *(
        Guard(
            (sql(f"SELECT id FROM orders WHERE {where}{lock}", "row"),),
            (_PAID,),
            inside=True,
        )
        for where in ("customer = 1 AND status = 'unpaid'", "status = 'unpaid' ORDER BY id LIMIT 1")
        for lock in (" FOR UPDATE", " FOR UPDATE SKIP LOCKED")
    ),
    # Versions that the server keeps.
    *(
        Guard(
            (
                sql(f"SELECT {version} FROM orders WHERE id = {ROW} AND status = 'unpaid'", "keep"),
                sql(
                    f"UPDATE orders SET status = 'processing' WHERE id = {ROW}"
                    f" AND {version} = %(kept)s",
                    "row",
                ),
            )
        )
        for version in ("xmin::text", "ctid::text", "md5(orders::text)")
    ),
    # Made if it is not there, and then locked or looked at.
    Guard(
        (
            sql(f"INSERT INTO counters VALUES ({ROW}, 0) ON CONFLICT DO NOTHING"),
            sql(f"SELECT n = 0 FROM counters WHERE order_id = {ROW} FOR UPDATE", "true"),
        ),
        (sql(f"UPDATE counters SET n = n + 1 WHERE order_id = {ROW}"),),
        inside=True,
    ),
    Guard(
        (
            sql(f"INSERT INTO counters VALUES ({ROW}, 0) ON CONFLICT DO NOTHING"),
            sql(f"UPDATE counters SET n = n + 1 WHERE order_id = {ROW} AND n = 0", "row"),
        )
    ),
    Guard(
        (
            sql(f"INSERT INTO counters VALUES ({ROW}, 0) ON CONFLICT DO NOTHING"),
            sql(f"UPDATE counters SET n = n + 1 WHERE order_id = {ROW} RETURNING n = 1", "true"),
        )
    ),
    # A partial index, met by an UPDATE.
    Guard(
        (
            sql(f"INSERT INTO payments_once (order_id, state) VALUES ({ROW}, 'new')"),
            sql(f"UPDATE payments_once SET state = 'live' WHERE order_id = {ROW}"),
        )
    ),
    Guard(
        (
            sql(f"INSERT INTO payments_once (order_id, state) VALUES ({ROW}, 'new') RETURNING id"),
            sql(
                f"UPDATE payments_once SET state = 'live' WHERE order_id = {ROW} AND NOT EXISTS"
                f" (SELECT FROM payments_once WHERE order_id = {ROW} AND state = 'live')",
                "row",
            ),
        )
    ),
    # Jobs that are taken and done.
    *(
        Guard(
            (sql(_JOB + lock, "keep"),),
            (sql("UPDATE jobs SET done = true WHERE id = %(kept)s"),),
        )
        for lock in ("", " FOR UPDATE", " FOR UPDATE SKIP LOCKED")
    ),
    *(
        Guard(
            (
                sql(_JOB + lock, "keep"),
                sql("UPDATE jobs SET done = true WHERE id = %(kept)s AND NOT done", "row"),
            )
        )
        for lock in ("", " FOR UPDATE SKIP LOCKED")
    ),
    *(
        Guard((sql(f"DELETE FROM jobs WHERE id = ({_JOB}{lock}) RETURNING id", "row"),))
        for lock in ("", " FOR UPDATE", " FOR UPDATE SKIP LOCKED")
    ),
    Guard((sql(f"DELETE FROM jobs WHERE order_id = {ROW}", "row"),)),
    Guard(
        (
            sql(
                f"WITH taken AS ({_JOB} FOR UPDATE SKIP LOCKED) UPDATE jobs SET done = true"
                " FROM taken WHERE jobs.id = taken.id RETURNING jobs.id",
                "row",
            ),
        )
    ),
    # Levels that a transaction sets for itself.
    *(
        Guard((sql(f"SET TRANSACTION ISOLATION LEVEL {level}"), look), (_PAID,), inside=True)
        for level in ("REPEATABLE READ", "SERIALIZABLE", "READ COMMITTED")
        for look in (sql(UNPAID, "row"), sql(f"{UNPAID} FOR UPDATE", "row"))
    ),
    # Redis: counters, owners, locks that are let go of by whoever comes.
    Guard((redis("INCR", "tries:{order}", check="one"),)),
    Guard((redis("HINCRBY", "tries", "{order}", "1", check="one"),)),
    Guard((redis("APPEND", "tries:{order}", "x", check="one"),)),
    Guard((redis("GETSET", "paid:{order}", "1", check="no row"),)),
    Guard((redis("ZADD", "paid", "NX", "1", "{order}", check="row"),)),
    Guard((redis("LPUSH", "paid:{order}", "1", check="one"),)),
    Guard(
        (
            redis("SET", "lock:{order}", "{token}", "NX", check="row"),
            redis("GET", "paid:{order}", check="no row"),
        ),
        (redis("SET", "paid:{order}", "1"),),
        (_RELEASE,),
    ),
    Guard(
        (
            redis("SET", "lock:{order}", "{token}", "NX", check="row"),
            redis("GET", "paid:{order}", check="no row"),
        ),
        (redis("SET", "paid:{order}", "1"),),
        (redis("DEL", "lock:{order}"),),
    ),
    Guard(
        (
            redis("SET", "lock:{order}", "{token}", "NX", check="row"),
            sql(UNPAID, "row"),
        ),
        (_PAID,),
        (_RELEASE,),
    ),
    Guard(
        (
            redis("SET", "lock:{order}", "{token}", "NX", check="row"),
            sql(UNPAID, "row"),
        ),
        (_RELEASE, _PAID),
    ),
)
INTENTS: tuple[Guard, ...] = (
    # Made first; who stores it, or finds the other's, goes on to confirm it.
    Guard((sql(UNPAID, "row"), _INTENT, _CONFIRM), (_PAID,)),
    Guard((sql(UNPAID, "row"), _KEYED_INTENT, _CONFIRM), (_PAID,)),
    Guard((_KEYED_INTENT, _CONFIRM)),
    Guard((_INTENT, sql(_STORE), _CONFIRM)),
    Guard((_INTENT, sql(f"{_STORE} ON CONFLICT DO NOTHING", "row"), _CONFIRM)),
    Guard(
        (_INTENT, sql(f"{_STORE} ON CONFLICT DO NOTHING"), sql(_STORED, "intent"), _CONFIRM),
    ),
    Guard(
        (
            _INTENT,
            sql(
                f"{_STORE} ON CONFLICT (order_id) DO UPDATE SET token = claims.token"
                " RETURNING token",
                "intent",
            ),
            _CONFIRM,
        )
    ),
    Guard(
        (
            _INTENT,
            sql(
                f"{_STORE} ON CONFLICT (order_id) DO UPDATE SET token = excluded.token"
                " RETURNING token",
                "intent",
            ),
            sql(UNPAID, "row"),
            _CONFIRM,
        ),
        (_PAID,),
    ),
    Guard(
        (
            _INTENT,
            sql(f"{_STORE} ON CONFLICT DO NOTHING"),
            sql(f"{UNPAID} FOR UPDATE", "row"),
            _CONFIRM,
        ),
        (_PAID,),
        inside=True,
    ),
)


def further(seed: int) -> Service:
    """A random service with such pieces; whether it makes sense serially is for the truth."""
    rng = random.Random(seed)
    if rng.random() < 0.25:
        made = put_together(rng, INTENTS, charge=False)
    else:
        made = put_together(rng, CLAIMS)
    if rng.random() < 0.12:
        steps = sum(len(path.steps) for path in made.paths)
        if steps <= 8:
            return replace(made, attempts=(*made.attempts, 0))
    return made
