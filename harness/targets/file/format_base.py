"""The part that all tables of a target file have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Command = Annotated[
    str | tuple[str, ...],
    Meta(description="A program and its arguments: one text split as a shell would, or a list."),
]
Status = Annotated[
    int | str | tuple[int | str, ...],
    Meta(description="An HTTP status (200), a class of them ('2xx'), or a list of both."),
]
Texts = dict[str, str]
NotNegative = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1, le=200)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]


class Table(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A table of the file: unknown keys are errors."""
