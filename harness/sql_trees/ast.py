"""The nodes of Postgres's parse trees: a class for each, with the fields of its C structure.

A field without a value is None where it is a node, a list or a text; lists are tuples, and texts,
numbers and enumerations are Python's. The names are Postgres's (parsenodes.h, primnodes.h).
"""

from __future__ import annotations

from typing import Any, ClassVar

from postgast import pg_query_pb2

_NO_NODES = {
    *("Node", "List", "IntList", "OidList", "ParseResult", "ScanResult", "ScanToken"),
    *("SummaryResult",),
}
_PLACES = frozenset({"location", "stmt_location", "stmt_len"})


class Node:
    """A node; two are equal if they say the same, wherever it stands in a text."""

    __slots__: ClassVar[tuple[str, ...]] = ()
    __hash__ = None  # type: ignore[assignment]  # nodes can be changed

    def __init__(self, **fields: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, fields.pop(name, None))
        assert not fields, f"{type(self).__name__} has no {', '.join(fields)}"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name)
            for name in self.__slots__
            if name not in _PLACES
        )

    def __repr__(self) -> str:
        fields = [f"{n}={v!r}" for n in self.__slots__ if (v := getattr(self, n)) is not None]
        return f"<{' '.join([type(self).__name__, *fields])}>"


def _slots(described: Any) -> tuple[str, ...]:
    """The fields of a message; a constant has one value, of whatever type."""
    if described.name == "A_Const":
        return ("isnull", "val", "location")
    return tuple(field.json_name for field in described.fields)


NODES: dict[str, type[Node]] = {
    name: type(name, (Node,), {"__slots__": _slots(described)})
    for name, described in pg_query_pb2.DESCRIPTOR.message_types_by_name.items()
    if name not in _NO_NODES
}
"""The classes by name."""

globals().update(NODES)
