"""Turns a scenario into a pytest test, one case for each variant of the target.

The test plays the scenario on the ``bench_of`` fixture (see ``scenarios/conftest.py``) and holds
the verdict against what the scenario declares: a variant it breaks must be caught, any other
must be found valid. A failure prints the reasons and the command that judges the history again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from paidonce.harness.checkers import judge
from paidonce.harness.history import read_history
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.verdict import Status, Verdict, merge


class Player(Protocol):
    """The ``play`` fixture's function: play a scenario on a variant, yielding a history file."""

    def __call__(self, scenario: Scenario, variant: str) -> Path: ...


def scenario_test(scenario: Scenario) -> Callable[[str, Player], None]:
    """A pytest test function for ``scenario``; it wants the fixtures ``guard`` and ``play``."""

    def test(guard: str, play: Player) -> None:
        import pytest  # the command line tells the same stories without pytest

        history = play(scenario, guard)
        verdicts = judge(read_history(history))
        status = merge(verdict.status for verdict in verdicts)
        expected = Status.INVALID if guard in scenario.breaks else Status.VALID
        if status is Status.VALID and expected is Status.INVALID and not scenario.certain:
            search = f"paidonce explore {scenario.name} --guard {guard}"
            pytest.skip(f"not met as it was played; {search} makes every order")
        if status is Status.UNKNOWN:
            pytest.skip(_explain("could not be judged", verdicts, history))
        if status is not expected:
            words = "was not caught" if expected is Status.INVALID else "was accused"
            pytest.fail(_explain(f"{guard} {words}", verdicts, history), pytrace=False)

    test.__doc__ = scenario.title
    test.scenario = scenario  # type: ignore[attr-defined]  # read by scenarios/conftest.py
    return test


def _explain(what: str, verdicts: tuple[Verdict, ...], history: Path) -> str:
    lines = [what]
    lines += [f"  {v.checker}: {v.status.value}: {v.reason}" for v in verdicts]
    lines.append(f"look again: paidonce check {history}")
    return "\n".join(lines)
