"""Concurrent programs against a shop that sells, bills, sends on and is charged back.

In virtual time, as ``concurrent_programs``, with what is sold in the place of single payments:
requests name what was there at the start by its kind, and by a number.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import what_holds
from concurrent_programs import LATENCY, START, VirtualLoop, one_key_has_one_effect

from paidonce.harness.simulator.domain import checkout
from paidonce.harness.simulator.domain.checkout_making import PAGE_PATH
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.objects import Event
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.engine.faults import Rule
from paidonce.harness.simulator.engine.idempotency import WhenBusy
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.http.app import App
from paidonce.harness.simulator.wire.forms import encode
from paidonce.harness.simulator.wire.messages import ApiRequest, Reply

DAY = 86_400
Form = tuple[tuple[str, str], ...]

POSTS = {
    "page": PAGE_PATH + "{session}",
    "expire": "/v1/checkout/sessions/{session}/expire",
    "confirm_setup": "/v1/setup_intents/{setup}/confirm",
    "cancel_setup": "/v1/setup_intents/{setup}/cancel",
    "subscribe": "/v1/subscriptions",
    "change": "/v1/subscription_items/{item}",
    "pay": "/v1/invoices/{invoice}/pay",
    "void": "/v1/invoices/{invoice}/void",
    "give_up": "/v1/invoices/{invoice}/mark_uncollectible",
    "finalize": "/v1/invoices/{invoice}/finalize",
    "owe": "/v1/invoiceitems",
    "advance": "/v1/test_helpers/test_clocks/{clock}/advance",
    "send": "/v1/transfers",
    "send_any": "/v1/transfers",
    "credit": "/v1/customers/{customer}/balance_transactions",
    "take_back": "/v1/transfers/{transfer}/reversals",
    "repay_fee": "/v1/application_fees/{fee}/refunds",
    "refund": "/v1/refunds",
    "pay_out": "/v1/payouts",
    "keep": "/v1/payouts/{payout}/cancel",
    "evidence": "/v1/disputes/{dispute}",
    "close": "/v1/disputes/{dispute}/close",
}
"""Where each request goes."""

NAMED: dict[str, Form] = {
    "subscribe": (("customer", "{customer}"), ("items[0][price]", "{price}")),
    "owe": (("customer", "{customer}"), ("currency", "usd")),
    "send": (
        ("destination", "{account}"),
        ("source_transaction", "{charge}"),
        ("currency", "usd"),
    ),
    "send_any": (("destination", "{account}"), ("currency", "usd")),
    "credit": (("currency", "usd"),),
    "refund": (("charge", "{charge}"),),
    "pay_out": (("currency", "usd"),),
}
"""What each request always says."""


@dataclass(frozen=True)
class Sale:
    """One request, about the object of its kind with the number ``about``."""

    what: str
    about: int = 0
    params: Form = ()
    key: str | None = None


@dataclass(frozen=True)
class Trade:
    """What each client does."""

    clients: tuple[tuple[Sale, ...], ...]
    seed: int = 0
    when_busy: WhenBusy = WhenBusy.CONFLICT
    lock_wait_ms: float = 5.0
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Sold:
    """A request that was made, and its answer."""

    op: Sale
    path: str
    reply: Reply


class Trading:
    """One execution of a program; what must hold is looked at after each answer."""

    def __init__(self, program: Trade) -> None:
        self.program = program
        self.answers: list[Sold] = []
        self.illegal: list[str] = []
        self.ids: dict[str, list[str]] = {}
        self.loop = VirtualLoop()
        self.simulation = Simulation(
            SimulatorSettings(
                seed=program.seed,
                when_busy=program.when_busy,
                lock_wait_ms=program.lock_wait_ms,
                settle_seconds=0.01,
            ),
            clock=lambda: START + self.loop.time(),
        )
        self.app = App(self.simulation)
        self._watch()
        try:
            self.loop.run_until_complete(self._run())
        finally:
            self.loop.close()

    @property
    def world(self) -> World:
        return self.simulation.epoch.world

    def _watch(self) -> None:
        """Look at every change of a status, also within a request."""
        moves = what_holds.Moves()

        def watched(kind: str, put: Callable[[Any], None]) -> Callable[[Any], None]:
            def look_and_put(one: Any) -> None:
                try:
                    moves.moved(kind, one)
                except AssertionError as illegal:
                    self.illegal.append(str(illegal))
                put(one)

            return look_and_put

        for kind in what_holds.ARROWS:
            collection = getattr(self.world, kind)
            collection.put = watched(kind, collection.put)
        tell = self.world.events.put

        def told(event: Event) -> None:
            tell(event)
            try:
                what_holds.covered(self.world, event)
            except AssertionError as uncovered:
                self.illegal.append(str(uncovered))

        self.world.events.put = told  # type: ignore[method-assign]

    async def _run(self) -> None:
        await self._open()
        self.simulation.set_latency(LATENCY)
        self.simulation.set_faults(self.program.rules)
        async with asyncio.TaskGroup() as group:
            for client in self.program.clients:
                group.create_task(self._client(client))
        self.simulation.advance(60)
        judge(self.world)
        self.simulation.stop()

    async def _client(self, sales: tuple[Sale, ...]) -> None:
        for op in sales:
            if op.what == "answer":
                self._answer(op)
                continue
            method = "DELETE" if op.what == "end" else "POST"
            template = POSTS.get(op.what, "/v1/subscriptions/{subscription}")
            path = self._named(template, op.about)
            form = {
                name: self._named(value, op.about)
                for name, value in (*NAMED.get(op.what, ()), *op.params)
            }
            reply = await self._send(method, path, form, op.key)
            self.answers.append(Sold(op, path, reply))
            judge(self.world)

    def _named(self, text: str, about: int) -> str:
        def chosen(found: re.Match[str]) -> str:
            known = self.ids[found[1]]
            return known[about % len(known)]

        return re.sub(r"\{(\w+)\}", chosen, text)

    def _answer(self, op: Sale) -> None:
        """Somebody is asked on a page of the simulator's, and answers."""
        right = ("outcome", "fail") not in op.params
        session = self.world.sessions[self._named("{session}", op.about)]
        if session.payment_intent is not None:
            try:
                checkout.authenticate(self.world, session.payment_intent, right)
            except StripeError:
                return
            judge(self.world)

    async def _send(
        self, method: str, path: str, form: dict[str, str], key: str | None = None
    ) -> Reply:
        headers = {"authorization": "Bearer sk_test_a"}
        if key is not None:
            headers["idempotency-key"] = key
        reply = self.app(ApiRequest(method, path, b"", headers, encode(form)))
        return reply if isinstance(reply, Reply) else await reply

    async def _made(self, kind: str, path: str, **form: str) -> Any:
        """Make something that requests can name."""
        reply = await self._send("POST", f"/v1/{path}", form)
        if reply.status != 200:
            raise RuntimeError(reply.body)  # nothing was found out: there is nothing to begin with
        found = msgspec.json.decode(reply.body)
        self.ids.setdefault(kind, []).append(found["id"])
        return found

    async def _open(self) -> None:
        """Have what is sold, billed and sent on."""
        made = self._made
        clock = (await made("clock", "test_helpers/test_clocks", frozen_time=str(int(START))))["id"]
        owner = (await made("customer", "customers", test_clock=clock))["id"]
        for card in ("pm_card_chargeCustomerFail", "pm_card_visa"):
            kept = await made("card", f"payment_methods/{card}/attach", customer=owner)
        default = {"invoice_settings[default_payment_method]": kept["id"]}
        await self._send("POST", f"/v1/customers/{owner}", default)
        tea = {"currency": "usd", "unit_amount": "700", "product_data[name]": "Tea"}
        price = (await made("once", "prices", **tea))["id"]
        monthly = (await made("price", "prices", **tea, **{"recurring[interval]": "month"}))["id"]
        coupon = (await made("coupon", "coupons", percent_off="30", max_redemptions="1"))["id"]
        promotion = {"promotion[type]": "coupon", "promotion[coupon]": coupon}
        await made("code", "promotion_codes", **promotion, max_redemptions="1")
        for mode, sold in (("payment", price), ("payment", price), ("subscription", monthly)):
            lines = {"line_items[0][price]": sold, "line_items[0][quantity]": "1"}
            off = {"discounts[0][coupon]": coupon}
            done = {"success_url": "http://shop.test/done"}
            await made("session", "checkout/sessions", mode=mode, **lines, **off, **done)
        for _ in range(2):
            await made("setup", "setup_intents", customer=owner)
        bought = {"customer": owner, "items[0][price]": monthly}
        begun = await made("subscription", "subscriptions", **bought)
        self.ids["item"] = [begun["items"]["data"][0]["id"]]
        for _ in range(2):
            draft = (await made("invoice", "invoices", customer=owner))["id"]
            owes = {"customer": owner, "amount": "900", "currency": "usd", "invoice": draft}
            await made("owed", "invoiceitems", **owes)
        able = {"capabilities[transfers][requested]": "true"}
        account = (await made("account", "accounts", **able))["id"]
        paid = {"amount": "2000", "currency": "usd", "confirm": "true"}
        direct = {"payment_method": "pm_card_bypassPending"}
        onward = {"transfer_data[destination]": account, "application_fee_amount": "300"}
        disputed = {"payment_method": "pm_card_createDispute"}
        for more in (direct, {**direct, **onward}, disputed, direct, direct):
            intent = await made("intent", "payment_intents", **paid, **more)
            self.ids.setdefault("charge", []).append(intent["latest_charge"])
        charge = self.ids["charge"][0]
        part = {"destination": account, "currency": "usd", "amount": "500"}
        await made("transfer", "transfers", **part, source_transaction=charge)
        await made("payout", "payouts", amount="100", currency="usd")
        credit = f"customers/{owner}/balance_transactions"
        await made("credit", credit, amount="-300", currency="usd")
        self.ids["fee"] = [one.id for one in self.world.application_fees]
        self.ids["dispute"] = [one.id for one in self.world.disputes]


def judge(world: World) -> None:
    """Look at all that must hold."""
    what_holds.money(world)
    what_holds.owed(world)
    what_holds.limits(world)
    what_holds.credit(world)
    what_holds.periods(world)
    what_holds.sessions(world)
    what_holds.setups(world)


def nothing_is_left_over(run: Trading) -> None:
    """No lock, no key in use, no request under way, and no answer that is none."""
    simulation = run.simulation
    assert simulation.in_flight == 0
    assert not simulation.epoch.locks._waiting
    assert all(record.answer is not None for record in simulation.epoch.keys)
    asked = {one.reply.status for one in run.answers if one.reply.delivery is None}
    assert asked <= {200, 303, 400, 402, 404, 409, 429, 500}, asked
    failed = [one for one in run.answers if b"The simulator failed" in one.reply.body]
    assert not failed, failed


def check(program: Trade) -> Trading:
    """Execute a program and judge it."""
    run = Trading(program)
    assert not run.illegal, run.illegal
    one_key_has_one_effect(run)  # type: ignore[arg-type]
    nothing_is_left_over(run)
    return run
