"""What a gate has go wrong with calls to Stripe: what Stripe did, and what the service saw."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest
from postgres_play import DEADLINE_S, Gatekeeper

from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.history import Effect, Fault, Header, Journal, read_history
from paidonce.harness.taps.faults import ErrorAnswer, LostAnswer, NoContact
from paidonce.harness.taps.stripe.refusals import ANSWERED, SAVED
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls

AUTHORIZED = {"Authorization": "Bearer sk_test_a"}


@pytest.fixture(scope="module")
def stripe():
    with SimulatedStripe() as server:
        yield server


class Shop:
    def __init__(self, tap, gate, client, url):
        self.tap, self.gate, self.client, self.url = tap, gate, client, url

    async def create(self, key="k1", url=None, client=None):
        return await (client or self.client).post(
            f"{url or self.tap.url}/v1/payment_intents",
            data={"amount": "4990", "currency": "eur"},
            headers={**AUTHORIZED, "Idempotency-Key": key},
        )

    async def there(self):
        """How many intents Stripe has, asked for past the tap."""
        return len((await self.client.get(f"{self.url}/v1/payment_intents")).json()["data"])


def play(stripe, tmp_path, story):
    """Run ``story(shop)``; returns the effects and the faults it left."""
    stripe.reset()

    async def main():
        async with (
            StripeTap(stripe.url, metadata_key="order_id") as tap,
            httpx.AsyncClient(timeout=DEADLINE_S, headers=AUTHORIZED, trust_env=False) as client,
        ):
            tap.tells, gate = True, Gatekeeper()
            with Journal(
                tmp_path / "h.jsonl", Header(run="r", scenario="s", target="t")
            ) as journal:
                tap.bind(journal, gate)
                await story(Shop(tap, gate, client, stripe.url))
                assert tap.in_flight == ()
        history = read_history(tmp_path / "h.jsonl")
        return [[event for _, event in history.of(kind)] for kind in (Effect, Fault)]

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_without_contact_stripe_never_hears_of_the_call(stripe, tmp_path):
    async def story(shop):
        shop.gate.at_request = NoContact()
        with pytest.raises(httpx.ReadError):
            await shop.create()
        assert await shop.there() == 0
        shop.gate.at_request = None
        assert (await shop.create()).status_code == 200

    (effect, _), (fault,) = play(stripe, tmp_path, story)
    assert (effect.answer, effect.delivered) == (None, False)
    assert (fault.tap, fault.kind, fault.seq) == ("stripe", "no_contact", effect.seq)


def test_who_asks_again_after_a_lost_answer_is_told_what_was_done(stripe, tmp_path):
    async def story(shop):
        shop.gate.at_answer = LostAnswer()
        with pytest.raises(httpx.ReadError):
            await shop.create()
        assert await shop.there() == 1
        shop.gate.at_answer = None
        again = await shop.create()
        assert again.headers["idempotent-replayed"] == "true"
        assert await shop.there() == 1

    (lost, again), (fault,) = play(stripe, tmp_path, story)
    assert (lost.answer["id"], lost.delivered) == (again.answer["id"], False)
    assert fault.kind == "lost_answer"


@pytest.mark.parametrize("error", ANSWERED)
def test_an_error_in_the_place_of_stripe_leaves_nothing_behind(stripe, tmp_path, error):
    async def story(shop):
        shop.gate.at_request = ErrorAnswer(error)
        refused = await shop.create()
        found = refused.json()["error"]
        assert error in (found.get("code"), found["type"]) or found["code"] == "rate_limit"
        assert refused.status_code in (409, 429, 500)
        assert await shop.there() == 0
        shop.gate.at_request = None
        assert "idempotent-replayed" not in (await shop.create()).headers

    (effect, _), _ = play(stripe, tmp_path, story)
    assert effect.delivered


@pytest.mark.parametrize("error", SAVED)
def test_a_saved_error_is_told_again_under_its_key(stripe, tmp_path, error):
    async def story(shop):
        shop.gate.at_request = ErrorAnswer(error)
        refused = await shop.create()
        assert (refused.status_code, refused.json()["error"]["type"]) == (500, "api_error")
        assert await shop.there() == (1 if error.endswith("_after") else 0)
        shop.gate.at_request = None
        again = await shop.create()
        assert (again.status_code, again.headers["idempotent-replayed"]) == (500, "true")
        assert (await shop.create("k2")).status_code == 200

    play(stripe, tmp_path, story)


def test_an_error_in_the_place_of_an_answer_hides_what_was_done(stripe, tmp_path):
    async def story(shop):
        shop.gate.at_answer = ErrorAnswer("api_error")
        assert (await shop.create()).status_code == 500
        assert await shop.there() == 1
        shop.gate.at_answer = None
        assert (await shop.create()).headers["idempotent-replayed"] == "true"

    (effect, _), _ = play(stripe, tmp_path, story)
    assert effect.answer["status"] == 200
    assert not effect.delivered


def test_a_connection_lost_behind_tls_is_lost_to_the_service(stripe, tmp_path):
    async def story(shop):
        async with StripeTls(shop.tap.url, tmp_path) as tls:
            trusted = ssl.create_default_context(cafile=tls.bundle)
            async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
                shop.gate.at_answer = LostAnswer()
                with pytest.raises(httpx.ReadError):
                    await shop.create(url=tls.url, client=client)
        assert await shop.there() == 1

    play(stripe, tmp_path, story)


def test_what_a_tap_can_carry_out_depends_on_whose_stripe_it_is():
    tap = StripeTap("http://127.0.0.1:1", metadata_key="order_id")
    saved = {ErrorAnswer(error) for error in SAVED}
    assert not saved & set(tap.faults.request)
    tap.tells = True
    assert saved < set(tap.faults.request)
