"""Looks up the values a target file names: in the service's database, and at Stripe."""

from __future__ import annotations

import asyncio
import decimal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import psycopg

from paidonce.harness.capability import Capability
from paidonce.harness.errors import DeadlineExceeded, UsageError
from paidonce.harness.history import Note, Observed, Recorder
from paidonce.harness.targets.file.format import ObserveTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.placeholders import as_parameters, filled_deep, names_in
from paidonce.harness.targets.file.stripe_lists import listed
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.final_state import stripe_pages

QUERY_DEADLINE_S = 15.0

Value = int | float | str | bool


async def query_value(
    connection: psycopg.AsyncConnection[Any], query: str, values: Mapping[str, Any], where: str
) -> Value:
    """The one value a query gives.

    Raises ``UsageError`` naming ``where``: it is not accepted, or gives something else.
    """
    text, parameters = as_parameters(query, values, where)
    try:
        async with asyncio.timeout(QUERY_DEADLINE_S):
            cursor = await connection.execute(cast(Any, text), parameters or None)
            rows = await cursor.fetchmany(2) if cursor.description is not None else []
    except psycopg.Error as error:
        raise UsageError(f"{where}: Postgres does not accept {query!r}: {error}") from None
    except TimeoutError:
        raise DeadlineExceeded(f"an answer to {query!r} ({where})", QUERY_DEADLINE_S) from None
    if len(rows) != 1 or len(rows[0]) != 1:
        got = f"{len(rows)} rows" if len(rows) != 1 else f"{len(rows[0])} columns"
        got = "more than one row" if len(rows) > 1 else got
        raise UsageError(
            f"{where}: expected one value, got {got}; write count(*), max(…) or sum(…)"
        )
    value = rows[0][0]
    if value is None:
        raise UsageError(f"{where}: expected a value, got NULL; write coalesce(…, 0)")
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, int | float | str | bool) else str(value)


class Observer:
    """Observes on one bench; values are those of an execution, and of each of its attempts."""

    def __init__(self, bench: Bench, loaded: Loaded) -> None:
        self._bench = bench
        self._loaded = loaded
        self._file = loaded.file
        self._path = str(loaded.path)
        self._seen: set[str] = set()

    async def begin(self) -> None:
        """Remember what is at Stripe already, where that cannot be emptied."""
        if self._bench.reset is not None and self._loaded.reset(self._bench.variant).stripe:
            return
        if Capability.STRIPE_LEDGER in self._bench.capabilities:
            for kind in sorted({o.stripe for o in self._file.observe.values() if o.stripe}):
                async for stripe_object in stripe_pages(self._bench, *listed(kind)):
                    self._seen.add(stripe_object["id"])

    async def marks(self, values: Mapping[str, Any]) -> dict[str, Value]:
        """The values of ``[marks]``."""
        return {
            name: await query_value(
                self._bench.eyes, query, values, f"{self._path}, [marks], {name}"
            )
            for name, query in self._file.marks.items()
        }

    async def observe(
        self,
        journal: Recorder,
        names: Iterable[str],
        shared: Mapping[str, Any],
        own: Mapping[str, Mapping[str, Any]],
        *,
        before: bool = False,
        step: int | None = None,
    ) -> None:
        """Record the values of these names: of all attempts, or of each one by itself.

        ``shared`` is what there is for all, ``own`` what each attempt has. ``before`` and
        ``step`` are as in ``Observed``.
        """
        lists: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            observe = self._file.observe[name]
            used = set(names_in([observe.sql, observe.where]))
            per_attempt = any(used - set(shared))
            cases: dict[str | None, Mapping[str, Any]] = {None: shared}
            if per_attempt:
                cases = dict(own.items())
            for attempt, values in cases.items():
                value = await self._value(name, observe, values, lists)
                if value is None:
                    text = f"{name} was not observed: the Stripe in use has no ledger"
                    journal.record(Note(t=journal.now(), text=text))
                    break
                journal.record(
                    Observed(
                        t=journal.now(),
                        name=name,
                        value=value,
                        attempt=attempt,
                        before=before,
                        step=step,
                    )
                )

    async def _value(
        self,
        name: str,
        observe: ObserveTable,
        values: Mapping[str, Any],
        lists: dict[str, list[dict[str, Any]]],
    ) -> Value | None:
        where = f"{self._path}, [observe.{name}]"
        if observe.sql:
            return await query_value(self._bench.eyes, observe.sql, values, where)
        if Capability.STRIPE_LEDGER not in self._bench.capabilities:
            return None
        if observe.stripe not in lists:
            pages = stripe_pages(self._bench, *listed(observe.stripe))
            lists[observe.stripe] = [
                stripe_object
                async for stripe_object in pages
                if stripe_object["id"] not in self._seen
            ]
        wanted = filled_deep(observe.where, values, where)
        found = [one for one in lists[observe.stripe] if matches(one, wanted)]
        if not observe.sum:
            return len(found)
        return sum(_number(dig(one, observe.sum), observe.sum, where) for one in found)


def dig(data: Any, path: str) -> Any:
    """The value at a dotted path; None where it leads nowhere. Metadata keys may hold dots."""
    names = path.split(".", 1) if path.startswith("metadata.") else path.split(".")
    for name in names:
        if not isinstance(data, Mapping):
            return None
        data = data.get(name)
    return data


def matches(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether an object of Stripe's has the wanted values, by their dotted paths.

    A path may be written as tables in tables as well: that is how TOML reads ``metadata.order``
    where it stands without quotation marks.
    """
    return all(_equal(dig(found, path), value) for path, value in _paths(wanted, ""))


def _paths(wanted: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_equal(found, one) for one in wanted)
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found is not None and str(found) == str(wanted)


def _number(value: Any, field: str, where: str) -> int | float:
    if value is None:
        return 0
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise UsageError(f"{where}, sum: {field} of Stripe's object is not a number, but {value!r}")
