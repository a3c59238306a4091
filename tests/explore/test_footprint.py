"""Which footprints conflict."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowlock_table import CONFLICTS
from rowprograms import Mode

from paidonce.harness.explore.footprint.model import (
    EVERYTHING,
    KEY,
    LOCAL,
    REST,
    Footprint,
    Resource,
)

ROW = ("pg", "public.orders")
LOCKS: dict[Mode, Resource] = {
    "KEY SHARE": Resource((*ROW, KEY), shared=True),
    "SHARE": Resource(ROW, shared=True),
    "NO KEY UPDATE": Resource((*ROW, REST)),
    "UPDATE": Resource(ROW),
}

resources = st.builds(
    Resource,
    place=st.sampled_from([(), ("pg",), ROW, (*ROW, KEY), (*ROW, REST), (*ROW, REST, "i"), ("x",)]),
    key=st.dictionaries(st.sampled_from("ab"), st.sampled_from("12")).map(
        lambda key: tuple(sorted(key.items()))
    ),
    shared=st.booleans(),
)
sets = st.frozensets(resources, max_size=3)
footprints = st.builds(Footprint, looks=sets, locks=sets, publishes=sets)


@given(footprints, footprints)
def test_conflict_is_symmetric(one: Footprint, other: Footprint) -> None:
    assert one.conflicts(other) == other.conflicts(one)


@given(footprints, footprints, footprints)
def test_more_touched_means_no_fewer_conflicts(
    one: Footprint, more: Footprint, other: Footprint
) -> None:
    expected = one.conflicts(other) or more.conflicts(other)
    assert one.union(more).conflicts(other) == expected


@given(footprints)
def test_everything_and_nothing(one: Footprint) -> None:
    assert EVERYTHING.conflicts(one) != one.empty
    assert not LOCAL.conflicts(one)


@pytest.mark.parametrize(("held", "wanted"), list(itertools.product(LOCKS, repeat=2)))
def test_strengths_of_row_locks_meet_where_the_manual_says(held: Mode, wanted: Mode) -> None:
    one = Footprint(locks=frozenset({LOCKS[held]}))
    other = Footprint(locks=frozenset({LOCKS[wanted]}))
    assert one.conflicts(other) == (wanted in CONFLICTS[held])


def test_what_is_locked_is_not_in_the_way_of_who_only_looks() -> None:
    row = frozenset({Resource(ROW)})
    assert not Footprint(looks=row).conflicts(Footprint(locks=row))
    assert not Footprint(looks=row).conflicts(Footprint(looks=row))
    assert Footprint(looks=row).conflicts(Footprint(publishes=row))


def test_keys_are_apart_only_in_a_column_both_name() -> None:
    first = Resource(ROW, (("id", "1"),))
    assert not first.overlaps(Resource(ROW, (("id", "2"),)))
    assert first.overlaps(Resource(ROW, (("owner", "7"),)))
    assert first.overlaps(Resource(("pg",)))
    assert not first.overlaps(Resource(("pg", "public.users")))
