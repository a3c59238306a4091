"""Values without a name are noticed, whichever way another execution comes upon them."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import msgspec
import pytest
from toy_worlds import Programs, ToyWorld, ToyWorlds, harmless, verdict

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.search import DepthFirst, Ending, Reduced, search
from paidonce.harness.explore.search.alike import alike
from paidonce.harness.explore.search.unnamed import Unnamed, compared, differing

ORDERS = ("pg", "public.orders")
LOST_UPDATE: Programs = {
    "a": (("read", "x"), ("add", "x")),
    "b": (("read", "x"), ("add", "x")),
}


def rows(*keys: dict[str, str], shared: bool = False) -> Footprint:
    return Footprint(
        publishes=frozenset(Resource(ORDERS, tuple(sorted(key.items())), shared) for key in keys)
    )


class Anew(ToyWorlds):
    """What is called x is another thing in each execution, and has no name unless it is learnt."""

    def __init__(self, programs: Programs) -> None:
        super().__init__(programs)
        self.names = Names({})

    async def fresh(self) -> Any:
        await super().fresh()
        return _AnewWorld(self.programs, self, self.begun)


class _AnewWorld(ToyWorld):
    def __init__(self, programs: Programs, worlds: Anew, number: int) -> None:
        super().__init__(programs, worlds)
        self._told = worlds.names
        self._number = number

    def pending(self) -> Any:
        return tuple(
            msgspec.structs.replace(one, footprint=self._named(one.footprint))
            for one in super().pending()
        )

    async def step(self, actor: str) -> Any:
        taken = await super().step(actor)
        return msgspec.structs.replace(taken, footprint=self._named(taken.footprint))

    def _named(self, footprint: Footprint) -> Footprint:
        def other(resources: frozenset[Resource]) -> frozenset[Resource]:
            return frozenset(
                Resource(one.place, tuple((c, f"{v}{self._number}") for c, v in one.key))
                for one in resources
            )

        renamed = Footprint(
            other(footprint.looks), other(footprint.locks), other(footprint.publishes)
        )
        return self._told.footprint("", renamed)


@pytest.mark.parametrize(
    "programs", [LOST_UPDATE, {"a": (("write", "x", 1),), "b": (("write", "x", 2),)}]
)
def test_a_search_never_relies_on_values_that_differ_from_execution_to_execution(
    programs: Programs,
) -> None:
    """The second way is seen only by who sleeps: no step is repeated in it."""
    worlds = Anew(programs)
    with pytest.raises(Unnamed) as raised:
        asyncio.run(search([worlds], harmless, Reduced(), learns=True))
    assert raised.value.columns == {(("toy",), "name")}
    assert not worlds.open
    unlearnt = asyncio.run(search([Anew(programs)], harmless, Reduced()))
    assert unlearnt.ending is Ending.INCOMPLETE
    assert "toy had name = 'x1' and has 'x" in unlearnt.invalid[0]
    assert "[[prepare]] capture it" in unlearnt.invalid[0]

    worlds.names = Names({}, unnamed=raised.value.columns)
    result = asyncio.run(search([worlds], harmless, Reduced(), learns=True))
    everything = asyncio.run(search([ToyWorlds(programs)], harmless, DepthFirst()))
    assert result.ending is Ending.COMPLETE
    assert set(result.outcomes) == set(everything.outcomes)


def test_without_a_key_a_race_is_found_as_ever() -> None:
    def lost(outcome: Any) -> Any:
        return verdict(dict(outcome[0])["x"] != 2)

    worlds = Anew(LOST_UPDATE)
    worlds.names = Names({}, unnamed={(("toy",), "name")})
    found = asyncio.run(search([worlds], lost, Reduced(), learns=True))
    assert found.ending is Ending.COUNTEREXAMPLE


def test_only_what_differs_in_values_alone_is_without_a_name() -> None:
    def columns(known: Footprint, now: Footprint) -> set[tuple[str, str | None, str | None]]:
        return {(name, before, value) for _, name, before, value in differing(known, now)}

    known = rows({"id": "1", "number": "A-17"}, {"id": "2"})
    assert columns(known, rows({"id": "1", "number": "A-18"})) == {("number", "A-17", "A-18")}
    assert columns(known, rows({"id": "1"})) == {("number", "A-17", None)}
    assert columns(known, known) == set()
    assert columns(known, rows({"id": "2", "number": "B"})) == set(), "part of what was known"
    assert columns(rows(), rows({"id": "1"})) == set(), "it touches more"
    assert columns(known, rows({"id": "1", "number": "A-18"}, shared=True)) == set()
    assert columns(known, rows({"id": "1", "owner": "7"})) == set(), "another sort of thing"
    elsewhere = Footprint(publishes=frozenset({Resource(("pg", "public.carts"))}))
    assert columns(known, elsewhere) == set()
    assert columns(known, rows({"id": "1", "number": "A-18"}).union(elsewhere)) == set()


def test_what_is_expected_of_stripe_may_say_less_than_what_it_tells() -> None:
    wallet, new = ("stripe", "object", "wallet"), ("stripe", "object", "new")
    told = Footprint(
        publishes=frozenset(
            {
                Resource(wallet, (("customer", "tab 1#1"),)),
                Resource(new, (("collection", "charges"), ("maker", "tab 1 1"))),
            }
        )
    )
    expected = Footprint(
        publishes=frozenset(
            {Resource(wallet), Resource(new, (("maker", "tab 1 1"), ("type", "charge")))}
        )
    )
    compared("tab 1", told, expected, expected=True)
    other = Footprint(publishes=frozenset({Resource(wallet, (("customer", "tab 2#1"),))}))
    with pytest.raises(Unnamed):
        compared("tab 1", told, other, expected=True)


def test_what_has_no_name_is_learnt_from_another_process_as_well() -> None:
    found = Unnamed("step 2: tab 1", frozenset({(ORDERS, "number")}), "it had A and has B")
    sent = pickle.loads(pickle.dumps(found))
    assert (sent.columns, str(sent)) == (found.columns, str(found))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('postgres SAVEPOINT "s140234_x1"', 'postgres SAVEPOINT "s7139_x2"'),
        ("postgres DECLARE _curs_139_sync_1 CURSOR", "postgres DECLARE _curs_140_sync_2 CURSOR"),
        ("postgres DROP TABLE tmp_9f8e7d6c", "postgres DROP TABLE tmp_0a1b2c3d"),
        ("postgres SAVEPOINT s9; SELECT a, …", "postgres SAVEPOINT s123; SELECT …"),
        ("start", "start"),
    ],
)
def test_labels_may_differ_in_numbers(one: str, other: str) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("postgres SELECT ? FROM orders", "postgres SELECT ? FROM payments"),
        ("postgres COMMIT", "postgres ROLLBACK"),
        ("postgres SELECT decade", "postgres SELECT facade"),
        ("stripe refund.create", "stripe refund.cancel …"),
    ],
)
def test_labels_that_say_something_else_are_not_alike(one: str, other: str) -> None:
    assert not alike(one, other)
