"""The small parts: ids, money, signing, keys, latency, search, paging."""

from __future__ import annotations

import base64
import random
import re
import time
from types import SimpleNamespace

import msgspec
import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from payment_world import make

from paidonce.harness.simulator.domain import money
from paidonce.harness.simulator.domain.collection import Collection, Cursor, UnknownCursor
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.intents import CreateIntent, create
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.search import read_query
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.touched import watched
from paidonce.harness.simulator.domain.touched_tables import Touched
from paidonce.harness.simulator.engine.signing import sign
from paidonce.harness.simulator.wire.auth import authenticate
from paidonce.harness.simulator.wire.latency import (
    Exponential,
    Fixed,
    Latency,
    LogNormal,
    Uniform,
    split,
)
from paidonce.harness.simulator.wire.live_keys import live_key_in, masked

CAUSE = EventRequest(id=None, idempotency_key=None)


def test_ids_have_stripes_shape_and_repeat_with_the_seed_only() -> None:
    first, again, other, free = IdSource(7), IdSource(7), IdSource(8), IdSource()
    drawn = [first.draw("pi_") for _ in range(50)]
    assert len(set(drawn)) == 50
    assert all(re.fullmatch(r"pi_[0-9A-Za-z]{24}", identifier) for identifier in drawn)
    again.draw("req_")  # another kind of id does not shift this one
    assert [again.draw("pi_") for _ in range(50)] == drawn
    assert other.draw("pi_") != drawn[0] != free.draw("pi_")
    assert other.draw("ch_")[3:] != IdSource(8).draw("pi_")[3:]  # one says nothing of the other


@given(st.integers(min_value=1, max_value=money.MAXIMUM))
@settings(deadline=None)
def test_a_fee_never_exceeds_the_amount(amount: int) -> None:
    assert 0 < money.fee(amount) <= amount


def test_amounts_are_written_in_the_currencys_own_unit() -> None:
    assert money.written(1050, "usd") == "$10.50"
    assert money.written(500, "jpy") == "¥500"
    assert money.written(1500, "kwd") == "1.500 kwd"
    assert money.fee(1000) == 59


def test_stripes_library_accepts_our_signature_and_no_other() -> None:
    payload, secret = b'{"id":"evt_1","object":"event","type":"charge.succeeded"}', "whsec_x"
    now = int(time.time())
    event = stripe.Webhook.construct_event(payload, sign(payload, secret, now), secret)
    assert event.id == "evt_1"
    for forged in (sign(payload, "whsec_y", now), sign(payload + b" ", secret, now)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload, forged, secret)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        stripe.Webhook.construct_event(payload, sign(payload, secret, now - 3600), secret)
    with pytest.raises(ValueError, match="empty"):
        sign(payload, "", now)


def test_a_test_key_is_taken_as_bearer_and_as_basic() -> None:
    basic = "Basic " + base64.b64encode(b"rk_test_1:").decode()
    assert authenticate("Bearer sk_test_abc") == "sk_test_abc"
    assert authenticate(basic) == "rk_test_1"
    for garbage in ("Basic \xffc2tfdGVzdF8x", "Basic c2tfdGVzdF8", "Basic /w=="):
        with pytest.raises(Refused):
            authenticate(garbage)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "did not provide an API key"),
        ("", "did not provide an API key"),
        ("Digest x", "did not provide an API key"),
        ("Basic !!!", "did not provide an API key"),
        ("Bearer sk_live_51abcdefghijklmnop", "Live keys are refused"),
        ("Bearer rk_live_51abcdefghijklmnop", "Live keys are refused"),
        ("Bearer sk_org_live_51abcdefghijklmnop", "Live keys are refused"),
        ("Bearer sk_org_51abcdefghijklmnop", "Live keys are refused"),
        ("Bearer pk_test_51", "publishable"),
        ("Bearer sk_test_", "Invalid API Key"),
        ("Bearer sk_test_a b", "Invalid API Key"),
        ("Bearer nonsense", "Invalid API Key"),
    ],
)
def test_every_other_key_is_refused(header: str | None, message: str) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        authenticate(header)
    assert refusal.value.status == 401


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sk_live_51abc", "sk_live_51abc"),
        ('{"stripe": {"secret": "rk_live_51abc"}}', "rk_live_51abc"),
        ("https://user:sk_org_live_51abc@host/", "sk_org_live_51abc"),
        ("SK_LIVE_51abc", "SK_LIVE_51abc"),
        ("sk_org_51abc", "sk_org_51abc"),
        ("sk_org_test_51abc", None),
        ("sk_test_51abc", None),
        ("pk_live_51abc", None),
        ("task_live_51abc", None),
        ("sk_live_", None),
    ],
)
def test_a_key_of_a_real_account_is_found_in_any_text(text: str, key: str | None) -> None:
    assert live_key_in(text) == key


def test_a_shown_key_gives_little_away() -> None:
    assert masked("sk_org_live_51abcdefghijklmnop") == "sk_org_live_********mnop"
    assert masked("sk_live_51abcdefghijklmnop") == "sk_live_********mnop"
    assert "short" not in masked("sk_test_short")


def test_latencies_stay_within_their_bounds() -> None:
    rng = random.Random(1)
    assert {Fixed(3).sample(rng) for _ in range(5)} == {3}
    assert all(2 <= Uniform(low_ms=2, high_ms=5).sample(rng) <= 5 for _ in range(200))
    samples = [Exponential(mean_ms=10, cap_ms=40).sample(rng) for _ in range(2000)]
    assert max(samples) == 40
    assert 8 < sum(samples) / len(samples) < 12
    around = sorted(LogNormal(median_ms=50, sigma=0.5).sample(rng) for _ in range(2001))
    assert 45 < around[1000] < 55
    assert around[0] > 0
    assert LogNormal(median_ms=50, sigma=2, cap_ms=60).sample(rng) <= 60
    assert split(10) == Latency(before=Fixed(5), after=Fixed(5))


@pytest.mark.parametrize(
    "body",
    [
        b'{"before": {"kind": "fixed", "ms": -1}}',
        b'{"before": {"kind": "uniform", "low_ms": 2, "high_ms": 1}}',
        b'{"before": {"kind": "exponential", "mean_ms": 0}}',
        b'{"before": {"kind": "gauss"}}',
        b'{"around": {"kind": "lognormal", "median_ms": 0, "sigma": 1}}',
        b'{"befor": {"kind": "fixed"}}',
        b'{"after": {"kind": "fixed", "ms": 1e9}}',
    ],
)
def test_an_impossible_latency_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Latency)


class Item(msgspec.Struct, frozen=True):
    id: str
    created: int


def numbered(count: int) -> Collection[Item]:
    collection: Collection[Item] = Collection()
    for number in range(count):
        collection.put(Item(str(number), number))
    return collection


@given(count=st.integers(0, 25), limit=st.integers(1, 7), among=st.booleans())
@settings(deadline=None)
def test_paging_in_either_direction_sees_everything_once(
    count: int, limit: int, among: bool
) -> None:
    collection = numbered(count)
    ids = [str(number) for number in range(0, count, 2)] if among else None
    expected = ids[::-1] if ids is not None else [str(n) for n in reversed(range(count))]

    seen: list[str] = []
    cursor = Cursor(limit=limit)
    while True:
        page = collection.page(cursor, among=ids)
        assert len(page.data) <= limit
        seen += [item.id for item in page.data]
        if not page.has_more:
            break
        cursor = Cursor(limit=limit, starting_after=seen[-1])
    assert seen == expected

    if not expected:
        return
    back: list[str] = [expected[-1]]
    while True:
        page = collection.page(Cursor(limit=limit, ending_before=back[0]), among=ids)
        back = [item.id for item in page.data] + back
        if not page.has_more:
            break
    assert back == expected


def test_an_unknown_cursor_names_its_parameter() -> None:
    with pytest.raises(UnknownCursor) as error:
        numbered(2).page(Cursor(ending_before="x"))
    assert error.value.param == "ending_before"


def test_replacing_an_object_keeps_its_place() -> None:
    collection = numbered(3)
    collection.put(Item("1", 99))
    assert [item.created for item in collection.page(Cursor()).data] == [2, 99, 0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['order_id']:'o-1'", {"a"}),
        ('metadata["order_id"]:"O-1"', {"a"}),
        ("metadata['order_id']~'o-1'", {"a", "b"}),
        ("metadata['order_id']:null", {"c"}),
        ("-metadata['order_id']:null AND amount>100", {"b"}),
        ("amount>=100 amount<=200", {"a", "b"}),
        ("amount:300 OR metadata['order_id']:'o-1'", {"a", "c"}),
        ("currency:'eur' or amount<150", {"a", "c"}),
        ("status:'requires_payment_method' AND -currency:\"eur\"", {"a", "b"}),
        (r"metadata['quo\'te']:'it\'s'", {"c"}),
    ],
)
def test_search_finds_what_the_query_says(query: str, found: set[str]) -> None:
    world = World(IdSource(1))
    intents = {
        "a": CreateIntent(amount=100, currency="usd", metadata={"order_id": "o-1"}),
        "b": CreateIntent(amount=200, currency="usd", metadata={"order_id": "o-12"}),
        "c": CreateIntent(amount=300, currency="eur", metadata={"quo'te": "it's"}),
    }
    made = {name: create(world, request, CAUSE) for name, request in intents.items()}
    asked = read_query(query, "payment_intent")
    assert {name for name, intent in made.items() if asked.matches(intent)} == found
    among = asked.among(world.intents)
    ids = {intent.id for name, intent in made.items() if name in found}
    assert among is None or ids <= set(among)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("payment_method_details.card.last4:4242", {"visa"}),
        ("payment_method_details.card.last4:'4444' AND amount>1", {"mastercard"}),
        ("-payment_method_details.card.brand:'visa'", {"mastercard"}),
        ("payment_method_details.card.exp_month:12", {"visa", "mastercard"}),
        ("payment_method_details.us_bank_account.last4:4242", set()),
        ("billing_details.address.postal_code:null", {"visa", "mastercard"}),
    ],
)
def test_search_looks_into_how_a_charge_was_paid(world: World, query: str, found: set[str]) -> None:
    """https://docs.stripe.com/search#query-fields-for-charges."""
    made = {
        name: make(world, PaymentSource(payment_method=f"pm_card_{name}"), confirm=True)
        for name in ("visa", "mastercard")
    }
    asked = read_query(query, "charge")
    names = {intent.latest_charge: name for name, intent in made.items()}
    assert {names[one.id] for one in world.charges if asked.matches(one)} == found
    among = asked.among(world.charges)
    assert among is None or {names[one] for one in among} == found


@pytest.mark.parametrize("field", ["last_finalization_error_code", "receipt_number"])
def test_search_of_invoices_takes_what_stripe_documents(field: str) -> None:
    assert read_query(f"{field}:'x'", "invoice").matches(SimpleNamespace()) is False


@pytest.mark.parametrize(
    "query",
    [
        "",
        "order",
        "metadata:'x'",
        "amount['x']:1",
        "amount~1",
        "amount:'many'",
        "status>'a'",
        "status:5",
        "colour:'red'",
        "shipping.name:'x'",
        "currency~'us'",
        "amount>1 AND",
        "amount>1 AND amount<5 OR amount:9",
        "status:'open",
    ],
)
def test_a_query_that_means_nothing_is_refused(query: str) -> None:
    with pytest.raises(Refused, match="search query"):
        read_query(query, "payment_intent")


def test_a_view_that_takes_notes_has_all_that_the_world_has() -> None:
    world = World(IdSource(1))
    view = watched(world, Touched())
    lacking = {name for name in vars(world) if not hasattr(view, name)}
    assert lacking == {"agenda", "planned", "on_agenda"}, "what falls due is planned by the world"
