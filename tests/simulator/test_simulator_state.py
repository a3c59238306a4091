"""The clock that moves, and states that are saved and gone back to."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe
from simulator_process import COMMAND, ROOT, SECRET, Simulator, running

from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation

CREATE = {"amount": "1000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
HELD = {**CREATE, "capture_method": "manual"}
ASKED = {**CREATE, "payment_method": "pm_card_threeDSecure2Required"}
SLOW = {**CREATE, "payment_method": "pm_usBankAccount_success"}


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[Simulator]:
    """One in which nothing settles by itself however long a test takes."""
    with running("--settle-seconds", "50") as simulator:
        yield simulator


def test_a_key_is_good_for_a_day_of_a_clock_that_tests_move(simulator: Simulator) -> None:
    first = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k").json()["id"]
    before = simulator.control("GET", "health")["clock"]
    moved = simulator.control("POST", "clock", {"advance_seconds": 23 * 3600})["clock"]
    assert moved - before >= 23 * 3600
    assert simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k").json()["id"] == first
    simulator.control("POST", "clock", {"advance_seconds": 3601})
    later = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert "Idempotent-Replayed" not in later.headers
    assert later.json()["id"] != first
    assert later.json()["created"] >= int(before) + 24 * 3600


def test_the_clock_never_goes_back(simulator: Simulator) -> None:
    answer = simulator.http.post(
        "/_control/clock", json={"advance_seconds": -1}, headers={"Paidonce-Control": "1"}
    )
    assert answer.status_code == 400


def test_what_falls_due_happens_by_itself_and_on_demand(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    slow = simulator.post("/v1/payment_intents", SLOW).json()
    failing = simulator.post("/v1/payment_intents", SLOW).json()
    held = simulator.post("/v1/payment_intents", HELD).json()
    assert (slow["status"], held["status"]) == ("processing", "requires_capture")
    simulator.control("POST", "settle", {"payment_intent": failing["id"], "succeeded": False})
    assert client.v1.payment_intents.retrieve(failing["id"]).last_payment_error is not None
    simulator.control("POST", "clock", {"advance_seconds": 60})
    assert client.v1.payment_intents.retrieve(slow["id"]).status == "succeeded"
    simulator.control("POST", "clock", {"advance_seconds": 8 * 24 * 3600})
    expired = client.v1.payment_intents.retrieve(held["id"])
    assert (expired.status, expired.cancellation_reason) == ("canceled", "expired")


def fill(simulator: Simulator) -> None:
    """Something of everything there can be."""
    client = simulator.client()
    simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    declined = {**CREATE, "payment_method": "pm_card_chargeDeclined"}
    simulator.post("/v1/payment_intents", declined, Idempotency_Key="declined")
    paid = simulator.post("/v1/payment_intents", CREATE).json()["id"]
    client.v1.refunds.create({"payment_intent": paid, "amount": 100})
    for form in (HELD, ASKED, SLOW):
        simulator.post("/v1/payment_intents", form)
    customer = client.v1.customers.create({"email": "a@example.com"})
    client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.customers.delete(client.v1.customers.create({"name": "gone"}).id)
    client.v1.webhook_endpoints.create(
        {"url": "https://shop.example.com/", "enabled_events": ["*"]}
    )


def test_a_saved_state_is_gone_back_to_exactly(simulator: Simulator) -> None:
    fill(simulator)
    state, ledger = simulator.control("GET", "state"), simulator.ledger()
    replayed = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k").json()
    fill(simulator)
    simulator.control("POST", "state", state)
    assert simulator.ledger() == ledger
    again = simulator.control("GET", "state")
    assert again == state
    # The keys are as they were, and ids go on where they had got to.
    replay = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert replay.json() == replayed
    known = {intent["id"] for intent in ledger["intents"]}
    assert simulator.post("/v1/payment_intents", CREATE).json()["id"] not in known
    # What was on the agenda still is.
    simulator.control("POST", "clock", {"advance_seconds": 60})
    before = {intent["id"]: intent["status"] for intent in ledger["intents"]}
    after = {intent["id"]: intent["status"] for intent in simulator.ledger()["intents"]}
    changed = {before[one] for one in before if before[one] != after[one]}
    assert changed == {"processing"}


def test_a_state_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    slowly = ("--settle-seconds", "50")
    with running("--save", str(path), "--webhook-secret", SECRET, *slowly) as first:
        fill(first)
        ledger = first.ledger()
    with running("--load", str(path)) as second:
        assert second.ledger() == ledger
    assert not path.with_name("state.json.part").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a saved state"),
        ("[]", "expected"),
        ('{"format": "paidonce-simulator-state", "version": 99}', "version 99 is not known"),
        ('{"format": "paidonce-simulator-state", "version": 1}', "not a saved state: KeyError"),
    ],
)
def test_what_is_no_state_is_refused_and_nothing_changes(
    simulator: Simulator, tmp_path: Path, text: str, message: str
) -> None:
    simulator.post("/v1/payment_intents", CREATE)
    answer = simulator.http.post("/_control/state", content=text, headers={"Paidonce-Control": "1"})
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert len(simulator.ledger()["intents"]) == 1
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"--load {path}"):
        saved.read(Simulation(SimulatorSettings()), path)


@pytest.mark.parametrize("damage", [None, "x", 5, -1e300, [], [5], [None], {}, {"a": 5}])
def test_a_state_with_a_part_of_another_kind_is_refused_or_gone_back_to(
    simulator: Simulator, damage: object
) -> None:
    """And never the end of the connection: the simulator answers whatever it is sent."""
    simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    state = simulator.control("GET", "state")
    for part in state:
        answer = simulator.http.post(
            "/_control/state", json={**state, part: damage}, headers={"Paidonce-Control": "1"}
        )
        assert answer.status_code in (200, 400), part
        message = answer.json().get("error", {}).get("message", "a saved state")
        assert "a saved state" in message or "expected" in message or "version" in message
        assert simulator.get("/v1/events").status_code == 200, part


def test_a_large_state_may_be_sent_and_a_large_request_may_not(simulator: Simulator) -> None:
    for _ in range(300):
        simulator.post("/v1/payment_intents", CREATE)
    state = simulator.control("GET", "state")
    assert len(json.dumps(state)) > 1_048_576
    simulator.control("POST", "state", state)
    assert len(simulator.ledger()["intents"]) == 300
    huge = simulator.http.post("/_control/state", content=b"x" * 1_100_000)
    assert huge.status_code == 413


def test_paidonce_stripe_says_readably_how_it_is_reached() -> None:
    command = [*COMMAND[:2], "paidonce.harness.cli", "stripe", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--forward-to", "http://127.0.0.1:9/hook"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        said = []
        while not said or not said[-1].startswith("  webhooks"):
            line = process.stdout.readline()
            assert line, f"it ended with {process.wait(120)}: {''.join(said)}"
            said.append(line)
        assert said[0].startswith("Stripe simulator listening on http://127.0.0.1:")
        assert "signed with whsec_" in said[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
