"""Stripe's search query language, for the kinds of objects that it searches.

``status:'succeeded' AND metadata['order_id']:'o-1'``: clauses joined by AND (or a space) or by
OR but never both, ``-`` before a clause negates it, ``:`` is equality, ``~`` contains, and
numbers compare. Source: https://docs.stripe.com/search#search-query-language.

Clauses that ask for equality, joined by AND, are looked up in an index of the collection, which is
there from the first time on that it is asked for; what is left is read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from paidonce.harness.simulator.domain.collection import Collection
from paidonce.harness.simulator.domain.errors import Refused

Predicate = Callable[[Any], bool]
Read = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields by which one kind of object can be searched; metadata by its keys as well.

    Source: https://docs.stripe.com/search#query-fields-for-charges and what follows there.
    """

    numeric: frozenset[str]
    text: frozenset[str]
    nested: re.Pattern[str] | None = None
    """Fields further within, named by their path; a number needs no quotation marks there."""


FIELDS = {
    "payment_intent": Fields(
        frozenset({"amount", "created"}), frozenset({"currency", "customer", "status"})
    ),
    "charge": Fields(
        frozenset({"amount", "created"}),
        frozenset({"currency", "customer", "disputed", "refunded", "status"}),
        re.compile(
            r"billing_details\.address\.postal_code|payment_method_details\.[a-z0-9_]+\."
            r"(brand|exp_month|exp_year|fingerprint|last4)"
        ),
    ),
    "customer": Fields(frozenset({"created"}), frozenset({"email", "name", "phone"})),
    "product": Fields(
        frozenset(), frozenset({"active", "description", "name", "shippable", "url"})
    ),
    "subscription": Fields(frozenset({"created"}), frozenset({"status"})),
    "invoice": Fields(
        frozenset({"created", "total"}),
        frozenset(
            {
                *("currency", "customer", "number", "receipt_number", "status", "subscription"),
                *("last_finalization_error_code", "last_finalization_error_type"),
            }
        ),
    ),
    "price": Fields(
        frozenset(), frozenset({"active", "currency", "lookup_key", "product", "type"})
    ),
}


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """All that searches see: objects by their kind, as they were, and which were deleted."""

    objects: dict[str, Collection[Any]]
    deleted: Set[str]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query that was read: the objects that match, and where to look for them."""

    matches: Predicate
    equal: tuple[tuple[str, Read, str], ...] = ()
    """Equalities that all that match have: the name of a field, how it is read, and its value."""

    def among(self, collection: Collection[Any]) -> list[str] | None:
        """The ids among which all that match are, oldest first; None where any may."""
        found = [collection.having(*one) for one in self.equal]
        return min(found, key=len, default=None)


_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?
        (?P<field>[a-z_]+(?:\.[a-z0-9_]+)*)
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


def read_query(query: str, kind: str) -> SearchQuery:
    """The query for objects of ``kind``. Raises ``Refused`` (400, ``query``) if it has none."""
    clauses: list[SearchQuery] = []
    joiners: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(query, position)
        if match is None:
            raise _invalid(query, f"expected a clause at position {position}")
        clauses.append(_clause(query, match, FIELDS[kind]))
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
    tests = [clause.matches for clause in clauses]
    if joiners == {"OR"}:
        return SearchQuery(lambda item: any(test(item) for test in tests))
    equal = tuple(one for clause in clauses for one in clause.equal)
    return SearchQuery(lambda item: all(test(item) for test in tests), equal)


def _clause(query: str, match: re.Match[str], fields: Fields) -> SearchQuery:
    field, op = match["field"], match["op"]
    key = None if match["key"] is None else _unescaped(match["key"])
    quoted = None if match["quoted"] is None else _unescaped(match["quoted"])
    if (field == "metadata") != (key is not None):
        raise _invalid(query, "metadata, and only metadata, takes a key: metadata['key']:'value'")
    if field in fields.numeric:
        test = SearchQuery(
            _numeric(query, field, op, quoted if quoted is not None else match["bare"])
        )
    elif fields.nested is not None and fields.nested.fullmatch(field):
        value = match["bare"] if quoted is None and match["bare"] != "null" else quoted
        test = _text(query, field, None, op, value, match["bare"])
    elif field == "metadata" or field in fields.text:
        test = _text(query, field, key, op, quoted, match["bare"])
    else:
        known = ", ".join(sorted(fields.numeric | fields.text | {"metadata"}))
        raise _invalid(query, f"field '{field}' cannot be searched; these can: {known}")
    if match["negated"]:
        return SearchQuery(lambda item: not test.matches(item))
    return test


def _numeric(query: str, field: str, op: str, value: str) -> Predicate:
    if op == "~" or not re.fullmatch(r"-?\d+", value):
        raise _invalid(query, f"'{field}' is compared with a whole number, by : > < >= <=")
    number, compare = int(value), _ORDER[op]
    return lambda item: compare(getattr(item, field), number)


def _text(
    query: str, field: str, key: str | None, op: str, value: str | None, bare: str | None
) -> SearchQuery:
    def read(item: Any) -> str | None:
        found = item.metadata.get(key) if key is not None else _within(item, field)
        # Stripe matches text without regard to case.
        return None if found is None else str(found).casefold()

    if value is None and bare == "null" and op == ":":
        return SearchQuery(lambda item: read(item) is None)
    if value is None or op not in (":", "~"):
        raise _invalid(query, f"'{field}' takes : or ~ and a value in quotation marks")
    wanted = value.casefold()
    if op == ":":
        name = field if key is None else f"metadata[{key}]"
        return SearchQuery(lambda item: read(item) == wanted, ((name, read, wanted),))
    if len(value) < 3:
        raise _invalid(query, "~ needs at least three characters")
    return SearchQuery(lambda item: wanted in (read(item) or ""))


def _within(item: Any, field: str) -> Any:
    """Read a field; one that an object of this kind need not have is None where it is not there."""
    if field.startswith("last_finalization_error_"):
        field = field.replace("error_", "error.")
    first, *rest = field.split(".")
    found = getattr(item, first, None)
    for name in rest:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _invalid(query: str, problem: str) -> Refused:
    return Refused(
        400,
        f"We were unable to parse your search query `{query}`: {problem}. See "
        "https://stripe.com/docs/search#search-query-language for the query language.",
        param="query",
    )
