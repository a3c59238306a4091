"""What is looked up in an index is what reading everything finds."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from paidonce.harness.simulator.domain.collection import Collection


class Thing(msgspec.Struct, frozen=True):
    id: str
    colour: str | None
    created: int = 0


def colour(thing: Thing) -> str | None:
    return thing.colour


steps = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["red", "blue", None])), max_size=40)


@settings(max_examples=200, deadline=None)
@given(before=steps, after=steps)
def test_an_index_follows_what_is_put(
    before: list[tuple[int, str | None]], after: list[tuple[int, str | None]]
) -> None:
    things: Collection[Thing] = Collection()
    for number, put in enumerate([*before, *after]):
        if number == len(before):
            things.having("colour", colour, "red")  # from here on there is an index
        things.put(Thing(f"t{put[0]}", put[1]))
    for wanted in ("red", "blue", "green"):
        read = [thing.id for thing in things if thing.colour == wanted]
        assert things.having("colour", colour, wanted) == read
