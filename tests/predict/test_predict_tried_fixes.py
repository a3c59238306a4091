"""``benchmarks/tried_fixes.py``: what it counts, and what it calls a disagreement."""

from __future__ import annotations

import importlib.util
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
spec = importlib.util.spec_from_file_location("tried_fixes", BENCHMARKS / "tried_fixes.py")
tried_fixes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tried_fixes)


def came(*results, **by_hand):
    fixes = [{"fix": "FOR UPDATE", "result": one, "reason": ""} for one in results]
    return {"tried": fixes, "by hand": by_hand}


def test_a_fix_that_is_proved_disagrees_with_a_repair_by_hand_that_breaks():
    found = {
        "agrees": came("closes it, proved", "does not", fixed=0),
        "breaks": came("closes it, proved", fixed=0, other=1),
        "nothing proved": came("does not", fixed=1),
        "none by hand": came("closes it, proved"),
    }
    assert tried_fixes.disagreeing(found) == ["breaks"]
    lines = [line.strip() for line in tried_fixes.counted(found)]
    assert "4 services" in lines
    assert "3 FOR UPDATE: closes it, proved" in lines
    assert "2 FOR UPDATE: does not" in lines
    assert "2 of 2 that are closed by hand, proved, have a fix that is" in lines
    assert "2 pieces of advice that do not close the race" in lines
    assert tried_fixes.in_vain(found) == ["agrees: FOR UPDATE", "nothing proved: FOR UPDATE"]
    assert "breaks: proved to be closed, and by hand it is not" in lines


def test_the_worked_examples_are_among_the_services():
    names = [tried_fixes._name(one) for one in tried_fixes._services()]
    assert "examples/express-pg/target.toml racy" in names
    assert not any(name.endswith(" fixed") for name in names)
    assert len(names) == len(set(names)) > 80
