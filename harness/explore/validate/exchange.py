"""Exchanges attempts that are taken to be interchangeable."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping

from paidonce.harness.explore.validate.claims import Claims, Kept
from paidonce.harness.explore.validate.lab import Exchanged, Lab, Refutation
from paidonce.harness.explore.validate.stories import stories
from paidonce.harness.explore.validate.trial import Trial, in_order


class Exchanges:
    """``twins`` names for each attempt another that does the same."""

    def __init__(self, claims: Claims, lab: Lab, twins: Mapping[str, str]) -> None:
        self._claims = claims
        self._lab = lab
        self.twins = tuple(sorted(twins.items()))
        self.confirmed: set[tuple[str, str]] = set()

    async def try_all(self) -> Refutation | None:
        """Until each was tried, the time is over, or one is wrong."""
        for one, other in self.twins:
            kept = self._telling_apart(one, other)
            if kept is None or self._lab.spent:
                continue
            mapping = {one: other, other: one}
            schedule = tuple(mapping.get(actor, actor) for actor in kept.run.schedule)
            trial = await self._lab.make(lambda worlds, way=schedule: in_order(worlds, way))  # type: ignore[misc]
            if trial is None:
                continue
            if not self._exchanged(kept, trial, mapping):
                return Refutation(exchange=(other, one), found=self._lab.found)
            self.confirmed.add((one, other))
        return None

    def _telling_apart(self, one: str, other: str) -> Kept | None:
        """An execution that is another one for the one than for the other, if there is one."""
        runs = [kept for kept in self._claims.whole if {one, other} <= set(kept.actors)]
        for kept in runs:
            told = self._lab.told
            if told(kept.run.outcome, one) != told(kept.run.outcome, other):
                return kept
        return runs[0] if runs else None

    def _exchanged(self, kept: Kept, trial: Trial, mapping: Mapping[str, str]) -> bool:
        if trial.departed is not None:
            return False
        if not self._lab.same(self._lab.exchanged(kept.run.outcome, mapping), trial.outcome):
            return False
        before, after = stories(kept.run.taken), stories(trial.taken)
        return all(
            [renamed(chapter.kind, mapping) for chapter in story]
            == [chapter.kind for chapter in after.get(mapping.get(actor, actor), ())]
            for actor, story in before.items()
        )


def closed(
    outcomes: Iterable[Hashable], twins: Mapping[str, str], exchanged: Exchanged
) -> frozenset[Hashable]:
    """``outcomes``, and what they are with attempts exchanged that do the same."""
    known = set(outcomes)
    left = list(known)
    while left:
        outcome = left.pop()
        for one, other in twins.items():
            found = exchanged(outcome, {one: other, other: one})
            if found not in known:
                known.add(found)
                left.append(found)
    return frozenset(known)


def renamed(text: str, mapping: Mapping[str, str]) -> str:
    """``text`` with the attempts in it called something else, all at once."""
    names = sorted(mapping, key=len, reverse=True)
    pattern = "|".join(re.escape(name) for name in names)
    return re.sub(rf"(?<![\w])(?:{pattern})(?![\w])", lambda match: mapping[match.group()], text)
