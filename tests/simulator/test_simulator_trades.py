"""Random concurrent programs of sales, billing, transfers and disputes, in virtual time: money is
conserved, one key has one effect, no state is illegal; and defects that they have to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from concurrent_sales import DAY, Sale, Trade, Trading, check
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from test_simulator_programs import AMOUNTS, KEYS, params

from paidonce.harness.simulator.domain import (
    changing,
    checkout,
    collecting,
    coupons,
    credit,
    disputes,
    intents,
    invoices,
    payouts,
    renewing,
    setups,
    transfers,
)
from paidonce.harness.simulator.domain.billing_objects import Subscription
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.engine import idempotency, locks
from paidonce.harness.simulator.engine.faults import ErrorFault, Match, ResetFault, Rule, When
from paidonce.harness.simulator.engine.idempotency import IdempotencyStore, WhenBusy

replace = msgspec.structs.replace
Plant = Callable[[pytest.MonkeyPatch], None]

CARDS = st.sampled_from(
    [
        *("pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined"),
        *("pm_card_threeDSecure2Required", "pm_usBankAccount_success"),
    ]
)
ABOUT = st.sampled_from([0, 0, 0, 1, 2])
KEPT = st.sampled_from(["{card}"])
FAILS = st.just("fail")
TIMES = st.sampled_from([str(1_800_000_000 + days * DAY) for days in (1, 32, 33, 40, 70)])
CREDITS = st.sampled_from(["-500", "-100", "200"])
TEXTS = st.sampled_from(["winning_evidence", "losing_evidence", "because"])


def sale(what: str, **choices: st.SearchStrategy[str]) -> st.SearchStrategy[Sale]:
    return fixed(params(**choices), what)


def fixed(form: st.SearchStrategy[Any], what: str) -> st.SearchStrategy[Sale]:
    # A page and a DELETE take no notice of keys.
    keys = st.none() if what in ("page", "end") else KEYS
    return st.builds(Sale, what=st.just(what), about=ABOUT, params=form, key=keys)


OFF = st.sampled_from(
    [(), (("discounts[0][coupon]", "{coupon}"),), (("discounts[0][promotion_code]", "{code}"),)]
)
EVIDENCE = TEXTS.map(lambda text: (("evidence[uncategorized_text]", text), ("submit", "true")))
SALES = st.one_of(
    sale("page", payment_method=CARDS),
    sale("page", payment_method=CARDS),
    sale("expire"),
    sale("answer", outcome=FAILS),
    sale("confirm_setup", payment_method=CARDS),
    sale("cancel_setup"),
    fixed(OFF, "subscribe"),
)
BILLING = st.one_of(
    fixed(OFF, "subscribe"),
    sale("change", quantity=st.sampled_from(["1", "3"])),
    sale("end"),
    sale("pay", payment_method=KEPT),
    sale("pay", payment_method=KEPT),
    sale("void"),
    fixed(CREDITS.map(lambda amount: (("amount", amount),)), "credit"),
    sale("give_up"),
    sale("finalize"),
    fixed(AMOUNTS.map(lambda amount: (("amount", amount),)), "owe"),
    fixed(TIMES.map(lambda time: (("frozen_time", time),)), "advance"),
)
MONEY = st.one_of(
    fixed(AMOUNTS.map(lambda amount: (("amount", amount),)), "send"),
    fixed(AMOUNTS.map(lambda amount: (("amount", amount),)), "send_any"),
    sale("take_back", amount=AMOUNTS),
    sale("repay_fee", amount=st.sampled_from(["100", "300"])),
    sale("refund", amount=AMOUNTS, reverse_transfer=st.just("true")),
    fixed(AMOUNTS.map(lambda amount: (("amount", amount),)), "pay_out"),
    sale("keep"),
    fixed(EVIDENCE, "evidence"),
    sale("close"),
)
RULES = st.builds(
    Rule,
    fault=st.sampled_from(
        [ErrorFault(when=When.BEFORE), ErrorFault(when=When.AFTER), ResetFault(when=When.AFTER)]
    ),
    match=st.builds(Match, path=st.sampled_from(["*", "*/expire", "*/pay", "/v1/transfers"])),
    probability=st.sampled_from([0.3, 1.0]),
)


def trades(sales: st.SearchStrategy[Sale]) -> st.SearchStrategy[Trade]:
    clients = st.lists(st.lists(sales, min_size=2, max_size=6).map(tuple), min_size=1, max_size=4)
    return st.builds(
        Trade,
        clients=clients.map(tuple),
        seed=st.integers(0, 999),
        when_busy=st.sampled_from(WhenBusy),
        lock_wait_ms=st.sampled_from([0.0, 3.0, 1000.0]),
        rules=st.just(()) | RULES.map(lambda rule: (rule,)),
    )


PARTS = {"sales": trades(SALES), "billing": trades(BILLING), "money": trades(MONEY)}
ALL = trades(SALES | BILLING | MONEY)


@given(ALL)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_concurrent_trades(program: Trade) -> None:
    check(program)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@given(data=st.data())
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_thousands_of_concurrent_trades(part: str, data: st.DataObject) -> None:
    check(data.draw(PARTS[part]))


def test_a_trade_is_executed_alike_every_time() -> None:
    pays, ends = Sale("page", key="a"), Sale("expire", key="b")
    program = Trade(clients=((pays, ends), (pays,), (Sale("pay"), Sale("send"))), seed=5)
    first, second = Trading(program), Trading(program)
    assert first.answers
    assert [one.reply for one in first.answers] == [one.reply for one in second.answers]


WINS = (("evidence[uncategorized_text]", "winning_evidence"), ("submit", "true"))
MEETING: list[tuple[str, tuple[tuple[Sale, ...], ...]]] = [
    # A page answers at once: that somebody else was asked before makes its moment differ.
    ("sessions", ((Sale("expire", 1), Sale("page")), (Sale("expire"),))),
    ("invoices", ((Sale("finalize"), Sale("pay")), (Sale("finalize"), Sale("void")))),
    ("disputes", ((Sale("close"),), (Sale("evidence", params=WINS),))),
]


@pytest.mark.parametrize(("collection", "clients"), MEETING, ids=[one for one, _ in MEETING])
def test_who_comes_first_differs_with_the_seed(
    collection: str, clients: tuple[tuple[Sale, ...], ...]
) -> None:
    """The programs would prove little if their requests never met."""
    ends = set()
    for seed in range(16):
        run = check(Trade(clients=clients, seed=seed, lock_wait_ms=1000.0))
        about = run.ids[collection.removesuffix("s")][0]
        ends.add(getattr(run.world, collection)[about].status)
    assert len(ends) > 1, ends


# ---- planted defects


def _forgetful(patch: pytest.MonkeyPatch) -> None:
    """Keys are taken and never found again."""

    def begin(self: IdempotencyStore, *record: Any) -> idempotency.Record:
        return idempotency.Record(*record)

    patch.setattr(IdempotencyStore, "begin", begin)


def _keeps_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(locks.Locks, "release", lambda self, name: None)


def _pays_what_is_over(patch: pytest.MonkeyPatch) -> None:
    require = checkout.require
    patch.setattr(checkout, "require", lambda *of: replace(require(*of), status="open"))


def _expires_and_leaves_the_intent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intents, "cancel", lambda world, identifier, *_: world.intents[identifier])


def _confirms_what_is_decided(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(setups, "OPEN", (*setups.OPEN, "canceled"))


def _redeems_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coupons, "usable", lambda world, *_: world.coupons[next(iter(world.coupons)).id])


def _leaves_the_intent_of_what_is_void(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(invoices, "_give_up_intent", lambda *_: None)


def _enters_half(patch: pytest.MonkeyPatch) -> None:
    settled = collecting.settled
    patch.setattr(
        collecting,
        "settled",
        lambda world, invoice, amount, cause: settled(world, invoice, amount // 2, cause),
    )


def _sends_on_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfers, "_sent_on", lambda *_: 0)


def _takes_back_again(patch: pytest.MonkeyPatch) -> None:
    part = transfers._part
    patch.setattr(
        transfers,
        "_part",
        lambda world, prefix, amount, _, whole, how: part(
            world, prefix, amount, whole.amount, whole, how
        ),
    )


def _refunds_what_is_charged_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disputes, "refuse_refund", lambda *_: None)


def _decides_what_is_decided(patch: pytest.MonkeyPatch) -> None:
    require = disputes.require
    patch.setattr(disputes, "require", lambda *of: replace(require(*of), status="needs_response"))


def _keeps_what_has_left(patch: pytest.MonkeyPatch) -> None:
    require = payouts.require
    patch.setattr(payouts, "require", lambda *of: replace(require(*of), status="pending"))


def _pays_out_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payouts, "available", lambda *_: 10**9)


def _sends_on_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transfers, "available", lambda *_: 10**9)


def _keeps_the_credit_of_what_is_void(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(credit, "give_back", lambda *_: None)


def _forgets_a_movement(patch: pytest.MonkeyPatch) -> None:
    """A customer is read before another request has changed the balance, and written after."""
    move = credit.move

    def stale(world: World, customer: str, *how: Any, **more: Any) -> Any:
        before = world.customers[customer]
        made = move(world, customer, *how, **more)
        if made.type == "applied_to_invoice":
            world.customers.put(before)
        return made

    patch.setattr(credit, "move", stale)


def _bills_twice(patch: pytest.MonkeyPatch) -> None:
    bill = renewing.bill

    def twice(*what: Any) -> None:
        bill(*what)
        bill(*what)

    patch.setattr(renewing, "bill", twice)


def _renews_too_early(patch: pytest.MonkeyPatch) -> None:
    advance = renewing.advance

    def on_and_on(world: World, subscription: Subscription) -> None:
        advance(world, subscription)
        advance(world, world.subscriptions[subscription.id])

    patch.setattr(renewing, "advance", on_and_on)


def _ends_what_has_ended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changing, "OVER", ())


DEFECTS: list[tuple[str, Plant]] = [
    ("billing", _bills_twice),
    ("billing", _renews_too_early),
    ("billing", _ends_what_has_ended),
    ("money", _pays_out_what_is_not_there),
    ("money", _sends_on_what_is_not_there),
    ("billing", _keeps_the_credit_of_what_is_void),
    ("billing", _forgets_a_movement),
    ("sales", _forgetful),
    ("billing", _keeps_locks),
    ("sales", _pays_what_is_over),
    ("sales", _expires_and_leaves_the_intent),
    ("sales", _confirms_what_is_decided),
    ("sales", _redeems_without_end),
    ("billing", _redeems_without_end),
    ("billing", _leaves_the_intent_of_what_is_void),
    ("billing", _enters_half),
    ("money", _forgetful),
    ("money", _sends_on_what_was_sent),
    ("money", _takes_back_again),
    ("money", _refunds_what_is_charged_back),
    ("money", _decides_what_is_decided),
    ("money", _keeps_what_has_left),
]


@pytest.mark.parametrize(("part", "defect"), DEFECTS)
def test_a_simulator_with_a_defect_is_found_out(
    part: str, defect: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    defect(monkeypatch)

    def fails(program: Trade) -> bool:
        try:
            check(program)
        except AssertionError:
            return True
        except ExceptionGroup as group:
            if group.subgroup(AssertionError) is None:
                raise
            return True
        return False

    search = settings(
        max_examples=300,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    try:
        find(PARTS[part], fails, settings=search)
    except NoSuchExample:
        pytest.fail("no program found the defect")
