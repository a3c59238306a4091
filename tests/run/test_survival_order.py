"""The order in which variants are searched under adversities: what is dear keeps nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace

from paidonce.harness.proof import survival
from paidonce.harness.proof.adversities import Ordeal, crashes
from paidonce.harness.proof.survival import SurvivalSearch
from paidonce.harness.results.failures import PlanResult, UnderFailures
from paidonce.harness.results.proof import Adversity, Variant
from paidonce.harness.results.searched import How, Searched

COSTS = {"dear": 40, "cheap": 3, "middling": 20, "unsound": 90}
ORDEALS = (
    Ordeal(Adversity(name="crash", title="a crash"), None, crashes),
    Ordeal(Adversity(name="lease", title="a lease"), None, None, breaks=frozenset({"unsound"})),
)


def variant(name):
    return Variant(name=name, title=name, sound=name != "unsound")


class Stack:
    """In a stack's place: its benches know which variant they are of, and no more."""

    choice = SimpleNamespace(lanes=lambda wanted: 1)

    async def lane(self, *, often=False):
        return None

    @contextlib.asynccontextmanager
    async def bench(self, lane, name, settings, *, controlled_by):
        yield SimpleNamespace(variant=name)


class Counting(SurvivalSearch):
    """Makes no search, and says that each took what it costs."""

    async def _search(self, bench, ordeal, learnt):
        plans = (
            PlanResult(failures=("crash",), kinds=("crash",), executions=COSTS[bench.variant]),
        )
        under = UnderFailures(at_most=1, plans=plans) if ordeal.chosen else None
        return Searched(how=How.COMPLETE, explored=1, failures=under), set()


def test_of_long_searches_those_come_first_whose_others_were_short(monkeypatch):
    monkeypatch.setattr(survival, "openers", tuple)
    came = []
    search = Counting(
        [variant(name) for name in COSTS],
        ORDEALS,
        Path(),
        60.0,
        on_cell=lambda cell: came.append((cell.adversity, cell.variant)),
    )
    asyncio.run(search.run(Stack()))
    long = [name for adversity, name in came if adversity == "lease" and name != "unsound"]
    assert long == ["cheap", "middling", "dear"]
    assert came[-3:] == [("lease", name) for name in long], "what is short comes before"
    assert [cell.variant for cell in search.found][::2] == list(COSTS), "it is told in their order"
