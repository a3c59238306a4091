"""A service that has fewer database connections than requests to work on."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from paidonce.harness.backends.choice import Choice
from paidonce.harness.cli.measuring import load_all
from paidonce.harness.load.measure import Workload
from paidonce.harness.process import event_loop as loop
from paidonce.harness.proof.plan import Findings, ProofPlan
from paidonce.harness.results.load_observed import HELD
from paidonce.harness.results.load_run import Load
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import open_stack
from paidonce.harness.verdict import Status
from paidonce.scenarios.reference import TARGET


def test_the_service_has_the_connections_it_is_given(tmp_path: Path) -> None:
    work = Workload(
        profile="many",
        users=12,
        seconds=1,
        warmup=0,
        contention="",
        timeout=120,
        stripe_latency="100",
        connections=2,
    )
    (load,) = measured(work, "row_lock", tmp_path)
    assert load.status is Status.VALID
    assert load.conditions.connections == 2
    assert load.conditions.words.endswith("Stripe takes 100 ms, 2 database connections")
    assert load.seen is not None
    # The pool has one more, for the recovery, which rests.
    assert load.seen.sessions.means.get(HELD, 0.0) <= 3
    # Each connection is held for 100 ms and more for a payment, so 3 of them carry 30 a second;
    # twelve users without this bound would make four times as many.
    assert load.goodput <= 40


def measured(work: Workload, guard: str, out: Path) -> list[Load]:
    findings = Findings(ProofPlan(TARGET, (TARGET.variant(guard),), (), out))

    async def run() -> None:
        with Progress(disable=True) as progress:
            task = progress.add_task("load", total=1)
            async with open_stack(Described(TARGET), Choice()) as stack:
                await load_all(stack, (work,), findings, progress, task)

    loop.run(run())
    return findings.loads
