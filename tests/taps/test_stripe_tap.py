"""The Stripe tap between a real HTTP client and a real HTTP server."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest
from postgres_play import DEADLINE_S

from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.history import Effect, Header, Journal, read_history
from paidonce.harness.taps.changes import Keyed
from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.taps.stripe.tap import StripeTap


class Upstream:
    """A tiny server in the place of Stripe: counts calls and answers an intent."""

    def __init__(self):
        self.calls = 0
        self.arrived = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                await reader.readexactly(length)
                self.calls += 1
                self.arrived.set()
                body = msgspec.json.encode(
                    {"id": f"pi_{self.calls}", "object": "payment_intent", "status": "succeeded"}
                )
                writer.write(
                    b"HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class HoldingGate:
    """Holds requests or answers until told otherwise."""

    def __init__(self, side):
        self.side = side
        self.held = asyncio.Event()
        self.release = asyncio.Event()
        self.fault = None

    async def request(self, call, connection):
        if self.side == "request":
            self.held.set()
            await self.release.wait()

    async def answer(self, call, connection):
        if self.side == "answer":
            self.held.set()
            await self.release.wait()
        return self.fault


def run(scenario, tmp_path):
    """Run ``scenario(tap, upstream, journal)`` and return the effects it left."""

    async def main():
        path = tmp_path / "history.jsonl"
        async with Upstream() as upstream, StripeTap(upstream.url, metadata_key="order_id") as tap:
            with Journal(path, Header(run="r", scenario="s", target="t")) as journal:
                tap.bind(journal, None)
                await scenario(tap, upstream, journal)
        return [effect for _, effect in read_history(path).of(Effect)]

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


async def create(client, tap, order="o1"):
    return await client.post(
        f"{tap.url}/v1/payment_intents",
        data={"amount": "4990", "metadata[order_id]": order},
        headers={"Idempotency-Key": "k1"},
    )


def test_what_stripe_tells_is_asked_for_and_taken_out_of_what_the_service_gets():
    class Gate(HoldingGate):
        async def answer(self, call, connection):
            self.touched = call.touched

    async def story(url):
        gate = Gate("neither")
        headers = {"Authorization": "Bearer sk_test_a"}
        async with (
            StripeTap(url, metadata_key="order_id") as tap,
            httpx.AsyncClient(timeout=DEADLINE_S, headers=headers) as client,
        ):
            tap.bind(None, gate)
            await client.get(f"{tap.url}/v1/charges")
            assert gate.touched is None
            tap.tells = True
            seen = await client.get(f"{tap.url}/v1/charges")
            assert msgspec.json.decode(gate.touched)["listed"] == ["charges"]
            direct = await client.get(f"{url}/v1/charges")
            assert set(seen.headers) - {"content-length"} == set(direct.headers) - {
                "content-length",
                "connection",
                "date",
            }

    with SimulatedStripe() as stripe:
        asyncio.run(story(stripe.url))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk_live_51abcdefghijklmnop"},
        {"Authorization": "Basic cmtfbGl2ZV81MWFiY2RlZmdoaWprbG1ub3A6"},  # rk_live_…, basic
        {"Authorization": "Bearer sk_org_51abcdefghijklmnop", "Stripe-Context": "acct_1"},
    ],
)
def test_a_call_with_a_live_key_goes_nowhere(tmp_path, headers):
    async def scenario(tap, upstream, journal):
        async with httpx.AsyncClient(timeout=DEADLINE_S, headers=headers) as client:
            answer = await create(client, tap)
            assert (answer.status_code, upstream.calls) == (401, 0)
            assert "Live keys are refused" in answer.json()["error"]["message"]
            assert tap.live_keys == {key for key in tap.live_keys if "********mnop" in key}
            assert len(tap.live_keys) == 1
            allowed = {"Authorization": "Bearer sk_test_1"}
            assert (await client.get(f"{tap.url}/v1/charges", headers=allowed)).status_code == 200

    effects = run(scenario, tmp_path)
    assert [effect.answer["status"] for effect in effects] == [401, 200]


def test_calls_pass_and_are_recorded(tmp_path):
    async def scenario(tap, upstream, journal):
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            answers = [await create(client, tap), await create(client, tap, "o2")]
            confirm = await client.post(f"{tap.url}/v1/payment_intents/pi_2/confirm")
        assert [answer.json()["id"] for answer in answers] == ["pi_1", "pi_2"]
        assert answers[0].headers["request-id"] == "req_1"
        assert confirm.status_code == 200

    effects = run(scenario, tmp_path)
    assert [effect.label for effect in effects] == [
        "payment_intent.create",
        "payment_intent.create",
        "payment_intent.confirm",
    ]
    assert [effect.order for effect in effects] == ["o1", "o2", "o2"]
    assert effects[0].request["idempotency_key"] == "k1"
    assert effects[0].answer["id"] == "pi_1"
    assert all(effect.began <= effect.t and effect.delivered for effect in effects)


def test_a_held_request_has_not_reached_stripe(tmp_path):
    async def scenario(tap, upstream, journal):
        gate = HoldingGate("request")
        tap.bind(journal, gate)
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            pending = asyncio.ensure_future(create(client, tap))
            await gate.held.wait()
            assert upstream.calls == 0
            assert [call.label for call in tap.in_flight] == ["payment_intent.create"]
            gate.release.set()
            assert (await pending).status_code == 200
        assert tap.in_flight == ()

    assert len(run(scenario, tmp_path)) == 1


def test_a_call_whose_key_is_in_use_is_answered_as_by_stripe_and_does_not_go_there(tmp_path):
    class Gate(HoldingGate):
        async def request(self, call, connection):
            call.in_use = True

    async def scenario(tap, upstream, journal):
        tap.bind(journal, Gate("neither"))
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await create(client, tap)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (409, "idempotency_error")
        assert error["code"] == "idempotency_key_in_use"
        assert upstream.calls == 0

    (effect,) = run(scenario, tmp_path)
    assert effect.answer == {
        "status": 409,
        "type": "idempotency_error",
        "code": "idempotency_key_in_use",
    }


def test_a_gate_that_fails_ends_the_connection_and_is_told(tmp_path):
    failure = RuntimeError("by the test")

    class Broken(HoldingGate):
        async def request(self, call, connection):
            raise failure

    async def scenario(tap, upstream, journal):
        unhandled, told = [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: unhandled.append(said))
        tap.on_failure = told.append
        tap.bind(journal, Broken("neither"))
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await create(client, tap)
        assert upstream.calls == 0
        assert (told, unhandled) == ([failure], [])

    assert run(scenario, tmp_path) == []


def test_a_held_answer_has_had_its_effect(tmp_path):
    async def scenario(tap, upstream, journal):
        gate = HoldingGate("answer")
        tap.bind(journal, gate)
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            pending = asyncio.ensure_future(create(client, tap))
            await gate.held.wait()
            assert upstream.calls == 1
            assert not pending.done()
            gate.release.set()
            await pending

    assert run(scenario, tmp_path)[0].delivered


def test_a_dropped_answer_is_an_effect_that_nobody_was_told_of(tmp_path):
    async def scenario(tap, upstream, journal):
        gate = HoldingGate("answer")
        gate.fault = LostAnswer()
        gate.release.set()
        tap.bind(journal, gate)
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            with pytest.raises(httpx.ReadError):
                await create(client, tap)
        assert upstream.calls == 1

    (effect,) = run(scenario, tmp_path)
    assert not effect.delivered
    assert effect.answer["id"] == "pi_1"


def test_a_call_whose_service_hung_up_is_carried_to_stripe_all_the_same(tmp_path):
    async def scenario(tap, upstream, journal):
        gate = HoldingGate("request")
        tap.bind(journal, gate)
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            pending = asyncio.ensure_future(create(client, tap))
            await gate.held.wait()
            pending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pending
        gate.release.set()
        await upstream.arrived.wait()
        while tap.in_flight:
            await asyncio.sleep(0.001)

    (effect,) = run(scenario, tmp_path)
    assert not effect.delivered
    assert effect.answer is not None


def test_an_unreachable_stripe_gives_no_answer(tmp_path):
    async def main():
        path = tmp_path / "history.jsonl"
        async with Upstream() as gone:
            url = gone.url
        async with (
            StripeTap(url, metadata_key="order_id") as tap,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
        ):
            with Journal(path, Header(run="r", scenario="s", target="t")) as journal:
                tap.bind(journal, None)
                with pytest.raises(httpx.RemoteProtocolError):
                    await create(client, tap)
        return [effect for _, effect in read_history(path).of(Effect)]

    (effect,) = asyncio.run(main())
    assert effect.answer is None
    assert not effect.delivered


def test_a_lost_answer_ends_the_call_for_the_gate_too(tmp_path):
    class Counting:
        def __init__(self):
            self.told = []

        async def request(self, call, connection):
            self.told.append(("request", call.label))

        async def answer(self, call, connection):
            self.told.append(("answer", call.label))

    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async def main():
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        gate, (host, port) = Counting(), server.sockets[0].getsockname()
        async with (
            server,
            StripeTap(f"http://{host}:{port}", metadata_key="order_id") as tap,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
        ):
            tap.bind(None, gate)
            for _ in range(2):
                with pytest.raises(httpx.RemoteProtocolError):
                    await create(client, tap)
        return gate.told

    once = [("request", "payment_intent.create"), ("answer", "payment_intent.create")]
    assert asyncio.run(asyncio.wait_for(main(), DEADLINE_S)) == once * 2


def test_bytes_that_are_no_http_end_that_connection_only(tmp_path):
    async def scenario(tap, upstream, journal):
        port = int(tap.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x00\x01nonsense\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        writer.close()
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            assert (await create(client, tap)).status_code == 200

    assert len(run(scenario, tmp_path)) == 1


def test_a_key_of_its_own_is_equal_for_what_asks_for_the_same(tmp_path):
    change = Keyed(label="payment_intent.create")

    async def scenario(tap, upstream, journal):
        tap.change([change])
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            url = f"{tap.url}/v1/payment_intents"
            for form, key in (
                ({"amount": "1", "currency": "usd"}, {"Idempotency-Key": "k1"}),
                ({"currency": "usd", "amount": "1"}, {}),
                ({"amount": "2", "currency": "usd"}, {"Idempotency-Key": "k1"}),
            ):
                await client.post(url, data=form, headers=key)
            await client.post(f"{url}/pi_1/confirm", headers={"Idempotency-Key": "k2"})

    made, other, more, confirm = (
        effect.request["idempotency_key"] for effect in run(scenario, tmp_path)
    )
    assert made == other
    assert len({made, more, "k1"}) == 3
    assert confirm == "k2"
