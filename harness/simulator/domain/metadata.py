"""Metadata: what a request asks of it, and what it then is.

Source: https://docs.stripe.com/api/metadata.
"""

from __future__ import annotations

Metadata = dict[str, str]


NO_METADATA: Metadata = {}
"""Shared by all objects that have none: objects are never changed, and many have none."""


def merged(old: Metadata, changes: dict[str, str | None]) -> Metadata:
    """``old`` with ``changes`` laid over it; a None removes its key."""
    union = {**old, **changes}
    return {key: value for key, value in union.items() if value is not None}


def as_asked(old: Metadata, given: dict[str, str | None] | None) -> Metadata:
    """The metadata after a request: None leaves it, an empty one clears it, others are merged."""
    if given is None:
        return old
    return merged({} if given == {} else old, given)
