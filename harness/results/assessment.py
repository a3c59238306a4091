"""The assessment of a proof, made once: standings, problems, findings and the exit status. Pure.

Every writer takes an assessment, and decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from paidonce.harness.results.findings import Finding, accepting, findings
from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.problems import problems
from paidonce.harness.results.proof import Cell, Proof
from paidonce.harness.results.standing import Standing, grid, standing, tally
from paidonce.harness.verdict import Status

WRONG_SET_UP = 2
"""Exit status where the set-up is wrong, as with any wrong usage."""


@dataclass(frozen=True)
class Assessment:
    """The assessment of a proof, as every writer takes it.

    In ``proof`` the cells are marked of which all that broke is accepted. ``standings`` are by the
    names of variant and scenario. ``status`` is VALID when all is as declared, INVALID when
    anything was contradicted, UNKNOWN when something that should have been decided was not.
    ``beside`` are the assessments of the proofs beside it, in their order, None of one there is
    not.
    """

    proof: Proof
    standings: Mapping[tuple[str, str], Standing]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    status: Status
    exit_status: int
    beside: tuple[Assessment | None, ...] = ()

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """The cells by the names of variant and scenario."""
        return grid(self.proof)

    def standing(self, variant: str, scenario: str) -> Standing:
        """Return the standing of one place of the matrix, whether there is a cell or not."""
        return self.standings.get((variant, scenario), Standing.NOT_RUN)

    def of(self, cell: Cell) -> Standing:
        """Return the standing of a cell."""
        return self.standing(cell.variant, cell.scenario)

    def tally(self, variant: str, scenario: str) -> str:
        """Return how many runs gave a place its standing, as
        ``paidonce.harness.results.standing.tally`` says it.
        """
        return tally(self.cells.get((variant, scenario)), self.standing(variant, scenario))


def assess(
    proof: Proof,
    accepted: Mapping[str, str] | None = None,
    *,
    unusable: Collection[str] = (),
    complete: bool = False,
) -> Assessment:
    """Return what ``proof`` comes to.

    ``accepted`` says of findings, by id, why they are accepted for a time. ``unusable`` are the
    variants whose set-up is wrong. With ``complete``, as for a check, every cell has to be decided
    by a complete search or a counterexample.
    """
    found = findings(proof, accepted or {})
    proof = accepting(proof, found)
    kinds = [standing(cell) for cell in proof.cells]
    beside = tuple(None if one.proof is None else assess(one.proof) for one in proof.beside)
    told = problems(
        proof, kinds, [None if assessment is None else assessment.status for assessment in beside]
    )
    status = _status({problem.weight for problem in told})
    return Assessment(
        proof=proof,
        standings={(c.variant, c.scenario): k for c, k in zip(proof.cells, kinds, strict=True)},
        problems=told,
        findings=tuple(found),
        status=status,
        exit_status=_exit_status(proof, status, unusable=bool(unusable), complete=complete),
        beside=beside,
    )


def _status(weights: set[Weight]) -> Status:
    if Weight.CONTRADICTED in weights:
        return Status.INVALID
    return Status.UNKNOWN if Weight.UNDECIDED in weights else Status.VALID


def _exit_status(proof: Proof, status: Status, *, unusable: bool, complete: bool) -> int:
    """0 when all is as declared, 1 when anything was contradicted, 2 when the set-up is wrong, 3
    when it is not decided."""
    if status is Status.INVALID:
        return status.exit_code
    if unusable:
        return WRONG_SET_UP
    decided = all(
        cell.search is not None and (cell.proved or cell.status is Status.INVALID)
        for cell in proof.cells
    )
    if complete and not decided:
        return Status.UNKNOWN.exit_code
    return status.exit_code
