"""Names for what a service makes up as it goes: ids, keys and tokens differ in every execution.

Two executions can be compared only if what is the same in both has the same name in both. A
generated value is named after the actor in whose step it was first seen and its number among
the values first seen there: ``tab 1#2``. That is stable across schedules, because what one actor
makes up depends on its own past alone. Values known before the attempts start (the order's id)
are given names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.explore.footprint import Footprint, Resource

# What generated values look like: UUIDs, Stripe's ids, long hexadecimal or base-64 tokens. A
# word of a language is shorter, or has no digit in it.
_GENERATED = re.compile(
    r"""
      [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
    | \b(?:pi|ch|re|py|pm|cus|evt|req|seti|txn|src|tok)_[A-Za-z0-9_]{8,}
    | \b(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}\b
    """,
    re.VERBOSE,
)


class Names:
    """The names given in one execution."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._names = dict(known)
        self._counts: dict[str, int] = {}

    def text(self, actor: str, text: str) -> str:
        """``text`` with every generated value in it replaced by its name."""
        if text in self._names:
            return self._names[text]
        return _GENERATED.sub(lambda found: self._name(actor, found.group()), text)

    def seen(self, text: str) -> str:
        """``text`` by its name if it has one; gives none, so that looking changes nothing."""
        return self._names.get(text, text)

    def resource(self, actor: str, resource: Resource) -> Resource:
        """``resource`` with the values of its key replaced by their names."""
        if not resource.key:
            return resource
        key = tuple((column, self.text(actor, value)) for column, value in resource.key)
        return Resource(resource.place, key, resource.shared)

    def footprint(self, actor: str, footprint: Footprint) -> Footprint:
        """``footprint`` with the values of all keys replaced by their names."""
        if footprint.empty:
            return footprint
        return Footprint(
            self._resources(actor, footprint.looks),
            self._resources(actor, footprint.locks),
            self._resources(actor, footprint.publishes),
        )

    def _resources(self, actor: str, resources: frozenset[Resource]) -> frozenset[Resource]:
        # In an order that does not depend on the values: the first seen gets the first name.
        ordered = sorted(resources, key=lambda r: (r.place, tuple(column for column, _ in r.key)))
        return frozenset(self.resource(actor, found) for found in ordered)

    def _name(self, actor: str, value: str) -> str:
        name = self._names.get(value)
        if name is None:
            number = self._counts.get(actor, 0) + 1
            self._counts[actor] = number
            name = self._names[value] = f"{actor}#{number}"
        return name
