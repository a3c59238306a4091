"""Subtle mutants of the sound guards: none is misjudged, and what is declared of them is so."""

from __future__ import annotations

import pytest
from mutants import MUTANTS

SAMPLE = ("row-for-key-share", "row-read-after-lock", "row-locked-in-cte")
"""Searched in every run; the others by the slow suite."""
OPEN: dict[str, str] = {}
"""Mutants that are still misjudged, and why."""
ROUNDS = 40


def _marked(mutant):
    marks = [] if mutant.name in SAMPLE else [pytest.mark.slow]
    if mutant.name in OPEN:
        marks.append(pytest.mark.xfail(strict=True, reason=OPEN[mutant.name]))
    return pytest.param(mutant, id=mutant.name, marks=marks)


@pytest.mark.parametrize("mutant", [_marked(mutant) for mutant in MUTANTS])
def test_a_search_judges_a_mutant_as_it_is(mutant, mutant_lab):
    searched = mutant_lab.searched(mutant)
    declared = "sound" if mutant.sound else "broken"
    assert searched.verdict == declared, f"{mutant.why}; {searched.reason}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_plain_threads_see_of_a_mutant_what_is_declared(mutant, surroundings):
    seen = surroundings.seen(mutant, ROUNDS, enough=1)
    assert bool(seen.broken) is not mutant.sound, f"{mutant.why}; {seen}"


def test_there_are_many_of_either_kind():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 60
    assert sum(mutant.sound for mutant in MUTANTS) >= 20
    assert sum(not mutant.sound for mutant in MUTANTS) >= 40
    assert all(mutant.why for mutant in MUTANTS)
    assert set(SAMPLE) <= set(names)
