"""Idempotency, latency and errors, in one event loop where their order is certain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.domain import intents
from paidonce.harness.simulator.engine.idempotency import KEPT_SECONDS, WhenBusy
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.forms import encode
from paidonce.harness.simulator.wire.latency import Fixed, Latency
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply

CREATE = {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
SOON = Latency(before=Fixed(30))


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def simulate(**settings: Any) -> Simulation:
    return Simulation(SimulatorSettings(seed=1, **settings), clock=Clock())


def request(
    path: str = "/v1/payment_intents",
    params: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    account: str = "sk_test_a",
    method: str = "POST",
    **headers: str,
) -> ApiRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["idempotency-key"] = key
    body = encode(CREATE if params is None else params)
    return ApiRequest(
        method=method,
        path=path,
        query=b"",
        headers={"authorization": f"Bearer {account}", **named},
        body=body if method == "POST" else b"",
    )


async def answered(simulation: Simulation, one: ApiRequest) -> Reply:
    reply = api.answer(simulation, one)
    return reply if isinstance(reply, Reply) else await reply


def ask(simulation: Simulation, one: ApiRequest) -> Reply:
    return asyncio.run(answered(simulation, one))


def body(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


def test_a_repeated_key_is_answered_alike_and_executes_once() -> None:
    simulation = simulate()
    first, second = (ask(simulation, request(key="k")) for _ in range(2))
    assert first.status == second.status == 200
    assert first.body == second.body
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["request-id"] != first.headers["request-id"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "k"
    assert len(simulation.epoch.world.intents) == 1


def test_the_order_of_the_parameters_does_not_make_another_request() -> None:
    simulation = simulate()
    ask(simulation, request(key="k"))
    again = ask(simulation, request(params=dict(reversed(CREATE.items())), key="k"))
    assert again.headers["idempotent-replayed"] == "true"


def test_a_decline_is_kept_like_a_success() -> None:
    simulation = simulate()
    declined = CREATE | {"payment_method": "pm_card_chargeDeclined"}
    first, second = (ask(simulation, request(params=declined, key="k")) for _ in range(2))
    assert first.status == second.status == 402
    assert first.body == second.body
    assert len(simulation.epoch.world.charges) == 1


def test_an_executed_refusal_is_kept_even_when_it_would_succeed_now() -> None:
    simulation = simulate()
    intent = body(ask(simulation, request(params={"amount": 1000, "currency": "usd"})))["id"]
    confirm = f"/v1/payment_intents/{intent}/confirm"
    first = ask(simulation, request(confirm, {}, key="k"))
    assert (first.status, body(first)["error"]["code"]) == (400, "payment_intent_unexpected_state")
    ask(simulation, request(f"/v1/payment_intents/{intent}", {"payment_method": "pm_card_visa"}))
    assert ask(simulation, request(confirm, {}, key="k")).body == first.body
    assert ask(simulation, request(confirm, {}, key="new")).status == 200


def test_an_internal_failure_is_a_500_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation = simulate()

    def broken(*_: object) -> None:
        raise RuntimeError("out of paper")

    with monkeypatch.context() as patch:
        patch.setattr(intents, "create", broken)
        first = ask(simulation, request(key="k"))
    assert (first.status, body(first)["error"]["type"]) == (500, "api_error")
    assert "out of paper" in capsys.readouterr().err
    assert ask(simulation, request(key="k")).body == first.body
    assert len(simulation.epoch.world.intents) == 0


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large"),
        ({"amount": "10.5", "currency": "usd"}, "parameter_invalid_integer"),
        ({"amount": "1_000", "currency": "usd"}, "parameter_invalid_integer"),
        ({"amount": -5, "currency": "usd"}, "parameter_invalid_integer"),
        ({"amount": "", "currency": "usd"}, "parameter_invalid_empty"),
        ({"currency": "usd"}, "parameter_missing"),
        ({"amount": 1000}, "parameter_missing"),
        ({"amount": 1000, "currency": "xyz"}, None),
        ({"amount": 1000, "currency": "usd", "colour": "red"}, "parameter_unknown"),
        ({"amount": 1000, "currency": "usd", "confirm": "yes"}, None),
        ({"amount": 1000, "currency": "usd", "capture_method": "later"}, None),
        ({"amount": 1000, "currency": "usd", "metadata": "text"}, None),
        ({"amount": 1000, "currency": "usd", "metadata": {"k" * 41: "v"}}, None),
        ({"amount": 1000, "currency": "usd", "metadata": {"k": "v" * 501}}, None),
        ({"amount": 1000, "currency": "usd", "expand": ["colour"]}, None),
        ({"amount": 1000, "currency": "usd", "payment_method_types": ["ideal"]}, None),
        ({"amount": 1000, "currency": "usd", "off_session": True}, None),
        (
            {
                "amount": 1000,
                "currency": "usd",
                "payment_method_types": ["card"],
                "automatic_payment_methods": {"enabled": True},
            },
            None,
        ),
    ],
)
def test_wrong_parameters_are_refused_and_leave_the_key_free(
    params: dict[str, Any], code: str | None
) -> None:
    simulation = simulate()
    refused = ask(simulation, request(params=params, key="k"))
    assert refused.status == 400
    error = body(refused)["error"]
    assert (error["type"], error.get("code")) == ("invalid_request_error", code)
    assert error["param"]
    assert ask(simulation, request(key="k")).status == 200


def test_the_same_key_for_something_else_is_an_idempotency_error() -> None:
    simulation = simulate()
    intent = body(ask(simulation, request(key="k")))["id"]
    for other in (
        request(params=CREATE | {"amount": 2000}, key="k"),
        request(params={"amount": 1}, key="k"),  # even though these are wrong as well
        request(f"/v1/payment_intents/{intent}/cancel", {}, key="k"),
    ):
        answer = ask(simulation, other)
        assert (answer.status, body(answer)["error"]["type"]) == (400, "idempotency_error")
    assert ask(simulation, request(key="k")).headers["idempotent-replayed"] == "true"


def test_keys_belong_to_the_account_and_reads_ignore_them() -> None:
    simulation = simulate()
    one = body(ask(simulation, request(key="k")))["id"]
    two = body(ask(simulation, request(key="k", account="sk_test_b")))["id"]
    assert one != two
    path = f"/v1/payment_intents/{one}"
    read = ask(simulation, request(path, method="GET", key="k"))
    assert read.status == 200
    assert "idempotency-key" not in read.headers


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 200), (255, 200), (256, 400)])
def test_the_length_of_a_key_is_limited(length: int, status: int) -> None:
    assert ask(simulate(), request(key="k" * length)).status == status


def test_a_key_is_forgotten_after_a_day() -> None:
    simulation = simulate()
    ask(simulation, request(key="k"))
    # The clock goes on meanwhile, and on a busy machine by seconds.
    simulation.clock.ahead += KEPT_SECONDS - 600
    assert ask(simulation, request(key="k")).headers["idempotent-replayed"] == "true"
    simulation.clock.ahead += 600
    assert "idempotent-replayed" not in ask(simulation, request(key="k")).headers
    assert len(simulation.epoch.world.intents) == 2


def test_a_key_in_use_is_a_conflict_that_is_not_kept() -> None:
    simulation = simulate(latency=SOON)

    async def scenario() -> None:
        first = asyncio.create_task(answered(simulation, request(key="k")))
        await asyncio.sleep(0)  # the first runs up to its latency
        assert simulation.in_flight == 1
        conflict = await answered(simulation, request(key="k"))
        assert not first.done()
        assert conflict.status == 409
        assert body(conflict)["error"]["code"] == "idempotency_key_in_use"
        assert body(conflict)["error"]["type"] == "idempotency_error"
        different = await answered(simulation, request(params={"amount": 1}, key="k"))
        assert different.status == 400
        answer = await first
        replay = await answered(simulation, request(key="k"))
        assert replay.body == answer.body
        assert replay.headers["original-request"] == answer.headers["request-id"]

    asyncio.run(scenario())
    assert len(simulation.epoch.world.intents) == 1


def test_serialized_requests_wait_for_the_first_and_repeat_its_answer() -> None:
    simulation = simulate(latency=SOON, when_busy=WhenBusy.SERIALIZE)

    async def scenario() -> list[Reply]:
        return await asyncio.gather(*(answered(simulation, request(key="k")) for _ in range(10)))

    replies = asyncio.run(scenario())
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert sum("idempotent-replayed" in reply.headers for reply in replies) == 9
    assert len(simulation.epoch.world.intents) == 1


def cut_short(simulation: Simulation, ready: Callable[[], bool]) -> None:
    """Start a request, cancel it once ``ready``, as the server does when it must stop."""

    async def scenario() -> None:
        task = asyncio.create_task(answered(simulation, request(key="k")))
        async with asyncio.timeout(60):
            while not ready():
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_request_cut_short_before_its_effect_frees_its_key() -> None:
    simulation = simulate(latency=Latency(before=Fixed(60_000)))
    cut_short(simulation, lambda: simulation.in_flight == 1)
    assert simulation.in_flight == 0
    simulation.set_latency(Latency())
    assert "idempotent-replayed" not in ask(simulation, request(key="k")).headers
    assert len(simulation.epoch.world.intents) == 1


def test_a_request_cut_short_after_its_effect_keeps_its_answer() -> None:
    simulation = simulate(latency=Latency(after=Fixed(60_000)))
    world = simulation.epoch.world
    cut_short(simulation, lambda: len(world.intents) == 1)
    simulation.set_latency(Latency())
    replay = ask(simulation, request(key="k"))
    assert replay.headers["idempotent-replayed"] == "true"
    assert body(replay)["id"] == next(iter(world.intents)).id
    assert len(world.intents) == 1


def test_the_effect_comes_after_one_part_of_the_latency_and_before_the_other() -> None:
    before = simulate(latency=Latency(before=Fixed(60_000)))
    cut_short(before, lambda: before.in_flight == 1)
    assert len(before.epoch.world.intents) == 0
    after = simulate(latency=Latency(after=Fixed(60_000)))
    cut_short(after, lambda: after.in_flight == 1)
    assert len(after.epoch.world.intents) == 1


def test_a_request_overtaken_by_a_reset_leaves_nothing_in_the_new_state() -> None:
    simulation = simulate(latency=SOON)

    async def scenario() -> Reply:
        task = asyncio.create_task(answered(simulation, request(key="k")))
        await asyncio.sleep(0)
        simulation.reset()
        return await task

    assert asyncio.run(scenario()).status == 200
    assert len(simulation.epoch.world.intents) == 0
    assert simulation.epoch.keys.summaries() == []
    assert list(simulation.log) == []


def test_a_reset_restarts_the_ids_of_a_seed_and_no_others() -> None:
    def first_id(simulation: Simulation) -> str:
        return str(body(ask(simulation, request()))["id"])

    seeded, free = simulate(), Simulation(SimulatorSettings())
    one, other = first_id(seeded), first_id(free)
    seeded.reset()
    free.reset()
    assert first_id(seeded) == one
    assert first_id(free) != other
    free.reset(seed=1)
    assert first_id(free) == one


def test_what_is_not_form_encoded_is_refused() -> None:
    answer = ask(simulate(), request(content_type="application/json; charset=utf-8"))
    assert answer.status == 400
    assert "form-encoded" in body(answer)["error"]["message"]


def test_the_version_is_echoed_or_the_accounts_own() -> None:
    simulation = simulate()
    assert ask(simulation, request()).headers["stripe-version"] == "2026-10-28.endive"
    old = ask(simulation, request(stripe_version="2022-11-15"))
    assert old.headers["stripe-version"] == "2022-11-15"
    assert ask(simulation, request(stripe_version="newest")).status == 400
