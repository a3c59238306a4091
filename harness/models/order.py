"""An order as it behaves when one operation at a time is done to it.

The model is what a history is held against: the service is right if every answer it gave is one
that this order could have given at some moment between the question and the answer.

What one operation at a time cannot show is left open on purpose:

* ``payment_in_progress`` is allowed in every state. It says "somebody else is at it", and in a
  sequential world nobody ever is. Whether it was said too often is for the ``progress`` checker.
* A read of ``processing`` fits every phase, since it says only that something has begun.
* Once a customer has confirmed an intent in the browser the money is taken, but the service
  learns of it by webhook, by asking, or by running into it. Until an answer shows that it
  knows, both "unpaid" and "paid" are right: see ``OrderState.taken``.
* An operation without a known outcome leaves ids we have not seen; ``SOME`` stands for one, and
  the first answer that names it fixes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

import msgspec

from paidonce.harness.history import Action, Invoked, Operation, OrderCreated, Outcome
from paidonce.harness.models.order_state import (
    CARD_DECLINED,
    ORDER_ALREADY_PAID,
    ORDER_CANCELLED,
    ORDER_NOT_PAID,
    PAID_STATUSES,
    REFUND_EXCEEDS_PAYMENT,
    SOME,
    OrderState,
    Phase,
    agree,
    as_paid,
    refundable,
    same_payment,
    unify,
    with_intent,
)

_TOLD = ("payment_id", "payment_status", "amount", "refunded_amount")
"""The fields of an answer that the model looks at."""
_Handler = Callable[["OrderModel", OrderState, Invoked, Mapping[str, Any]], OrderState | None]
_NOTHING_SAID: Mapping[str, Any] = {}
_SAYS_PAID = frozenset({"payment_intent.succeeded", "checkout.session.completed"})
_change = msgspec.structs.replace


class OrderModel:
    """The sequential order; see ``SequentialModel`` for the meaning of its methods.

    ``keys`` are the (action, idempotency key) pairs worth remembering, those that more than one
    operation carries. Leaving out the others keeps states small and equal where they can be.
    """

    def __init__(
        self, created: OrderCreated | None, keys: Collection[tuple[Action, str]] = ()
    ) -> None:
        self._initial = OrderState(amount=created.amount if created is not None else None)
        self._keys = frozenset(keys)

    @classmethod
    def of(cls, created: OrderCreated | None, operations: Collection[Operation]) -> OrderModel:
        """The model of one order, given all operations that were done to it."""
        seen: set[tuple[Action, str]] = set()
        again: set[tuple[Action, str]] = set()
        for operation in operations:
            invoked = operation.invoked
            if invoked.key is not None:
                name = (invoked.action, invoked.key)
                (again if name in seen else seen).add(name)
        return cls(created, again)

    def initial(self) -> OrderState:
        """The order as it was created, or one of which nothing is known."""
        return self._initial

    def step(self, state: OrderState, operation: Operation) -> OrderState | None:
        invoked = operation.invoked
        completed = operation.completed
        if completed is None:
            return _STEPS[invoked.action](self, state, invoked, _NOTHING_SAID)
        if completed.outcome is Outcome.OK:
            return _STEPS[invoked.action](self, state, invoked, completed.value)
        if completed.outcome is Outcome.REJECTED:
            # A replayed rejection repeats what was true when it was first said.
            return state if completed.replayed else _reject(state, invoked, completed.code)
        return _STEPS[invoked.action](self, state, invoked, _NOTHING_SAID)

    def observes(self, operation: Operation) -> bool:
        return operation.invoked.action is Action.READ or operation.outcome is Outcome.REJECTED

    def signature(self, operation: Operation) -> Hashable:
        invoked, completed = operation.invoked, operation.completed
        key = invoked.key if (invoked.action, invoked.key) in self._keys else None
        answer: tuple[object, ...] = ()
        if completed is not None and completed.outcome is Outcome.OK:
            answer = tuple(completed.value.get(name) for name in _TOLD)
        elif completed is not None and completed.outcome is Outcome.REJECTED:
            answer = (completed.code, completed.replayed)
        args = msgspec.json.encode(invoked.args, order="sorted")
        return invoked.action, key, args, operation.outcome, answer

    def _remember(self, state: OrderState, invoked: Invoked) -> frozenset[tuple[Action, str]]:
        if invoked.key is not None and (invoked.action, invoked.key) in self._keys:
            return state.done | {(invoked.action, invoked.key)}
        return state.done

    def _create_intent(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        named = value.get("payment_id")
        if _is_replay(state, invoked):
            return same_payment(state, named)
        if state.phase is not Phase.UNPAID or state.intent is not None:
            return None
        return _change(state, intent=named or SOME, done=self._remember(state, invoked))

    def _pay(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        named = value.get("payment_id")
        if _is_replay(state, invoked):
            return same_payment(state, named)
        if state.phase is not Phase.UNPAID:
            return None
        payment = unify(state.intent or SOME, named)
        amount, agrees = agree(state.amount, value.get("amount"))
        if payment is None or not agrees:
            return None
        return _change(
            state,
            phase=Phase.PAID,
            amount=amount,
            payment=payment,
            intent=None,
            taken=False,
            done=self._remember(state, invoked),
        )

    def _cancel(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if state.phase is Phase.CANCELLED:
            return state
        if state.phase is not Phase.UNPAID or state.taken:
            return None
        done = self._remember(state, invoked)
        return _change(state, phase=Phase.CANCELLED, intent=None, done=done)

    def _refund(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if _is_replay(state, invoked):
            return state
        paid = as_paid(state)
        if paid is None:
            return None
        asked, said = invoked.args.get("amount"), value.get("amount")
        if asked is not None and said is not None and asked != said:
            return None
        amount: int | None = asked if asked is not None else said
        left = refundable(paid)
        if left is not None:
            amount = left if amount is None else amount
            # Without an amount, all that is left is asked for.
            if not 0 < amount <= left or (asked is None and amount != left):
                return None
        known = paid.refunded is not None and amount is not None
        refunded = (paid.refunded or 0) + (amount or 0) if known else None
        return _change(paid, refunded=refunded, done=self._remember(state, invoked))

    def _change_amount(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if _is_replay(state, invoked):
            return state
        # With an intent open, Stripe already holds the old amount: the two would part ways.
        if state.phase is not Phase.UNPAID or state.intent is not None:
            return None
        amount, agrees = agree(invoked.args.get("amount"), value.get("amount"))
        if not agrees:
            return None
        return _change(state, amount=amount, done=self._remember(state, invoked))

    def _webhook(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if invoked.args.get("event") not in _SAYS_PAID:
            return state  # failures and the like never downgrade an order
        named = invoked.args.get("payment_id")
        if state.phase is Phase.PAID:
            return same_payment(state, named)
        if state.phase is Phase.CANCELLED:
            return None
        payment = unify(state.intent or SOME, named)
        if payment is None:
            return None
        return _change(state, phase=Phase.PAID, payment=payment, intent=None, taken=False)

    def _checkout(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        """The session's intent is made when its page is submitted, and nobody names it."""
        return self._create_intent(state, invoked, _NOTHING_SAID)

    def _redeem(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if _is_replay(state, invoked):
            return state
        if state.phase is not Phase.UNPAID or state.intent is not None:
            return None
        said = value.get("amount")
        if said is not None and state.amount is not None and said >= state.amount:
            return None
        return _change(state, amount=said, done=self._remember(state, invoked))

    def _elsewhere(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        """It concerns no order as it stands, or what no answer of an order's tells."""
        return state

    def _read(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        return _look(state, value)

    def _confirm_in_browser(
        self, state: OrderState, invoked: Invoked, value: Mapping[str, Any]
    ) -> OrderState | None:
        if _is_replay(state, invoked):
            return state
        if state.phase is not Phase.UNPAID or state.taken:
            return None
        intent = unify(state.intent or SOME, invoked.args.get("payment_id"))
        if intent is None:
            return None
        return _change(state, intent=intent, taken=True, done=self._remember(state, invoked))


_STEPS: dict[Action, _Handler] = {
    Action.CREATE_INTENT: OrderModel._create_intent,
    Action.PAY: OrderModel._pay,
    Action.CANCEL: OrderModel._cancel,
    Action.REFUND: OrderModel._refund,
    Action.CHANGE_AMOUNT: OrderModel._change_amount,
    Action.WEBHOOK: OrderModel._webhook,
    Action.READ: OrderModel._read,
    Action.CONFIRM_IN_BROWSER: OrderModel._confirm_in_browser,
    Action.CHECKOUT: OrderModel._checkout,
    Action.PAY_ON_PAGE: OrderModel._confirm_in_browser,
    Action.COME_BACK: OrderModel._read,
    Action.REDEEM: OrderModel._redeem,
    Action.RENEW: OrderModel._elsewhere,
    Action.WAIT: OrderModel._elsewhere,
}


def _reject(state: OrderState, invoked: Invoked, code: str | None) -> OrderState | None:
    if code == ORDER_ALREADY_PAID:
        return as_paid(state)
    if code == ORDER_CANCELLED:
        return state if state.phase is Phase.CANCELLED else None
    if code == CARD_DECLINED:
        return state if state.phase is Phase.UNPAID and not state.taken else None
    if code == ORDER_NOT_PAID:
        return state if state.phase is not Phase.PAID else None
    if code == REFUND_EXCEEDS_PAYMENT:
        paid = as_paid(state)
        left = refundable(paid) if paid is not None else None
        if left is None:
            return paid
        asked = invoked.args.get("amount")
        return paid if (left == 0 if asked is None else asked > left) else None
    return state


def _look(state: OrderState, value: Mapping[str, Any]) -> OrderState | None:
    """``state`` if an order in it can look like ``value``, with what ``value`` adds to it."""
    status, named = value.get("payment_status"), value.get("payment_id")
    seen: OrderState | None = state
    if status in PAID_STATUSES:
        seen = as_paid(state)
        seen = same_payment(seen, named) if seen is not None else None
    elif status == "unpaid":
        seen = state if state.phase is Phase.UNPAID else None
        if seen is not None and seen.intent is not None:
            intent = unify(seen.intent, named)
            seen = None if intent is None else with_intent(seen, intent)
    elif status == "cancelled":
        seen = state if state.phase is Phase.CANCELLED else None
    if seen is None:
        return None
    amount, agrees = agree(seen.amount, value.get("amount"))
    if not agrees:
        return None
    if seen.amount != amount:
        seen = _change(seen, amount=amount)
    return seen if _refunds_fit(seen, status, value.get("refunded_amount")) else None


def _refunds_fit(state: OrderState, status: str | None, refunded: int | None) -> bool:
    # "paid" says nothing of refunds: a service may leave that to the refunded amount alone.
    if state.amount is None or state.refunded is None:
        return True
    if refunded is not None and refunded != state.refunded:
        return False
    if status == "partially_refunded":
        return 0 < state.refunded < state.amount
    return status != "refunded" or state.refunded == state.amount


def _is_replay(state: OrderState, invoked: Invoked) -> bool:
    return invoked.key is not None and (invoked.action, invoked.key) in state.done
