"""A request that may name what is not there, for ``seeding``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from paidonce.harness.simulator.domain.state import World


class NamingRequest:
    """A request that may name what is not there."""

    def __init__(self, world: World, method: str, path: str, form: Mapping[str, Any]) -> None:
        steps = path.split("/")[2:]
        nested = steps[0] in ("checkout", "test_helpers")
        self.world, self.form = world, form
        self.resource = "/".join(steps[:2]) if nested else steps[0]
        rest = steps[2:] if nested else steps[1:]
        self.identifier = rest[0] if rest and rest[0] != "search" else ""
        self.action = rest[1] if len(rest) > 1 else ""
        self.part = rest[2] if len(rest) > 2 else ""
        self.lists = method == "GET"

    def named(self) -> Iterator[tuple[str, str]]:
        """The parameters that are texts, at whatever depth, by their own names."""
        yield from texts(self.form)


def texts(form: Any) -> Iterator[tuple[str, str]]:
    inside = form.items() if isinstance(form, dict) else ()
    for name, value in inside:
        if isinstance(value, str):
            yield name, value
        elif name != "metadata":
            yield from texts(value)
    for each in form if isinstance(form, list) else ():
        yield from texts(each)


def missing(asked: NamingRequest, collection: Any, prefix: str, identifier: str) -> bool:
    """Return whether an object is to be made; the next one of ``prefix`` then has that id.

    Without an id it is to be made where a list would be empty.
    """
    if not identifier:
        return lists(asked, collection)
    if identifier in collection:
        return False
    asked.world.ids.give(prefix, identifier)
    return True


def lists(asked: NamingRequest, collection: Any) -> bool:
    """Return whether what is empty would be listed."""
    return asked.lists and not len(collection)


Maker = Callable[[NamingRequest, str], None]
"""Makes what a request names, and is told the id."""
