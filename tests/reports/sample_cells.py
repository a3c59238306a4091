"""Cells of a proof, with runs and verdicts that fit."""

from __future__ import annotations

import msgspec
from sample_history import CHECKERS, PI_A, PI_B

from paidonce.harness.results.proof import Cell, Proof, Run
from paidonce.harness.verdict import Status, Verdict


def verdict(
    checker: str,
    status: Status,
    reason: str = "",
    evidence: tuple[int, ...] = (),
    missing: tuple[str, ...] = (),
) -> Verdict:
    """A verdict with a reason that fits."""
    reason = (
        reason
        or {
            Status.VALID: "every order has at most one",
            Status.INVALID: f"order ord_1 has two succeeded charges, of {PI_A} and {PI_B}",
            Status.UNKNOWN: "the search was stopped after 1,000,000 steps",
        }[status]
    )
    return Verdict(
        checker=checker, status=status, reason=reason, evidence=evidence, missing=missing
    )


def run(status: Status, history: str, *, evidence: tuple[int, ...] = (8, 9)) -> Run:
    """A run in which ``one-charge`` gave the status and the other checkers were content."""
    return Run(
        history=history,
        status=status,
        verdicts=tuple(
            verdict(name, status, evidence=evidence if status is Status.INVALID else ())
            if name == "one-charge"
            else verdict(name, Status.VALID)
            for name in CHECKERS
        ),
        seconds=0.214,
    )


def cell(variant: str, scenario: str, expected: Status, *statuses: Status) -> Cell:
    """A cell with one run for each status."""
    runs = tuple(
        run(status, f"histories/{variant}/{scenario}-{n}.jsonl")
        for n, status in enumerate(statuses, start=1)
    )
    return Cell(variant=variant, scenario=scenario, expected=expected, runs=runs)


def with_cells(proof: Proof, *changed: Cell) -> Proof:
    """``proof`` with those cells in the place of its own."""
    places = {(c.variant, c.scenario): c for c in changed}
    return msgspec.structs.replace(
        proof, cells=tuple(places.get((c.variant, c.scenario), c) for c in proof.cells)
    )


def not_judged(variant: str, scenario: str) -> Cell:
    """A cell whose one run lacks Stripe's ledger."""
    return Cell(
        variant=variant,
        scenario=scenario,
        expected=Status.VALID,
        runs=(
            Run(
                history=f"histories/{variant}/{scenario}-1.jsonl",
                status=Status.UNKNOWN,
                verdicts=(
                    verdict("one-success", Status.VALID),
                    verdict(
                        "one-charge",
                        Status.UNKNOWN,
                        "not judged: Stripe's objects cannot be listed",
                        missing=("stripe.ledger",),
                    ),
                ),
                seconds=0.2,
            ),
        ),
    )
