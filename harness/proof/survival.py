"""The second matrix: searches each variant under each adversity, within a share of the time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.explore.exploration import WATCH_S, SearchRequest, explore, save
from paidonce.harness.explore.search import Budget
from paidonce.harness.proof.adversities import Only, Ordeal
from paidonce.harness.proof.cell_search import WITNESSES, not_searched, searched, unusable
from paidonce.harness.results.proof import Survival, Variant
from paidonce.harness.results.searched import Searched
from paidonce.harness.scenario.play import missing
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Lane, Stack
from paidonce.harness.verdict import Status

_SPENT = "its share of the time for failures was spent"
_EVEN = 2.0
"""One search may take so many times its even share of what is left: most need much less."""
_LEAST = 1 / 8
"""Or this part of all the time: a share that a search cannot end in is lost."""


@dataclass
class SurvivalSearch:
    """Searches ``variants`` under ``ordeals`` for ``seconds`` at most, on ``lanes`` at once."""

    variants: Sequence[Variant]
    ordeals: Sequence[Ordeal]
    out: Path
    seconds: float
    lanes: int = 1
    on_cell: Callable[[Survival], None] = lambda cell: None
    found: list[Survival] = field(default_factory=list)
    """The cells so far; in the end in the order of the variants and, of each, of the ordeals."""
    _deadline: float = 0.0

    async def run(self, stack: Stack) -> None:
        """Search all of it, as far as the time goes."""
        self._deadline = time.monotonic() + self.seconds
        queue = deque(self._tasks())
        lanes = stack.choice.lanes(min(self.lanes, len(queue)))
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(self._work(stack, queue))
        places = {name: n for n, name in enumerate(v.name for v in self.variants)}
        order = {ordeal.adversity.name: n for n, ordeal in enumerate(self.ordeals)}
        self.found.sort(key=lambda cell: (places[cell.variant], order[cell.adversity]))

    def _tasks(self) -> list[tuple[Variant, list[Ordeal]]]:
        """Return tasks for one running service each: those first that have something to find,
        since they end soon, and last what takes two attempts and finds nothing."""
        first = sorted(self.variants, key=lambda variant: variant.sound)
        tasks = [(variant, [o for o in self.ordeals if not _long(variant, o)]) for variant in first]
        tasks += [(variant, [o for o in self.ordeals if _long(variant, o)]) for variant in first]
        return [(variant, ordeals) for variant, ordeals in tasks if ordeals]

    async def _work(self, stack: Stack, queue: deque[tuple[Variant, list[Ordeal]]]) -> None:
        lane = await stack.lane(often=True)
        while queue:
            await self._variant(stack, lane, *self._next(queue))

    def _next(self, queue: deque[tuple[Variant, list[Ordeal]]]) -> tuple[Variant, list[Ordeal]]:
        """Take the next task: of those that take long first what took fewest executions so far,
        since a search that comes to no end must not keep others from theirs."""
        if not any(_long(queue[0][0], ordeal) for ordeal in queue[0][1]):
            return queue.popleft()
        task = min(queue, key=lambda one: self._executions(one[0]))
        queue.remove(task)
        return task

    def _executions(self, variant: Variant) -> int:
        """Return how many executions were made of a variant so far."""
        searches = [cell.search for cell in self.found if cell.variant == variant.name]
        under = [search.failures.executions for search in searches if search.failures is not None]
        return sum(search.explored for search in searches) + sum(under)

    async def _variant(
        self, stack: Stack, lane: Lane, variant: Variant, left: list[Ordeal]
    ) -> None:
        while left:
            if time.monotonic() >= self._deadline:
                reason = f"the {self.seconds:.3g} s for failures were spent before its turn"
                for ordeal in left:
                    self._tell(variant, ordeal, not_searched(reason))
                return
            try:
                async with stack.bench(lane, variant.name, {}, controlled_by=openers()) as bench:
                    background: set[str] | None = None
                    while left and time.monotonic() < self._deadline:
                        ordeal = left[0]
                        search, background = await self._search(bench, ordeal, background)
                        self._tell(variant, left.pop(0), search)
                        if search.invalid:
                            break  # what made it so may be in the way of the next one
            except PaidonceError as error:
                if left:
                    self._tell(variant, left.pop(0), unusable(error))

    async def _search(
        self, bench: Bench, ordeal: Ordeal, learnt: set[str] | None
    ) -> tuple[Searched, set[str]]:
        if (lacking := missing(ordeal.story, bench)) is not None:
            return not_searched(lacking), learnt or set()
        background = Background(learnt=set(learnt or ()))
        worlds = ServiceWorlds(ordeal.story, bench, background=background)
        request = SearchRequest(
            scenario=ordeal.story,
            variant=bench.variant,
            budget=Budget(seconds=self._share(), spent_words=_SPENT),
            watch=WATCH_S if learnt is None else 0.0,
            validation=None,
            warm_beside=True,
            faults=0 if ordeal.chosen is None else 1,
            both_orders=False,
            failing=None if ordeal.chosen is None else Only(ordeal.chosen),
        )
        try:
            explored = await explore([worlds], request)
        finally:
            await worlds.close()
        witness = save(explored, self.out / WITNESSES)
        return searched(explored, witness, self.out), set(background.learnt)

    def _share(self) -> float:
        left = max(0.0, self._deadline - time.monotonic())
        cells = len(self.variants) * len(self.ordeals) - len(self.found)
        even = _EVEN * left * self.lanes / max(cells, 1)
        return min(left, max(even, self.seconds * _LEAST))

    def _tell(self, variant: Variant, ordeal: Ordeal, search: Searched) -> None:
        expected = Status.INVALID if variant.name in ordeal.breaks else Status.VALID
        cell = Survival(
            variant=variant.name,
            adversity=ordeal.adversity.name,
            expected=expected,
            search=search,
        )
        self.found.append(cell)
        self.on_cell(cell)


def _long(variant: Variant, ordeal: Ordeal) -> bool:
    """Return whether a search takes long: several attempts, and nothing to be found."""
    return ordeal.chosen is None and variant.name not in ordeal.breaks
