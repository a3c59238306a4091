"""Requests that meet, with Stripe held so that they do."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest
import redis
from reference_run import DEADLINE_S, SOUND, Backends, Running, Starter
from sqlalchemy import Connection, TextClause

from paidonce.reference_service import store
from paidonce.reference_service.guards.redis_client import lock_name


def codes(answers: list[object]) -> Counter[object]:
    found = Counter[object]()
    for answer in answers:
        body = answer.json()  # type: ignore[attr-defined]
        found[body["error"]["code"] if "error" in body else answer.status_code] += 1  # type: ignore[attr-defined]
    return found


def test_eight_payments_at_once_make_one(sound: Running) -> None:
    order = sound.new_order()
    answers = [one.result() for one in [sound.start(sound.pay, order) for _ in range(8)]]
    found = codes(answers)
    assert found.pop(200) == 1
    assert set(found) <= {"order_already_paid", "payment_in_progress"}
    assert sum(found.values()) == 7
    assert sound.charged(order) == [1000]
    assert len(sound.intents(order)) == 1


@pytest.mark.parametrize("guard", SOUND)
def test_everything_else_is_turned_away_while_stripe_is_called(serve: Starter, guard: str) -> None:
    with serve(guard, LOCK_TIMEOUT_MS="300") as sound:
        order = sound.new_order()
        with sound.front.held() as gate:
            first = sound.start(sound.pay, order)
            gate.wait_for_arrival()
            others = [
                sound.start(sound.pay, order),
                sound.start(sound.pay, order, "pm_card_visa", "key"),
                sound.start(sound.intent, order),
                sound.start(sound.cancel, order),
                sound.start(sound.amend, order, 700),
                sound.start(
                    sound.webhook, order, f"evt_{order}", "payment_intent.succeeded", "pi_x"
                ),
            ]
            # Who waits for the lock gives up after LOCK_TIMEOUT_MS, before Stripe is let go.
            answers = [other.result(timeout=DEADLINE_S) for other in others]
            assert not first.done()
        assert all(answer.status_code == 409 for answer in answers), codes(answers)
        assert set(codes(answers)) <= {"payment_in_progress", "order_already_paid"}
        assert first.result().status_code == 200
        assert sound.charged(order) == [1000]
        assert sound.order(order)["amount"] == 1000
        assert len(sound.front.seen) == 1


@pytest.mark.parametrize("guard", ["row_lock", "advisory_lock"])
def test_a_waiter_gives_up_before_the_holder_is_done(serve: Starter, guard: str) -> None:
    with serve(guard, LOCK_TIMEOUT_MS="100") as running:
        order = running.new_order()
        with running.front.held() as gate:
            first = running.start(running.pay, order)
            gate.wait_for_arrival()
            second = running.pay(order)
            assert not first.done()
        assert second.status_code == 409
        assert second.json()["error"]["code"] == "payment_in_progress"
        assert second.elapsed.total_seconds() >= 0.1
        assert first.result().status_code == 200


def test_the_same_client_key_at_once_is_one_payment(sound: Running) -> None:
    order = sound.new_order()
    answers = [
        one.result()
        for one in [sound.start(sound.pay, order, "pm_card_visa", "one") for _ in range(6)]
    ]
    paid = [answer for answer in answers if answer.status_code == 200]
    assert len({answer.text for answer in paid}) == 1
    fresh = [answer for answer in paid if "Idempotent-Replayed" not in answer.headers]
    assert len(fresh) == 1
    for answer in answers:
        if answer.status_code != 200:
            assert answer.json()["error"]["code"] == "payment_in_progress"
    assert sound.charged(order) == [1000]


def test_nobody_goes_on_without_a_claim_because_the_order_looks_free(
    serve: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is claimed when CLAIM looks for it, and free again when READ does."""
    set_pending = "UPDATE orders SET pending_attempt = %s WHERE id = %s RETURNING id"
    fetch, claims = store.fetch_order, []
    with serve("claim") as running:
        order = running.new_order()
        running.pay(order)
        running.sql(set_pending, uuid4(), order)

        def watched(connection: Connection, statement: TextClause, **values: object) -> object:
            found = fetch(connection, statement, **values)
            if statement is store.CLAIM:
                claims.append(found)
                if found is None:
                    running.sql(set_pending, None, order)
            return found

        monkeypatch.setattr(store, "fetch_order", watched)
        assert running.refund(order, 400).status_code == 201
    assert [found is None for found in claims] == [True, False]


def test_refunds_at_once_never_exceed(sound: Running) -> None:
    order = sound.new_order(1000)
    sound.pay(order)
    answers = [one.result() for one in [sound.start(sound.refund, order, 400) for _ in range(6)]]
    found = codes(answers)
    assert set(found) <= {201, "payment_in_progress", "refund_exceeds_payment"}
    assert 1 <= found[201] <= 2
    assert sound.refunded(order) == 400 * found[201]
    assert sound.order(order)["refunded_amount"] == 400 * found[201]


def test_a_payment_and_a_cancellation_do_not_both_happen(sound: Running) -> None:
    for with_intent in (False, True):
        order = sound.new_order()
        if with_intent:
            sound.intent(order)
        pay, cancel = sound.start(sound.pay, order), sound.start(sound.cancel, order)
        won = [one.result().status_code for one in (pay, cancel)].count(200)
        assert won == 1
        paid = pay.result().status_code == 200
        assert sound.order(order)["payment_status"] == ("paid" if paid else "cancelled")
        assert sound.charged(order) == ([1000] if paid else [])


def test_one_event_delivered_many_times_at_once_is_applied_once(sound: Running) -> None:
    order = sound.new_order()
    sent = [
        sound.start(sound.webhook, order, f"evt_{order}", "payment_intent.succeeded", "pi_1")
        for _ in range(6)
    ]
    answers = [one.result() for one in sent]
    assert [answer.text for answer in answers].count('{"applied":true}') == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sound.order(order)["version"] == 1


def test_no_protection_charges_twice(serve: Starter) -> None:
    with serve("none") as running:
        order = running.new_order()
        with running.front.held() as gate:
            both = [running.start(running.pay, order) for _ in range(2)]
            gate.wait_for_arrival()
            gate.wait_for_arrival()
        assert [one.result().status_code for one in both] == [200, 200]
        assert running.charged(order) == [1000, 1000]
        assert running.order(order)["payment_status"] == "paid"


def test_a_version_checked_late_looks_right_and_charges_twice(serve: Starter) -> None:
    with serve("optimistic_late") as running:
        order = running.new_order()
        with running.front.held() as gate:
            both = [running.start(running.pay, order) for _ in range(2)]
            gate.wait_for_arrival()
            gate.wait_for_arrival()
        assert codes([one.result() for one in both]) == {200: 1, "payment_in_progress": 1}
        assert running.charged(order) == [1000, 1000]


@pytest.mark.parametrize(
    ("guard", "charges"), [("redis_lock", [1000]), ("redis_lock_unfenced", [1000, 1000])]
)
def test_only_fencing_survives_a_lease_that_ends_early(
    backends: Backends, serve: Starter, guard: str, charges: list[int]
) -> None:
    with serve(guard) as running, redis.Redis.from_url(backends.redis_url) as server:
        order = running.new_order()
        with running.front.held() as gate:
            first = running.start(running.pay, order)
            gate.wait_for_arrival()
            assert server.delete(lock_name(order)) == 1, "as if the lease had ended"
            second = running.start(running.pay, order)
            if guard == "redis_lock":
                assert second.result().json()["error"]["code"] == "payment_in_progress"
            else:
                gate.wait_for_arrival()
        assert first.result().status_code == 200
        second.result()
        assert running.charged(order) == charges


def test_lost_redis_counters_are_put_right(backends: Backends, serve: Starter) -> None:
    with serve("redis_lock") as running, redis.Redis.from_url(backends.redis_url) as server:
        order = running.new_order()
        running.sql("UPDATE orders SET fence = 1000000 WHERE id = %s", order)
        server.delete("order-fence")
        paid = running.pay(order)
        assert paid.status_code == 200
        assert paid.headers["Payment-Retries"] == "1"
        assert int(server.get("order-fence") or 0) > 1000000


def test_without_redis_the_answer_is_503(serve: Starter) -> None:
    with serve("redis_lock", REDIS_URL="redis://127.0.0.1:1") as running:
        answer = running.pay(running.new_order())
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "lock_unavailable")
        assert running.front.seen == []


@pytest.mark.parametrize("guard", SOUND)
def test_orders_do_not_wait_for_each_other(serve: Starter, guard: str) -> None:
    with serve(guard) as running:
        held, free = running.new_order(), running.new_order()
        with running.front.held() as gate:
            first = running.start(running.pay, held)
            gate.wait_for_arrival()
            running.front.gate = None
            assert running.pay(free).status_code == 200
            assert not first.done()
        assert first.result().status_code == 200
