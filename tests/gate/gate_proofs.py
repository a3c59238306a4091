"""Proofs of a target as ``paidonce check`` makes them, without running anything."""

from __future__ import annotations

import msgspec

from paidonce.harness.results.proof import Cell, Machine, Proof, Run, ScenarioInfo, Variant
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.verdict import Broken, Status, Verdict, Violation

INVARIANTS = ("one charge", "one charge at most", "taken: what Stripe took")
CHARGES = Violation(
    title="one charge at most",
    rule="one charge at most",
    reason="charges <= 1, but charges = 2",
)
TAKEN = Violation(
    title="taken: what Stripe took for tab 1",
    rule="taken: what Stripe took",
    whose="tab 1",
    reason="taken == shown, but shown = 0, taken = 4990",
)
BROKEN = (
    Broken(
        checker="invariants",
        reason=f"{CHARGES.words}; {TAKEN.words}",
        violations=(CHARGES, TAKEN, msgspec.structs.replace(TAKEN, whose="tab 2")),
    ),
    Broken(
        checker="successes",
        reason="2 of 2 attempts succeeded, 1 may at most: tab 1, tab 2",
        violations=(Violation(rule="at_most", reason="2 of 2 attempts succeeded"),),
    ),
)


def verdicts(status):
    if status is Status.INVALID:
        reason, violations = CHARGES.words, (CHARGES,)
    else:
        reason, violations = "3 invariants held", ()
    return (Verdict(checker="invariants", status=status, reason=reason, violations=violations),)


def bursts(*statuses):
    return tuple(
        Run(
            history=f"histories/burst-{number}.jsonl",
            status=status,
            verdicts=verdicts(status),
            seconds=0.1,
            raced=True,
        )
        for number, status in enumerate(statuses, start=1)
    )


def found():
    return Searched(
        how=How.COUNTEREXAMPLE,
        explored=2,
        outcomes=2,
        execution=2,
        broken=BROKEN,
        witness="witnesses/racy-shop.witness.json",
    )


def complete():
    return Searched(how=How.COMPLETE, coverage="all interleavings of 2 attempts", explored=3)


def incomplete():
    reason = "the budget of 5 seconds is spent"
    return Searched(how=How.INCOMPLETE, coverage="7 executions", explored=7, reason=reason)


def cell(search, runs=(), *, expected=Status.VALID, variant="racy", error=None):
    return Cell(
        variant=variant,
        scenario="shop",
        expected=expected,
        runs=runs,
        search=search,
        error=error,
    )


def proof(*cells):
    return Proof(
        started="2026-03-14T09:26:53+00:00",
        seconds=12.0,
        seed=0,
        command="paidonce check target.toml",
        machine=Machine(system="Linux", cpus=2, python="3.12", paidonce="0.1.0", backends={}),
        variants=tuple(
            Variant(name=c.variant, title=c.variant, sound=c.expected is Status.VALID)
            for c in cells
        ),
        scenarios=(ScenarioInfo(name="shop", title="Shop", story="", checkers=("invariants",)),),
        cells=cells,
    )
