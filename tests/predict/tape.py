"""Writes down what an attempt did by hand, as its history would have it."""

from __future__ import annotations

import itertools

from paidonce.harness.explore.footprint.sql.catalog import Catalog, Column, ForeignKey, Index, Table
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.history import Effect
from paidonce.harness.predict import Solo
from paidonce.harness.taps.postgres import labels

ORDER = "0b8ad5a2-5b0e-4f6e-9c0a-6a1e7d1f4c11"


def _table(name, columns, unique=(), foreign=()):
    return Table(
        name=f"public.{name}",
        family=f"public.{name}",
        columns=tuple(Column(name=c, type=ColumnType(kind)) for c, kind in columns.items()),
        primary_key=("id",),
        unique=(
            Index(name=f"public.{name}_pkey", columns=("id",), depends=frozenset({"id"})),
            *unique,
        ),
        foreign_keys=foreign,
    )


def catalog(*indexes, isolation="read committed", ids="uuid"):
    """Orders, and payments of them with these unique indexes."""
    orders = {"id": ids, "status": "text", "amount": "int", "version": "int"}
    orders |= {"claimed_by": "uuid", "seen_at": "int", "fence": "int"}
    payments = {"id": "uuid", "order_id": ids, "state": "text", "amount": "int"}
    refers = ForeignKey(
        table="public.payments",
        columns=("order_id",),
        target="public.orders",
        target_columns=("id",),
    )
    tables = (_table("orders", orders), _table("payments", payments, indexes, (refers,)))
    return Catalog(
        tables={table.name: table for table in tables},
        builtin={
            "pg_advisory_xact_lock": "volatile",
            "pg_advisory_lock": "volatile",
            "pg_advisory_unlock": "volatile",
            "pg_advisory_unlock_all": "volatile",
            "hashtextextended": "immutable",
            "count": "immutable",
            "sum": "immutable",
        },
        isolation=isolation,
    )


def unique(*columns, predicate=None):
    """A unique index of payments."""
    depends = frozenset(columns) | ({"state"} if predicate else set())
    return Index(
        name="public.one_payment",
        columns=columns,
        depends=depends,
        plain=predicate is None,
        predicate=predicate,
    )


class Tape:
    """One attempt's effects, one after the other."""

    def __init__(self, name="tab"):
        self.name = name
        self._effects = []
        self._inside = set()
        self._clock = itertools.count(1)

    def sql(self, text, *params, rows=1, session=1, sample=None):
        """One statement; ``rows`` are those of its answer."""
        word = text.split()[0].upper()
        if word == "BEGIN":
            self._inside.add(session)
        elif word in ("COMMIT", "ROLLBACK"):
            self._inside.discard(session)
        what = {"SELECT": "SELECT", "UPDATE": "UPDATE", "DELETE": "DELETE"}.get(word)
        tag = f"{what} {rows}" if what else f"INSERT 0 {rows}" if word == "INSERT" else word
        answer = {
            "tags": [tag],
            "error": None,
            "rows": rows,
            "status": "T" if session in self._inside else "I",
        }
        if sample:
            answer |= {"columns": list(sample), "sample": [list(sample.values())]}
        request = {"session": session, "sql": [text], "params": [list(params)], "status": "I"}
        return self._add("postgres", labels.shortened(labels.normalised(text)), request, answer)

    def stripe(self, label="payment_intent.create", key=None, path="/v1/payment_intents", **params):
        request = {"method": "POST", "path": path, "params": params, "idempotency_key": key}
        return self._add("stripe", label, request, {"status": 200, "id": "pi_1"})

    def redis(self, command, *args, value="OK"):
        request = {"session": 1, "db": 0, "command": command, "args": list(args)}
        return self._add("redis", f"{command} {args[0]}", request, {"value": value})

    def _add(self, tap, label, request, answer):
        t = next(self._clock)
        self._effects.append(
            Effect(
                t=t,
                tap=tap,
                seq=t,
                label=label,
                began=t,
                attempt=self.name,
                request=request,
                answer=answer,
            )
        )
        return self

    def solo(self, order=ORDER):
        return Solo(self.name, tuple(self._effects), {order: "order 1"})
