"""The enumerations of Postgres's parse trees, by their names in its headers (parsenodes.h)."""

from __future__ import annotations

import enum

from postgast import pg_query_pb2

ENUMS: dict[str, type[enum.IntEnum]] = {
    name: enum.IntEnum(  # type: ignore[misc]  # of names that are not known here
        name, {value.name: value.number - 1 for value in described.values if value.number}
    )
    for name, described in pg_query_pb2.DESCRIPTOR.enum_types_by_name.items()
}
"""By name. The numbers are C's: in protobuf 0 is what no tree has, and all others are one more."""

globals().update(ENUMS)
