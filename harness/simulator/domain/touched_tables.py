"""The tables of a world that take notes, for ``touched``: sets of ids, sums, lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

Thing = tuple[str, str]
"""A kind and an id."""


class Touched:
    """The objects that one call came upon."""

    __slots__ = ("added", "changes", "listed", "looks", "made")

    def __init__(self) -> None:
        self.looks: set[Thing] = set()
        self.changes: set[Thing] = set()
        self.made: dict[Thing, None] = {}
        self.added: set[str] = set()
        self.listed: set[str] = set()

    def text(self) -> str:
        """All of it as JSON."""
        made = self.made.keys()
        return msgspec.json.encode(
            {
                "looks": sorted(self.looks - self.changes - made),
                "changes": sorted(self.changes - made),
                "made": list(made),
                "added": sorted(self.added),
                "listed": sorted(self.listed),
            }
        ).decode()


class Ids(set[str]):
    """A set of ids, each of which says something of the thing that ``whose`` names."""

    def __init__(self, under: set[str], touched: Touched, whose: Callable[[str], Thing]) -> None:
        super().__init__()
        self._under, self._touched, self._whose = under, touched, whose

    def __contains__(self, identifier: object) -> bool:
        self._touched.looks.add(self._whose(str(identifier)))
        return identifier in self._under

    def __bool__(self) -> bool:
        for identifier in self._under:
            self._touched.looks.add((self._whose(identifier)[0], ""))
        return bool(self._under)

    def add(self, identifier: str) -> None:
        self._touched.changes.add(self._whose(identifier))
        self._under.add(identifier)

    def discard(self, identifier: object) -> None:
        if identifier in self:
            self._touched.changes.add(self._whose(str(identifier)))
            self._under.remove(str(identifier))


class Amounts(dict[str, int]):
    """Sums of money, each of which belongs to the thing that ``whose`` names."""

    def __init__(
        self, under: dict[str, int], touched: Touched, whose: Callable[[str], Thing]
    ) -> None:
        super().__init__()
        self._under, self._touched, self._whose = under, touched, whose

    def get(self, name: str, default: Any = None) -> Any:
        self._touched.looks.add(self._whose(name))
        return self._under.get(name, default)

    def __setitem__(self, name: str, amount: int) -> None:
        self._touched.changes.add(self._whose(name))
        self._under[name] = amount


class Lists(defaultdict[str, list[str]]):
    """Lists of ids, each of which belongs to the thing that ``whose`` names."""

    def __init__(
        self,
        under: defaultdict[str, list[str]],
        touched: Touched,
        whose: Callable[[str], Thing],
    ) -> None:
        super().__init__(list)
        self._under, self._touched, self._whose = under, touched, whose

    def __getitem__(self, identifier: str) -> list[str]:
        thing = self._whose(identifier)
        self._touched.looks.add(thing)
        return _OneList(self._under[identifier], self._touched, thing)

    def get(self, identifier: str, default: Any = None) -> Any:
        self._touched.looks.add(self._whose(identifier))
        return self._under.get(identifier, default)


class _OneList(list[str]):
    """A list of ids that belongs to ``thing``."""

    def __init__(self, under: list[str], touched: Touched, thing: Thing) -> None:
        super().__init__(under)
        self._under, self._touched, self._thing = under, touched, thing

    def append(self, identifier: str) -> None:
        self._touched.changes.add(self._thing)
        self._under.append(identifier)

    def remove(self, identifier: str) -> None:
        self._touched.changes.add(self._thing)
        self._under.remove(identifier)
