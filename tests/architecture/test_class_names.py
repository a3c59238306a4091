"""A name of a class stands for one thing, or for two that nobody takes for each other."""

from __future__ import annotations

from collections import defaultdict

from product import facts


def test_no_name_of_a_class_stands_for_more_than_two_things() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for name, place in facts().classes:
        places[name].append(place)
    assert len(places) > 800
    assert {name: found for name, found in places.items() if len(found) > 2} == {}
