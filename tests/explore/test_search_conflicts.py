"""The index by which a search knows which footprints conflict says what they say themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint, Resource
from paidonce.harness.explore.search.happens_before import Footprints

PLACES = (
    (),
    ("pg",),
    ("pg", "a"),
    ("pg", "a", "key"),
    ("pg", "a", "rest"),
    ("pg", "a", "rest", "index"),
    ("pg", "b"),
    ("stripe",),
    ("stripe", "payment_intent"),
    ("service",),
)
keys = st.dictionaries(st.sampled_from(["id", "owner"]), st.sampled_from("12"), max_size=2)
resources = st.builds(
    Resource,
    place=st.sampled_from(PLACES),
    key=keys.map(lambda key: tuple(sorted(key.items()))),
    shared=st.booleans(),
)
some = st.frozensets(resources, max_size=2)
footprints = st.builds(Footprint, looks=some, locks=some, publishes=some)


@given(st.lists(footprints, min_size=2, max_size=12))
def test_the_index_agrees_with_the_footprints(found):
    known = Footprints()
    found = [LOCAL, EVERYTHING, *found]
    numbers = [known.number(footprint) for footprint in found]
    for one, mine in zip(numbers, found, strict=True):
        expected = {n for n, other in zip(numbers, found, strict=True) if mine.conflicts(other)}
        assert known.against(one) == expected
        assert {n for n in numbers if known.conflict(one, n)} == expected


def test_equal_footprints_have_one_number():
    known = Footprints()
    one, other = (Footprint(looks=frozenset({Resource(("pg", "a"))})) for _ in range(2))
    assert known.number(one) == known.number(other)
    assert known.number(LOCAL) != known.number(one)


def test_rows_that_are_only_read_meet_nobody():
    known = Footprints()
    for row in range(300):
        key = (("id", str(row)),)
        number = known.number(Footprint(looks=frozenset({Resource(("pg", "products"), key)})))
        assert known.against(number) == set()
