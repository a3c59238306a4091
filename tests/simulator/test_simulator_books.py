"""Whatever is done in whatever order, the simulator's books balance."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from payment_world import CAUSE, pay

from paidonce.harness.simulator.domain import agenda, confirming, intents, refunds
from paidonce.harness.simulator.domain.cards import PAYMENT_METHODS
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.intents import CreateIntent, UpdateIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.refunds import CreateRefund
from paidonce.harness.simulator.domain.state import World


class Account(RuleBasedStateMachine):
    """Whatever is done in whatever order, the books balance."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.world = World(IdSource(3), clock=lambda: self.now)

    @rule(
        target=made,
        amount=st.integers(50, 5000),
        method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)),
        capture_method=st.sampled_from(["automatic", "manual"]),
    )
    def create(self, amount: int, method: str | None, capture_method: str) -> str:
        source = None if method is None else PaymentSource(payment_method=method)
        request = CreateIntent(
            amount=amount,
            currency="usd",
            source=source,
            payment_method_types=("card", "us_bank_account"),
            capture_method=capture_method,
        )
        return intents.create(self.world, request, CAUSE).id

    @rule(intent=made, method=st.none() | st.sampled_from(sorted(PAYMENT_METHODS)))
    def confirm(self, intent: str, method: str | None) -> None:
        source = None if method is None else PaymentSource(payment_method=method)
        self._attempt(lambda: pay(self.world, intent, source), intent)

    @rule(intent=made)
    def cancel(self, intent: str) -> None:
        self._attempt(lambda: intents.cancel(self.world, intent, None, CAUSE), intent)

    @rule(intent=made, amount=st.none() | st.integers(1, 5000))
    def capture(self, intent: str, amount: int | None) -> None:
        self._attempt(lambda: intents.capture(self.world, intent, amount, CAUSE), intent)

    @rule(intent=made, succeeded=st.booleans())
    def authenticate(self, intent: str, succeeded: bool) -> None:
        self._attempt(lambda: confirming.authenticate(self.world, intent, succeeded), intent)

    @rule(seconds=st.sampled_from([1, 10, 8 * 24 * 3600]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        agenda.run_due(self.world)

    @rule(intent=made, amount=st.integers(1, 5000))
    def change(self, intent: str, amount: int) -> None:
        request = UpdateIntent(amount=amount)
        self._attempt(lambda: intents.update(self.world, intent, request), intent)

    @rule(intent=made, amount=st.none() | st.integers(1, 5000))
    def refund(self, intent: str, amount: int | None) -> None:
        request = CreateRefund(payment_intent=intent, amount=amount)
        self._attempt(lambda: refunds.create(self.world, request, CAUSE), intent)

    def _attempt(self, action: Callable[[], object], intent: str) -> None:
        before, events = self.world.intents[intent], len(self.world.events)
        refusal: StripeError | None = None
        try:
            action()
        except StripeError as error:
            refusal = error
        if isinstance(refusal, Declined):
            assert refusal.error.payment_intent == self.world.intents[intent]
        elif refusal is not None:
            assert self.world.intents[intent] == before
            assert len(self.world.events) == events

    @invariant()
    def books_balance(self) -> None:
        world = self.world
        for intent in world.intents:
            charges = [world.charges[identifier] for identifier in world.charges_of[intent.id]]
            taken = [charge for charge in charges if charge.amount_captured]
            assert len(taken) == (intent.status == "succeeded")
            assert intent.amount_received == sum(charge.amount_captured for charge in taken)
            held = [one for one in charges if one.status != "failed" and not one.amount_captured]
            if intent.status in ("processing", "requires_capture"):
                assert len(held) == 1
            assert intent.amount_capturable == (
                held[0].amount if intent.status == "requires_capture" else 0
            )
            for charge in charges:
                given_back = sum(world.refunds[one].amount for one in world.refunds_of[charge.id])
                assert given_back == charge.amount_refunded <= charge.amount_captured
                assert charge.refunded == (0 < given_back == charge.amount_captured)
        assert sum(entry.amount for entry in world.balance_transactions) == sum(
            charge.amount_captured - charge.amount_refunded for charge in world.charges
        )


Account.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAccount = Account.TestCase
