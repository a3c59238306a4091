"""A statement as it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Sent(Protocol):
    """A statement as it was run.

    ``sql`` is "" where it cannot be known. A parameter is None where it is null (its index is then
    in ``nulls``) or cannot be told.
    """

    @property
    def sql(self) -> str: ...

    @property
    def params(self) -> Sequence[str | None]: ...

    @property
    def nulls(self) -> Sequence[int]: ...


@dataclass(frozen=True)
class Query:
    """A ``Sent``, for those who have none."""

    sql: str
    params: Sequence[str | None] = ()
    nulls: Sequence[int] = ()
