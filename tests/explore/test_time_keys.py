"""Keys with a time in them that two attempts have in common only while the clock shows the same."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from paidonce.harness.explore.control.time_keys import TimeKeys
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Column, Index, Table

ORDER = "5f0c1a9e-7d3b-4e57-9c55-0a1b2c3d4e5f"


def table(name: str, *columns: str, unique: tuple[str, ...], **defaults: str) -> Table:
    return Table(
        name=f"public.{name}",
        columns=tuple(Column(name=one, default=defaults.get(one)) for one in columns),
        unique=(Index(name=f"{name}_pkey", columns=unique, depends=frozenset(unique)),),
    )


CATALOG = Catalog(
    tables={
        one.name: one
        for one in (
            table("claims", "id", "note", unique=("id",)),
            table("buckets", "order_id", "minute", unique=("order_id", "minute")),
            table("days", "id", "day", unique=("id", "day"), day="CURRENT_DATE"),
        )
    }
)


Use = Callable[[TimeKeys, str], str | None]
"""An attempt, by name, uses a key; what is said of it."""


def stripe(key: str) -> Use:
    return lambda keys, actor: keys.idempotency(actor, key)


def sql(text: str, *params: str) -> Use:
    return lambda keys, actor: keys.statement(actor, text, params)


def redis(name: str, *args: str) -> Use:
    return lambda keys, actor: keys.command(actor, name, [one.encode() for one in args])


def told(use: Use, *read: str, beforehand: frozenset[str] = frozenset()) -> bool:
    """Whether it is told that two attempts share a key."""
    keys = TimeKeys(CATALOG, beforehand)
    keys.read(read)
    assert use(keys, "tab 1") is None
    assert use(keys, "tab 1") is None
    return use(keys, "tab 2") is not None


def stamp(form: str) -> str:
    return datetime.now(UTC).strftime(form)


def passed(seconds: int) -> str:
    return str(int(time.time()) // seconds)


FORMS = {
    "the minute": lambda: f"{ORDER}:{stamp('%Y%m%d%H%M')}",
    "the day": lambda: f"{ORDER}-{stamp('%Y-%m-%d')}",
    "the hour, written": lambda: f"{ORDER}:{stamp('%Y-%m-%dT%H')}",
    "minutes since 1970": lambda: f"{ORDER}:{passed(60)}",
    "five minutes since 1970": lambda: f"{passed(300)}/{ORDER}",
    "seconds": lambda: f"{ORDER}:{passed(1)}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_may_have_the_time_in_it(form: str):
    key = FORMS[form]()
    assert told(stripe(key))
    assert told(redis("SET", key, "1", "NX"))
    assert told(redis("HSETNX", "h", key, "1"))
    assert told(sql("INSERT INTO claims (id) VALUES ($1) ON CONFLICT DO NOTHING", key))
    assert told(sql(f"INSERT INTO claims (id) VALUES ('{key}')"))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO buckets VALUES ($1, date_trunc('minute', now()))",
        "INSERT INTO buckets (minute, order_id) SELECT date_trunc('hour', now()), $1",
        "INSERT INTO days (id, day) VALUES ($1, now()::date)",
        "INSERT INTO days (id, day) VALUES ($1, CURRENT_DATE)",
        "INSERT INTO days (id) VALUES ($1)",
        "INSERT INTO days (id, day) VALUES ($1, now()::date) "
        "ON CONFLICT (id, day) DO UPDATE SET note = 'again' RETURNING note",
        "INSERT INTO days (id, day) VALUES ($1, now()::date) "
        "ON CONFLICT (id, day) DO UPDATE SET note = 'again' WHERE days.note IS NULL",
        "INSERT INTO claims (id) VALUES ($1 || to_char(clock_timestamp(), 'YYYYMMDD'))",
    ],
)
def test_a_statement_may_cut_the_time(statement: str):
    assert told(sql(statement, ORDER))


@pytest.mark.parametrize(
    "use",
    [
        lambda: stripe(ORDER),
        lambda: stripe(f"{ORDER}:3"),
        lambda: stripe(f"{ORDER}:{time.time():.6f}"),
        lambda: stripe(f"{ORDER}:{int(time.time() * 1000)}"),
        lambda: stripe(f"{ORDER}:20010101"),
        lambda: redis("SET", f"seen:{stamp('%Y-%m-%d')}", "1"),
        lambda: redis("INCR", f"visits:{stamp('%Y%m%d')}"),
        lambda: sql("INSERT INTO claims (id, note) VALUES ($1, $2)", ORDER, stamp("%Y-%m-%d")),
        lambda: sql("INSERT INTO buckets VALUES ($1, now())", ORDER),
        lambda: sql(
            "INSERT INTO days (id, day) VALUES ('all', current_date) "
            "ON CONFLICT (id, day) DO UPDATE SET note = days.note || '.'"
        ),
        lambda: sql("UPDATE claims SET id = $1", stamp("%Y%m%d")),
        lambda: sql("INSERT INTO elsewhere (id) VALUES ($1)", stamp("%Y%m%d")),
    ],
)
def test_other_keys_have_none(use: Callable[[], Use]):
    assert not told(use())


def test_a_number_that_was_there_has_the_day_it_was_made():
    number = f"INV-{stamp('%Y%m%d')}-0001"
    pay = stripe(f"pay-{number}")
    assert told(pay)
    assert not told(pay, beforehand=frozenset({number}))
    assert not told(pay, number)
    # That an order was made today does not tell that the key speaks of it.
    assert told(pay, stamp("%Y-%m-%d %H:%M:%S.5+00"))


@pytest.mark.parametrize(
    "key",
    [
        lambda: hashlib.sha256(f"{ORDER}-{stamp('%Y%m%d%H')}".encode()).hexdigest(),
        lambda: "pay_" + hashlib.sha1(f"{passed(60)}:{ORDER}".encode()).hexdigest(),
        lambda: hashlib.md5(f"{ORDER}{stamp('%Y-%m-%d')}".encode()).hexdigest().upper(),
        lambda: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ORDER}|{passed(300)}")),
    ],
)
def test_a_key_may_be_a_hash_of_the_time(key: Callable[[], str]):
    known = frozenset({ORDER, "4990", "usd"})
    assert told(stripe(key()), beforehand=known)
    assert told(sql("INSERT INTO claims (id) VALUES ($1)", key()), beforehand=known)
    assert not told(stripe(key()))  # nothing is known that it may be made of


def test_a_hash_of_the_order_alone_has_no_time_in_it():
    known = frozenset({ORDER})
    assert not told(stripe(hashlib.sha256(ORDER.encode()).hexdigest()), beforehand=known)
    assert not told(stripe(str(uuid.uuid5(uuid.NAMESPACE_URL, ORDER))), beforehand=known)


def test_hashes_are_made_again_in_a_few_executions_only():
    tried: dict[str, int] = {}
    for _ in range(9):
        keys = TimeKeys(CATALOG, frozenset({ORDER}), tried)
        for actor in ("tab 1", "tab 2"):
            assert keys.idempotency(actor, "a" * 64) is None
    assert list(tried.values()) == [3]


def test_each_may_have_a_key_of_its_own():
    keys = TimeKeys(CATALOG)
    for actor in ("tab 1", "tab 2"):
        assert keys.idempotency(actor, f"{stamp('%Y%m%d')}-{actor}") is None
