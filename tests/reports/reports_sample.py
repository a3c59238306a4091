"""A realistic proof with its history files: eleven guards against thirteen scenarios."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sample_cells import cell, not_judged, verdict, with_cells
from sample_history import CHECKERS, double_payment, write_history

from paidonce.harness.results.load_run import Load, Percentiles
from paidonce.harness.results.proof import Cell, Machine, Proof, ScenarioInfo, Variant
from paidonce.harness.verdict import Status

HOSTILE = '<script>alert("1")</script>|`x`\x00 & ]]>'
GUARDS = (
    ("row_lock", "Row lock", True, "SELECT … FOR UPDATE held across the call to Stripe"),
    ("row_lock_nowait", "Row lock, no waiting", True, "FOR UPDATE NOWAIT: the loser is told"),
    ("optimistic", "Optimistic version", True, "compare-and-set of a version before Stripe"),
    ("redis_lock", "Redis lock with fencing", True, "SET NX PX, and a token Postgres checks"),
    ("advisory_lock", "Advisory lock", True, "pg_advisory_xact_lock on the order"),
    ("serializable", "Serializable", True, "SERIALIZABLE with retries"),
    ("unique_index", "Unique index", True, "a partial unique index of live attempts"),
    ("claim", "Claim row", True, "a claim with a lease, and recovery"),
    ("none", "No guard", False, "reads, checks, charges, writes"),
    ("redis_lock_unfenced", "Redis lock, unfenced", False, "a lease that can run out unseen"),
    ("optimistic_late", "Optimistic, too late", False, "compares the version after Stripe"),
)
SCENARIOS = (
    ("two_tabs", "Two tabs", "A customer presses Pay in two tabs at the same moment."),
    ("double_click", "Double click", "One tab sends the same request twice, with one key."),
    ("two_intents", "Two intents", "Two requests for a payment intent meet."),
    ("retry_after_timeout", "Retry after a timeout", "The client hears nothing and tries again."),
    ("pay_vs_cancel", "Pay against cancel", "The shop cancels while the customer pays."),
    ("pay_vs_webhook", "Pay against webhook", "Stripe's event arrives before the answer."),
    ("refund_vs_refund", "Refund against refund", "Two clerks refund the same payment."),
    ("create_vs_pay", "Create against pay", "An intent is made while another pays."),
    ("amount_changed", "Amount changed", "The basket changes while the customer pays."),
    ("declined_then_paid", "Declined, then paid", "The first card fails, the second is good."),
    ("slow_stripe_lease", "Slow Stripe, short lease", "Stripe answers after the lease ran out."),
    ("slow_stripe_timeouts", "Slow Stripe, time-outs", "The service gives up on Stripe."),
    ("many_orders", "Many orders", "Many customers pay their own orders."),
)
CAUGHT = {
    "none": {s[0] for s in SCENARIOS} - {"declined_then_paid", "many_orders", "double_click"},
    "redis_lock_unfenced": {"slow_stripe_lease", "slow_stripe_timeouts", "pay_vs_webhook"},
    "optimistic_late": {"two_tabs", "two_intents", "create_vs_pay", "retry_after_timeout"},
}


def machine() -> Machine:
    """A machine like any other."""
    return Machine(
        system="Linux 6.8 x86_64",
        cpus=8,
        python="3.12.4",
        paidonce="0.1.0",
        backends={
            "postgres": "embedded PostgreSQL 18.4",
            "redis": "embedded Valkey 9.0",
            "stripe": "paidonce simulator 0.1.0",
        },
    )


def load(variant: str, number: int, profile: str = "hot_order") -> Load:
    """A load run whose figures differ from guard to guard."""
    slow = 1 + number * 0.35
    hot = profile == "hot_order"
    operations = int(24000 / slow)
    payments = 300 if hot else int(operations * 0.96)
    invalid = variant == "none" and hot
    return Load(
        variant=variant,
        profile=profile,
        users=50,
        seconds=30.0,
        operations=operations,
        payments=payments,
        outcomes={"ok": payments, "rejected": operations - payments - 3, "failed": 3},
        latency=Percentiles(
            p50=8.5 * slow, p90=21.0 * slow, p99=64 * slow, p999=140 * slow, max=310 * slow
        ),
        lock_waits=0.0 if number % 3 else 4.2 * slow,
        lock_wait_share=0.0 if number % 3 else 0.61,
        rollbacks=operations - payments if number % 2 else 0,
        deadlocks=0,
        retries=None if number % 4 == 0 else number * 37,
        status=Status.INVALID if invalid else Status.VALID,
        verdicts=(verdict("one-charge", Status.INVALID if invalid else Status.VALID),),
        history=f"histories/load/{profile}-{variant}.jsonl",
    )


def sample(folder: Path | None = None, *, with_loads: bool = True) -> Proof:
    """The proof of a good day: all as declared. With ``folder`` its caught histories exist."""
    cells = []
    for name, _, _, _ in GUARDS:
        for scenario, _, _ in SCENARIOS:
            caught = scenario in CAUGHT.get(name, set())
            status = Status.INVALID if caught else Status.VALID
            if scenario == "slow_stripe_lease" and name in ("unique_index", "serializable"):
                cells.append(
                    Cell(
                        variant=name,
                        scenario=scenario,
                        expected=Status.VALID,
                        skipped="this guard takes no lease",
                    )
                )
                continue
            cells.append(cell(name, scenario, status, status, status, status))
            if folder is not None and caught:
                for r in cells[-1].runs:
                    write_history(folder / r.history, double_payment(scenario, name))
    loads = [
        load(name, number, profile)
        for profile in ("hot_order", "many_orders")
        for number, (name, *_) in enumerate(GUARDS)
    ]
    return Proof(
        started="2025-03-14T09:26:53Z",
        seconds=412.7,
        seed=7,
        command="paidonce prove --rounds 3",
        machine=machine(),
        variants=tuple(Variant(name=n, title=t, sound=s, summary=m) for n, t, s, m in GUARDS),
        scenarios=tuple(
            ScenarioInfo(name=n, title=t, story=s, checkers=CHECKERS) for n, t, s in SCENARIOS
        ),
        cells=tuple(cells),
        loads=tuple(loads) if with_loads else (),
    )


def bad_day(folder: Path | None = None) -> Proof:
    """Everything that can be not as declared, in one proof."""
    proof = with_cells(
        sample(folder),
        cell("serializable", "two_tabs", Status.VALID, Status.VALID, Status.INVALID, Status.VALID),
        cell("none", "two_tabs", Status.INVALID, Status.VALID, Status.VALID, Status.VALID),
        cell("claim", "many_orders", Status.VALID, Status.UNKNOWN, Status.VALID, Status.VALID),
        not_judged("row_lock", "pay_vs_webhook"),
        Cell(
            variant="redis_lock",
            scenario="two_intents",
            expected=Status.VALID,
            error="redis: did not answer within 10 s",
        ),
    )
    if folder is not None:
        write_history(
            folder / "histories/serializable/two_tabs-2.jsonl",
            double_payment("two_tabs", "serializable"),
        )
    return msgspec.structs.replace(proof, cells=proof.cells[:-2], interrupted=True)


def hostile() -> Proof:
    """A proof whose every text tries to break out of its format."""
    proof = sample()
    named = Variant(name=HOSTILE, title=HOSTILE, sound=True, summary=HOSTILE)
    broken = cell(HOSTILE, "two_tabs", Status.VALID, Status.INVALID)
    verdicts = tuple(
        msgspec.structs.replace(v, reason=HOSTILE, checker=HOSTILE) for v in broken.runs[0].verdicts
    )
    ran = msgspec.structs.replace(broken.runs[0], history=HOSTILE, verdicts=verdicts)
    return msgspec.structs.replace(
        proof,
        command=HOSTILE,
        variants=(*proof.variants, named),
        cells=(
            *proof.cells,
            msgspec.structs.replace(broken, runs=(ran,)),
            Cell(variant=HOSTILE, scenario="two_intents", expected=Status.VALID, error=HOSTILE),
            Cell(variant=HOSTILE, scenario="pay_vs_cancel", expected=Status.VALID, skipped=HOSTILE),
        ),
    )
