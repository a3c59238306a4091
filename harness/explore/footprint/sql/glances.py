"""The looks of a statement as they are read: which it has, in which order (see ``looks``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.effects import ALL, Effects, Patterns
from paidonce.harness.explore.footprint.sql.looks import Look
from paidonce.harness.explore.footprint.sql.symbols import Params, Pattern


@dataclass(frozen=True)
class Glance:
    """A ``Look`` with parameters where it has values."""

    free: Patterns = field(default_factory=dict)
    kept: Patterns = field(default_factory=dict)
    some: Patterns = field(default_factory=dict)
    missing: Patterns = field(default_factory=dict)
    entries: Patterns = field(default_factory=dict)
    tested: Patterns = field(default_factory=dict)

    @property
    def patterns(self) -> list[Pattern]:
        """All there are in it."""
        groups = (self.free, self.kept, self.some, self.missing, self.entries, self.tested)
        return [pattern for group in groups for pattern in group]

    def bound(self, params: Params) -> Look:
        """The look with these parameters."""
        return Look(
            free=_bound(self.free, params),
            kept=_bound(self.kept, params),
            some=_bound(self.some, params),
            missing=_bound(self.missing, params),
            entries=_bound(self.entries, params),
            tested=_bound(self.tested, params),
        )


def glances(effects: Effects) -> list[Glance]:
    """Those of a statement, if it may have more than one."""
    found = list(_glances(effects))
    return found if len(found) > 1 else []


def _glances(effects: Effects) -> Iterator[Glance]:
    for glance in _in_order(effects):
        if glance.patterns:
            yield glance


def _in_order(effects: Effects) -> Iterator[Glance]:
    if effects.recursive:  # it may look at the same any number of times
        anything: Patterns = {ALL: None}
        yield Glance(free=anything)
        yield Glance(free=anything)
    locked = effects.kept | effects.again
    free = {look: None for look in effects.looks if look not in locked | effects.some}
    if effects.within:  # it has seen what it sees by itself before any of these begins
        yield Glance(free=free)
        free = {}
        for one in effects.within:
            yield from _in_order(one)
    yield Glance(
        free=free,
        kept=locked,
        some=effects.some,
        missing=effects.kept | effects.refers,
        entries=effects.entries,
        tested=effects.tests,
    )
    for one in effects.after:
        yield from _in_order(one)


def _bound(patterns: Patterns, params: Params) -> frozenset[Resource]:
    return frozenset(resource for pattern in patterns for resource in pattern.bound(params))
