"""Stripe's search query language, as far as payment intents go.

``status:'succeeded' AND metadata['order_id']:'o-1'``: clauses joined by AND (or a space) or by
OR but never both, ``-`` before a clause negates it, ``:`` is equality, ``~`` contains, and
numbers compare. Source: https://docs.stripe.com/search#search-query-language.

Unlike Stripe's, whose index lags by up to a minute, this search sees every write at once.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.objects import PaymentIntent

Predicate = Callable[[PaymentIntent], bool]

_NUMERIC = frozenset({"amount", "created"})
_TEXT = frozenset({"currency", "customer", "status"})

_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?
        (?P<field>[a-z_]+)
        (?:\[(?P<kq>['"])(?P<key>(?:\\.|(?!(?P=kq)).)*)(?P=kq)\])?
        \s*(?P<op>:|~|>=|<=|>|<)\s*
        (?:(?P<vq>['"])(?P<quoted>(?:\\.|(?!(?P=vq)).)*)(?P=vq)|(?P<bare>null|-?\d+))
        \s*""",
    re.VERBOSE,
)
_JOINER = re.compile(r"(AND|OR)\b", re.IGNORECASE)

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def compile_query(query: str) -> Predicate:
    """The predicate a query stands for. Raises ``Refused`` (400, ``query``) if it has none."""
    clauses: list[Predicate] = []
    joiners: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(query, position)
        if match is None:
            raise _invalid(query, f"expected a clause at position {position}")
        clauses.append(_clause(query, match))
        position = match.end()
        if position == len(query):
            break
        joiner = _JOINER.match(query, position)
        if joiner is not None:
            joiners.add(joiner.group(1).upper())
            position = joiner.end()
        else:
            joiners.add("AND")
    if len(joiners) > 1:
        raise _invalid(query, "AND and OR cannot be combined in one query")
    join = any if joiners == {"OR"} else all
    return lambda intent: join(clause(intent) for clause in clauses)


def _clause(query: str, match: re.Match[str]) -> Predicate:
    field, op = match["field"], match["op"]
    key = None if match["key"] is None else _unescaped(match["key"])
    quoted = None if match["quoted"] is None else _unescaped(match["quoted"])
    if (field == "metadata") != (key is not None):
        raise _invalid(query, "metadata, and only metadata, takes a key: metadata['key']:'value'")
    if field in _NUMERIC:
        test = _numeric(query, field, op, quoted if quoted is not None else match["bare"])
    elif field == "metadata" or field in _TEXT:
        test = _text(query, field, key, op, quoted, match["bare"])
    else:
        known = ", ".join(sorted(_NUMERIC | _TEXT | {"metadata"}))
        raise _invalid(query, f"field '{field}' cannot be searched; these can: {known}")
    if match["negated"]:
        return lambda intent: not test(intent)
    return test


def _numeric(query: str, field: str, op: str, value: str) -> Predicate:
    if op == "~" or not re.fullmatch(r"-?\d+", value):
        raise _invalid(query, f"'{field}' is compared with a whole number, by : > < >= <=")
    number, compare = int(value), _ORDER[op]
    return lambda intent: compare(getattr(intent, field), number)


def _text(
    query: str, field: str, key: str | None, op: str, value: str | None, bare: str | None
) -> Predicate:
    def read(intent: PaymentIntent) -> str | None:
        found = intent.metadata.get(key) if key is not None else getattr(intent, field)
        # Stripe matches text without regard to case.
        return None if found is None else str(found).casefold()

    if value is None and bare == "null" and op == ":":
        return lambda intent: read(intent) is None
    if value is None or op not in (":", "~"):
        raise _invalid(query, f"'{field}' takes : or ~ and a value in quotation marks")
    wanted = value.casefold()
    if op == ":":
        return lambda intent: read(intent) == wanted
    if len(value) < 3:
        raise _invalid(query, "~ needs at least three characters")
    return lambda intent: wanted in (read(intent) or "")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _invalid(query: str, problem: str) -> Refused:
    return Refused(
        400,
        f"We were unable to parse your search query `{query}`: {problem}. See "
        "https://stripe.com/docs/search#search-query-language for the query language.",
        param="query",
    )
