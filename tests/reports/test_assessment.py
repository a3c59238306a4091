"""A proof is assessed once: one value, from which every writer and the exit status come."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from reports_sample import bad_day, sample
from sample_cells import cell

from paidonce import harness, reports
from paidonce.harness.results.findings import accepting, findings
from paidonce.harness.results.problems import problems
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.results.standing import Standing, standing
from paidonce.harness.verdict import Status

HELD = (Status.VALID, Status.VALID)


def alone(search: Searched | None, *runs: Status, expected: Status = Status.VALID):
    one = msgspec.structs.replace(cell("claim", "two_tabs", expected, *runs), search=search)
    return msgspec.structs.replace(sample(with_loads=False), cells=(one,))


PARTLY = Searched(how=How.INCOMPLETE, reason="the time was over")
COMPLETE = Searched(how=How.COMPLETE, coverage="all", explored=3)
FOUND = Searched(how=How.COUNTEREXAMPLE, explored=1)


def test_an_assessment_has_all_that_writers_say() -> None:
    assessed = reports.assess(bad_day())
    assert assessed.exit_status == 1
    assert assessed.status is Status.INVALID
    for one in assessed.proof.cells:
        assert assessed.of(one) is assessed.standing(one.variant, one.scenario)
    assert assessed.standing("nobody", "nowhere") is Standing.NOT_RUN
    assert {problem.standing for problem in assessed.problems} >= {Standing.BROKEN}


@pytest.mark.parametrize(
    ("search", "runs", "expected", "code"),
    [
        (COMPLETE, HELD, Status.VALID, 0),
        (PARTLY, HELD, Status.VALID, 3),
        (None, HELD, Status.VALID, 3),
        (FOUND, HELD, Status.VALID, 1),
        (FOUND, (Status.INVALID,), Status.INVALID, 0),
    ],
)
def test_a_check_wants_every_search_complete(search, runs, expected, code) -> None:
    proof = alone(search, *runs, expected=expected)
    assert reports.assess(proof, complete=True).exit_status == code
    if code == 3:
        assert reports.assess(proof).exit_status == 0, "a proof takes what was played"


def test_a_wrong_set_up_is_wrong_usage_unless_something_broke() -> None:
    assert reports.assess(alone(COMPLETE, *HELD), unusable={"claim"}).exit_status == 2
    assert reports.assess(alone(FOUND, *HELD), unusable={"claim"}).exit_status == 1


def test_nobody_else_decides() -> None:
    """Only the assessment imports what decides a standing, a problem or a finding."""
    deciding = {(one.__module__, one.__name__) for one in (standing, problems, findings, accepting)}
    names = {name for _, name in deciding}
    importers = set()
    for package in (harness, reports):
        for path in Path(package.__file__).parent.rglob("*.py"):
            source = path.read_text()
            if path.name == "__init__.py" or not any(name in source for name in names):
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom):
                    imported = {(node.module, name.name) for name in node.names}
                    importers |= {path.name} if imported & deciding else set()
    assert importers == {"assessment.py"}
