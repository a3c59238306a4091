"""Load on a real service by real Locust: what is recorded, counted and judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from load_runs import DEADLINE_S, PURE, Api, LoadOn

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action, Completed, Journal, Outcome, read_history
from paidonce.harness.service.description import Target
from paidonce.harness.service.responses import order_observed
from paidonce.harness.verdict import Status


def reader(base_url: str, target: Target) -> Callable[[Journal, Sequence[str]], None]:
    """Reads every order of the test's service at the end, as a runner does."""

    def observe(journal: Journal, orders: Sequence[str]) -> None:
        with httpx.Client(base_url=base_url, timeout=DEADLINE_S) as client:
            for order in orders:
                body = client.get(f"/orders/{order}").content
                journal.record(order_observed(target, t=journal.now(), order=order, body=body))

    return observe


def test_a_hot_run_counts_what_the_service_did(
    order_api: Api, load_on: LoadOn, target: Target, tmp_path: Path
) -> None:
    url = order_api("sound")
    load = load_on(
        "sound",
        "hot",
        observe=reader(url, target),
        capabilities=frozenset({Capability.ORDER_STATE}),
    )
    assert {verdict.checker: verdict.status for verdict in load.verdicts} == dict.fromkeys(
        PURE, Status.VALID
    )
    assert load.status is Status.VALID
    assert load.seconds == pytest.approx(4.0)
    assert load.operations == sum(load.outcomes.values())
    assert load.outcomes["rejected"] > 0, "six users of two orders must get in each other's way"
    assert load.payments == load.outcomes["ok"] == load.retries
    assert 0 < load.latency.p50 <= load.latency.p99 <= load.latency.max
    assert load.lock_waits == 0

    history = read_history(tmp_path / load.history)
    assert history.complete
    outcomes = {operation.outcome for operation in history.operations}
    assert outcomes == {Outcome.OK, Outcome.REJECTED}, "ending the load cuts nobody off"
    start = int(history.header.settings["measured_from_ns"])
    end = int(history.header.settings["measured_to_ns"])
    assert end - start == 4_000_000_000
    measured = [c for _, c in history.of(Completed) if start <= c.t < end]
    assert len(measured) == load.operations
    # The service's own books say the same as the history: every payment once, none missing.
    orders = {o["id"]: o for o in httpx.get(f"{url}/orders", timeout=DEADLINE_S).json()["orders"]}
    paid = {
        operation.invoked.order: operation.completed.value["payment_id"]
        for operation in history.operations
        if operation.completed is not None and operation.completed.outcome is Outcome.OK
    }
    assert paid
    assert all(orders[order]["payment_id"] == payment for order, payment in paid.items())
    assert list(tmp_path.iterdir()) == [tmp_path / load.history], "parts must be gone"


@pytest.mark.parametrize(("rate", "arrivals"), [(20.0, "constant"), (100_000.0, "poisson")])
def test_an_open_loop_offers_its_rate_and_counts_from_when_clients_were_to_come(
    load_on: LoadOn, tmp_path: Path, rate: float, arrivals: str
) -> None:
    load = load_on("sound", "many", rate=rate, arrivals=arrivals)
    assert load.status is Status.VALID
    assert (load.rate, load.arrivals) == (rate, arrivals)
    history = read_history(tmp_path / load.history)
    assert history.header.settings["arrivals"] == arrivals
    late = [operation.invoked.late for operation in history.operations]
    if rate < 100:  # 80 in four seconds, where users of a closed loop make hundreds
        assert 0 < load.operations <= 100
    else:  # nobody can keep up: each is later than the one before, and that is in the latency
        assert max(late) > 500_000_000
        assert load.latency.p50 > 250
        answered = [o for o in history.operations if o.completed is not None]
        kept = [(o.completed.t - o.invoked.t) / 1e6 for o in answered if o.completed]
        assert load.latency.p50 > 2 * sorted(kept)[len(kept) // 2]


def test_clients_that_time_out_ask_again_under_the_same_key(
    load_on: LoadOn, tmp_path: Path
) -> None:
    load = load_on(
        "silent",
        "pay",
        contention="hot:1",
        retries=1,
        think="exponential:30",  # the end of the load ends it
        checkers=("one-success",),
        users=4,
        seconds=6,
        warmup=0,
        patience=0.1,
    )
    assert load.conditions.named() == {
        "contention": "hot:1",
        "think_s": "exponential:30",
        "patience_s": "0.1",
        "client_retries": "1",
        "stripe_latency_ms": "",
    }
    assert set(load.outcomes) == {"unknown"}
    history = read_history(tmp_path / load.history)
    tries: dict[str | None, list[int]] = {}
    for operation in history.operations:
        tries.setdefault(operation.invoked.key, []).append(operation.invoked.t)
    assert None not in tries
    # An order that nobody manages to pay is replaced when it is three seconds old.
    began = [operation.invoked.t for operation in history.operations]
    lives = (max(began) - min(began)) / 3e9
    assert len({operation.invoked.order for operation in history.operations}) <= 2 + lives
    again = [times for times in tries.values() if len(times) == 2]
    assert again, "somebody came early enough to ask again"
    assert max(len(times) for times in tries.values()) == 2
    # At least the time-out and the wait before the first retry, by a coarse clock.
    assert all(second - first >= 550_000_000 for first, second in again)
    assert load.tried_again


def test_two_processes_make_one_history(load_on: LoadOn, tmp_path: Path) -> None:
    load = load_on("sound", "shop", processes=2)
    assert load.status is Status.VALID
    history = read_history(tmp_path / load.history)
    attempts = {operation.invoked.attempt for operation in history.operations}
    assert {"user 1.1", "user 2.1"} <= attempts
    assert any(name.endswith("second click") for name in attempts)
    actions = {operation.invoked.action for operation in history.operations}
    assert actions == {Action.PAY, Action.CANCEL, Action.READ}, "and nothing the target lacks"
    assert [o.invoked.op for o in history.operations] == list(range(1, len(history.operations) + 1))


def test_a_service_that_charges_twice_is_caught(load_on: LoadOn) -> None:
    load = load_on("racy", "hot")
    found = {verdict.checker: verdict.status for verdict in load.verdicts}
    assert found["one-success"] is Status.INVALID
    assert load.status is Status.INVALID


def test_many_orders_end_with_their_budget(load_on: LoadOn, tmp_path: Path) -> None:
    load = load_on(
        "sound",
        "many",
        variant="",
        max_orders=150,
        users=4,
        warmup=0,
        seconds=10 * DEADLINE_S,
        patience=DEADLINE_S,
    )
    history = read_history(tmp_path / load.history)
    assert len(history.operations) == 150
    assert {operation.outcome for operation in history.operations} == {Outcome.OK}
    # What was still under way when the last order was gone came after the measured window.
    assert 150 - 4 <= load.operations == load.payments == load.outcomes["ok"] <= 150
    assert load.seconds < DEADLINE_S
    assert load.status is Status.VALID
    assert load.history == "load-many-order-api.jsonl"


def test_no_answer_is_unknown_never_failed(load_on: LoadOn, tmp_path: Path) -> None:
    load = load_on("silent", "many", users=3, warmup=0, seconds=3, patience=0.3)
    assert load.outcomes == {"unknown": load.operations}
    assert load.operations >= 3
    assert load.payments == 0
    history = read_history(tmp_path / load.history)
    waited = [(o.completed.t - o.invoked.t) / 1e6 for o in history.operations if o.completed]
    assert 290 < load.latency.p50 <= max(waited) * 1.01, "as long as they waited, no less"
    errors = {c.error for _, c in history.of(Completed)}
    assert all(error and "timed out" in error.lower() for error in errors), errors
