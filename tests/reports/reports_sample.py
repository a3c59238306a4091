"""A realistic proof with its history files: eleven guards against thirteen scenarios."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.history import (
    Action,
    Backend,
    ChargeObserved,
    Completed,
    Effect,
    Ended,
    Event,
    Fault,
    Header,
    IntentObserved,
    Invoked,
    OrderCreated,
    OrderObserved,
    Outcome,
)
from harness.results import (
    Cell,
    Conditions,
    Load,
    Machine,
    Percentiles,
    Proof,
    Run,
    ScenarioInfo,
    Variant,
)
from harness.verdict import Status, Verdict

MS = 1_000_000
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
CHECKERS = ("one-success", "one-intent", "one-charge", "ledger-agrees", "linearizable")
PI_A, PI_B = "pi_3Rk2aLq8VbXn41TzQ0f7Gd2m", "pi_3Rk2aMw5JcYp92UsE6h1Kx9t"


def double_payment(
    scenario: str = "two_tabs", variant: str = "none", *, held: bool = True
) -> list[Event]:
    """Two tabs pay one order at once; both calls are held until both have come, both succeed."""
    request = {
        "method": "POST",
        "path": "/v1/payment_intents",
        "params": {"amount": "4990", "currency": "usd", "confirm": "true"},
        "idempotency_key": None,
    }

    def answer(payment: str) -> dict[str, object]:
        return {
            "status": 200,
            "id": payment,
            "object": "payment_intent",
            "state": "succeeded",
            "amount": 4990,
        }

    events: list[Event] = [
        Header(
            run=f"{variant}-{scenario}-1",
            scenario=scenario,
            target="reference",
            variant=variant,
            backends={"postgres": Backend(kind="embedded", version="18.4")},
            capabilities=("stripe.ledger", "stripe.calls"),
            checkers=CHECKERS,
            seed=7,
            settings={"pool": "5", "lease_ms": "1500"},
        ),
        OrderCreated(t=0, order="ord_1", amount=4990, currency="usd"),
        Invoked(t=2 * MS, op=0, attempt="tab 1", action=Action.PAY, order="ord_1"),
        Invoked(t=3 * MS, op=1, attempt="tab 2", action=Action.PAY, order="ord_1"),
    ]
    if held:
        events += [
            _hold(11, "hold", "request held until quiet", 1),
            _hold(13, "hold", "request held until quiet", 2),
            _hold(17, "release", "request released: quiet", 1),
            _hold(17, "release", "request released: quiet", 2),
        ]
    events += [
        Effect(
            t=38 * MS,
            tap="stripe",
            seq=1,
            label="payment_intent.create",
            began=11 * MS,
            order="ord_1",
            request=request,
            answer=answer(PI_A),
        ),
        Effect(
            t=52 * MS,
            tap="stripe",
            seq=2,
            label="payment_intent.create",
            began=13 * MS,
            order="ord_1",
            request=request,
            answer=answer(PI_B),
        ),
        _paid(46, 0, PI_A),
        _paid(61, 1, PI_B),
        OrderObserved(
            t=90 * MS,
            order="ord_1",
            payment_status="paid",
            payment_id=PI_B,
            amount=4990,
            currency="usd",
            refunded_amount=0,
        ),
    ]
    for payment in (PI_A, PI_B):
        events += [
            IntentObserved(
                t=92 * MS,
                id=payment,
                order="ord_1",
                status="succeeded",
                amount=4990,
                amount_received=4990,
                currency="usd",
            ),
            ChargeObserved(
                t=92 * MS,
                id=payment.replace("pi_", "ch_"),
                intent=payment,
                order="ord_1",
                status="succeeded",
                amount=4990,
                amount_refunded=0,
                currency="usd",
            ),
        ]
    return [*events, Ended(t=93 * MS)]


def _hold(at_ms: int, kind: str, detail: str, seq: int) -> Fault:
    text = f"payment_intent.create: {detail}"
    return Fault(t=at_ms * MS, tap="stripe", kind=kind, detail=text, seq=seq)


def _paid(at_ms: int, op: int, payment: str) -> Completed:
    return Completed(
        t=at_ms * MS,
        op=op,
        outcome=Outcome.OK,
        status=200,
        value={"payment_id": payment, "amount": 4990},
    )


def write_history(path: Path, events: list[Event]) -> None:
    """Events as a history file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))


def verdict(
    checker: str,
    status: Status,
    reason: str = "",
    evidence: tuple[int, ...] = (),
    **details: object,
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
        checker=checker, status=status, reason=reason, evidence=evidence, details=dict(details)
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


LEVELS = ("hot:1", "zipf:1.1:100", "distinct")
LATENCIES = ("0", "20", "100", "300")
_HELD = ("row_lock", "advisory_lock")


def _swept(variant: str, number: int, level: str, latency: str, round: int, rate: float) -> Load:
    """A guard that holds a lock across the call to Stripe gets slower with it."""
    share = (0.2, 0.7, 1.0)[LEVELS.index(level)]
    lock = 25.0 if variant in _HELD and level != "distinct" else 4.0
    ms = (6 + number + float(latency) * lock / 20) / share * (1 + round / 20)
    rate_now = 16_000 / ms if not rate else min(rate, 900 / (1 + number / 4))
    one = load(variant, number, "pay")
    return msgspec.structs.replace(
        one,
        operations=round_up(rate_now * 10),
        payments=round_up(rate_now * 10 * share),
        seconds=10.0,
        users=16,
        latency=Percentiles(p50=ms, p90=ms * 2, p99=ms * 4 + rate, p999=ms * 7 + rate, max=ms * 9),
        rate=rate or None,
        arrivals="poisson" if rate else "",
        bound_ms=250.0 if rate else None,
        round=round,
        yardstick=2000.0,
        history=f"histories/{variant}/{level}-{latency}-{round}-{rate:.0f}.jsonl",
        conditions=Conditions(
            contention=level, think_s="0.01", timeout_s=15, stripe_latency_ms=latency
        ),
    )


def round_up(value: float) -> int:
    """At least one."""
    return max(int(value), 1)


def swept(*, cells: bool = False) -> Proof:
    """Load alone: each contention, each latency of Stripe, and rates, three times each."""
    proof = sample()
    loads = [
        _swept(name, number, level, latency, round, 0.0)
        for number, (name, *_) in enumerate(GUARDS)
        for level, latency in [
            *((level, "20") for level in LEVELS),
            *(("hot:1", latency) for latency in LATENCIES if latency != "20"),
        ]
        for round in (1, 2, 3)
    ]
    loads += [
        _swept(name, number, "distinct", "20", 1, rate)
        for number, (name, *_) in enumerate(GUARDS)
        for rate in (25.0, 50.0, 100.0, 200.0, 400.0)
    ]
    variants = tuple(
        msgspec.structs.replace(variant, choose="When it fits." if variant.sound else "Never.")
        for variant in proof.variants
    )
    return msgspec.structs.replace(
        proof,
        command="paidonce load --sweep contention=hot,zipf:1.1,distinct --repeat 3",
        variants=variants,
        scenarios=(),
        cells=proof.cells if cells else (),
        loads=tuple(loads),
    )


def with_cells(proof: Proof, *changed: Cell) -> Proof:
    """``proof`` with those cells in the place of its own."""
    places = {(c.variant, c.scenario): c for c in changed}
    return msgspec.structs.replace(
        proof, cells=tuple(places.get((c.variant, c.scenario), c) for c in proof.cells)
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
                        missing=["stripe.ledger"],
                    ),
                ),
                seconds=0.2,
            ),
        ),
    )


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
