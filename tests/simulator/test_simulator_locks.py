"""Object locks: who waits, who gives up, and what is left of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.engine.limits import Limits
from paidonce.harness.simulator.engine.locks import Locks, subject
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.forms import encode
from paidonce.harness.simulator.wire.latency import Fixed, Latency
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply


def request(path: str, form: dict[str, Any], key: str | None = None) -> ApiRequest:
    headers = {"authorization": "Bearer sk_test_a"}
    if key is not None:
        headers["idempotency-key"] = key
    return ApiRequest("POST", path, b"", headers, encode(form))


async def ask(simulation: Simulation, one: ApiRequest) -> Reply:
    reply = api.answer(simulation, one)
    return reply if isinstance(reply, Reply) else await reply


def body(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


def held(ms: float, wait_ms: float) -> Simulation:
    return Simulation(
        SimulatorSettings(seed=1, latency=Latency(held=Fixed(ms)), lock_wait_ms=wait_ms)
    )


async def intent(simulation: Simulation) -> str:
    form = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa"}
    return str(body(await ask(simulation, request("/v1/payment_intents", form)))["id"])


def test_whoever_waits_too_long_gives_up_and_has_done_nothing() -> None:
    async def scenario() -> None:
        simulation = held(0, 10)
        identifier = await intent(simulation)
        path = f"/v1/payment_intents/{identifier}/confirm"
        await simulation.epoch.locks.acquire(identifier, 0)
        second = await ask(simulation, request(path, {}, "b"))
        simulation.epoch.locks.release(identifier)
        first = await ask(simulation, request(path, {}, "a"))
        assert first.status == 200
        error = body(second)["error"]
        assert (second.status, error["code"]) == (429, "lock_timeout")
        assert second.headers["stripe-should-retry"] == "true"
        assert len(simulation.epoch.world.charges) == 1
        # The key is free again, and the answer another one now.
        third = await ask(simulation, request(path, {}, "b"))
        assert body(third)["error"]["code"] == "payment_intent_unexpected_state"
        assert "idempotent-replayed" not in third.headers

    asyncio.run(scenario())


def test_whoever_waits_long_enough_sees_what_the_other_did() -> None:
    async def scenario() -> None:
        simulation = held(10, 60_000)
        path = f"/v1/payment_intents/{await intent(simulation)}/confirm"
        replies = await asyncio.gather(
            *(ask(simulation, request(path, {}, str(n))) for n in range(5))
        )
        assert sorted(reply.status for reply in replies) == [200, 400, 400, 400, 400]
        assert len(simulation.epoch.world.charges) == 1

    asyncio.run(scenario())


def test_other_objects_are_not_waited_for() -> None:
    async def scenario() -> None:
        simulation = held(20, 0)
        paths = [f"/v1/payment_intents/{await intent(simulation)}/confirm" for _ in range(4)]
        replies = await asyncio.gather(*(ask(simulation, request(path, {})) for path in paths))
        assert [reply.status for reply in replies] == [200] * 4

    asyncio.run(scenario())


def test_a_refund_locks_the_intent_whether_named_by_charge_or_intent() -> None:
    async def scenario() -> None:
        simulation = held(0, 0)
        identifier = await intent(simulation)
        await ask(simulation, request(f"/v1/payment_intents/{identifier}/confirm", {}))
        world = simulation.epoch.world
        (charge,) = world.charges
        for form in ({"charge": charge.id}, {"payment_intent": identifier}):
            assert subject(world, "POST", "refund", "", form) == identifier
        assert subject(world, "POST", "charge", charge.id, {}) == identifier
        assert subject(world, "POST", "refund", charge.id, {}) == identifier
        assert subject(world, "GET", "payment_intent", identifier, {}) is None
        assert subject(world, "POST", "payment_intent", "", {}) is None

    asyncio.run(scenario())


def test_a_lock_goes_to_whoever_waits_longest_and_past_those_who_gave_up() -> None:
    async def scenario() -> None:
        locks, order, given_up = Locks(), [], asyncio.Event()

        async def take(name: str, seconds: float) -> None:
            try:
                await locks.acquire("pi", seconds)
            except Refused:
                order.append(f"{name} gave up")
                given_up.set()
                return
            order.append(name)
            await given_up.wait()
            locks.release("pi")

        async with asyncio.TaskGroup() as group:
            for name, seconds in (("a", 60), ("b", 0.01), ("c", 60), ("d", 60)):
                group.create_task(take(name, seconds))
                await asyncio.sleep(0)
        assert order == ["a", "b gave up", "c", "d"]
        assert not locks.held("pi")

    asyncio.run(scenario())


@pytest.mark.parametrize("released_ms", [5, 15], ids=["before", "after"])
def test_who_gives_up_in_the_moment_of_the_release_is_out_of_the_way(released_ms: float) -> None:
    async def scenario() -> None:
        locks, loop = Locks(), asyncio.get_running_loop()
        await locks.acquire("pi", 60)
        impatient = asyncio.create_task(locks.acquire("pi", 0.01))
        patient = asyncio.create_task(locks.acquire("pi", 60))
        await asyncio.sleep(0)
        loop.call_later(released_ms / 1000, locks.release, "pi")
        time.sleep(0.05)  # noqa: ASYNC251 - the machine stalls: both moments are past at once
        with pytest.raises(Refused):
            await impatient
        await patient
        locks.release("pi")
        assert not locks.held("pi")

    asyncio.run(scenario())


def test_limits_fill_again_with_time_and_count_what_is_under_way() -> None:
    now = [0.0]
    limits = Limits(per_second=2, at_once=3, monotonic=lambda: now[0])
    limits.check(0)
    limits.check(0)
    with pytest.raises(Refused) as refused:
        limits.check(0)
    assert refused.value.headers["stripe-rate-limited-reason"] == "global-rate"
    now[0] += 0.5
    limits.check(0)
    with pytest.raises(Refused):
        limits.check(0)
    now[0] += 100
    limits.check(2)
    with pytest.raises(Refused) as refused:
        limits.check(3)
    assert refused.value.headers["stripe-rate-limited-reason"] == "global-concurrency"
