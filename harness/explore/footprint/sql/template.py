"""A statement that was read, to be completed with the parameters of each time it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.effects import Effects
from paidonce.harness.explore.footprint.sql.glances import glances
from paidonce.harness.explore.footprint.sql.statement_footprint import Kind, StatementFootprint
from paidonce.harness.explore.footprint.sql.symbols import Params, Pattern


class Template:
    """A statement that was read, to be completed with parameters."""

    def __init__(
        self,
        kind: Kind,
        effects: Effects,
        *,
        snapshot: bool,
        node: Any = None,
        surely: Iterable[Pattern] = (),
        alone: str = "",
        row_seen: Iterable[Pattern] = (),
        row_changed: Iterable[Pattern] = (),
    ) -> None:
        self._several = glances(effects)
        self._found = [lock for lock in effects.fresh.values() if lock in effects.certain]
        self._surely = tuple(surely)
        self._row_seen, self._row_changed = tuple(row_seen), tuple(row_changed)
        effects = effects.whole()
        self._groups: list[Iterable[Pattern]] = [
            *(effects.looks, effects.locks, effects.writes, effects.at_once, effects.session),
            *(effects.stale, effects.tests, effects.deferred),
            *(effects.adds, effects.arrives, effects.goes),
        ]
        self._sure = tuple(effects.sure.items())
        self._commits = effects.commits
        self._kind: Kind = kind
        self._modifies = frozenset(effects.modifies)
        self._may_fail = effects.may_fail
        self._unsettles = effects.unsettles
        self._snapshot = snapshot
        self._node = node
        self._alone = alone
        patterns = [pattern for group in self._groups for pattern in group]
        patterns += [pattern for pair in self._sure for pattern in pair]
        patterns += [*self._row_seen, *self._row_changed]
        patterns += [pattern for glance in self._several for pattern in glance.patterns]
        same: dict[Pattern, Pattern] = {}
        self._groups = [
            [same.setdefault(pattern, pattern) for pattern in group] for group in self._groups
        ]
        self._distinct = tuple(same)
        constant = all(pattern.constant for pattern in patterns)
        self._only = self._bound(Params()) if constant else None

    def bound(self, params: Params) -> StatementFootprint:
        """Return the footprint with these parameters."""
        return self._only or self._bound(params)

    def _bound(self, params: Params) -> StatementFootprint:
        made = {id(pattern): pattern.bound(params) for pattern in self._distinct}
        looks, locks, writes, at_once, session, stale, tests, deferred, adds, arrives, goes = (
            frozenset([resource for pattern in group for resource in made[id(pattern)]])
            for group in self._groups
        )
        return StatementFootprint(
            kind=self._kind,
            looks=looks,
            locks=locks,
            writes=writes,
            at_once=at_once,
            session=session,
            modifies=self._modifies,
            may_fail=self._may_fail,
            snapshot=self._snapshot,
            unsettles=self._unsettles,
            stale=stale,
            sure=tuple(
                (frozenset(look.bound(params)), frozenset(lock.bound(params)))
                for look, lock in self._sure
            ),
            tests=tests,
            deferred=deferred,
            commits=self._commits,
            adds=adds,
            arrives=arrives,
            goes=goes,
            several=tuple(glance.bound(params) for glance in self._several),
            surely=_just_one(self._surely, params),
            surely_if_found=_just_one(self._found, params),
            row_seen=_just_one(self._row_seen, params),
            row_changed=_just_one(self._row_changed, params),
            node=self._node,
            alone=self._alone,
        )


def _just_one(patterns: Iterable[Pattern], params: Params) -> frozenset[Resource]:
    """Return the resources of those patterns that come to just one."""
    return frozenset(
        resources[0]
        for pattern in patterns
        if len(resources := pattern.bound(params)) == 1
        and len(resources[0].key) == len(pattern.key)
    )
