"""Small objects, and random histories of them, for the search to be tried on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from paidonce.harness.checkers.search import Interval
from paidonce.harness.history import Action, Completed, Invoked, Operation, OrderCreated, Outcome
from paidonce.harness.models import OrderModel


@dataclass(frozen=True)
class Register:
    """("write", v) sets, ("read", v) sees v, ("cas", a, b) sets b where a is."""

    def initial(self) -> int:
        return 0

    def step(self, state: int, operation: tuple[Any, ...]) -> int | None:
        if operation[0] == "write":
            return int(operation[1])
        if operation[0] == "cas":
            return int(operation[2]) if state == operation[1] else None
        return state if state == operation[1] else None

    def observes(self, operation: tuple[Any, ...]) -> bool:
        return operation[0] == "read"

    def signature(self, operation: tuple[Any, ...]) -> Hashable:
        return operation


class Tally(Register):
    """A counter: ("add", n) and ("read", n)."""

    def step(self, state: int, operation: tuple[Any, ...]) -> int | None:
        if operation[0] == "add":
            return state + int(operation[1])
        return super().step(state, operation)


values = st.integers(0, 2)
register_calls = st.one_of(
    st.tuples(st.just("write"), values),
    st.tuples(st.just("read"), values),
    st.tuples(st.just("cas"), values, values),
)


@st.composite
def timed(draw: st.DrawFn, count: int) -> list[tuple[int, int]]:
    """Invocation and return positions, all distinct, of ``count`` operations."""
    places = draw(st.permutations(range(2 * count)))
    pairs = [places[2 * n : 2 * n + 2] for n in range(count)]
    return [(min(pair), max(pair)) for pair in pairs]


@st.composite
def register_histories(draw: st.DrawFn) -> list[Interval[tuple[Any, ...]]]:
    calls = draw(st.lists(register_calls, min_size=1, max_size=6))
    spans = draw(timed(len(calls)))
    return [
        Interval(call, start, end if draw(st.integers(0, 3)) else None)
        for call, (start, end) in zip(calls, spans, strict=True)
    ]


SHARED_KEYS = ("k1", "k2", None)
INTENTS = ("pi_1", "pi_2")


Said = tuple[Action, dict[str, Any], Outcome, dict[str, Any], str | None, bool]
"""Action, arguments, outcome, value, code, replayed."""


def everything_that_can_be_said() -> Iterator[Said]:
    asked: list[tuple[Action, dict[str, Any], list[dict[str, Any]]]] = [
        (Action.CANCEL, {}, [{}]),
        (Action.REFUND, {}, [{"amount": amount} for amount in (40, 60, 100)]),
        (Action.REFUND, {"amount": 40}, [{"amount": 40}, {}]),
        (Action.REFUND, {"amount": 60}, [{"amount": 60}]),
        (Action.CHANGE_AMOUNT, {"amount": 100}, [{}]),
        (Action.CHANGE_AMOUNT, {"amount": 200}, [{"amount": 200}]),
    ]
    for intent in INTENTS:
        asked += [
            (Action.PAY, {}, [{"payment_id": intent}, {"payment_id": intent, "amount": 100}, {}]),
            (Action.CREATE_INTENT, {}, [{"payment_id": intent}]),
            (Action.CONFIRM_IN_BROWSER, {"payment_id": intent}, [{}]),
            (Action.READ, {}, list(everything_that_can_be_read(intent))),
        ]
        for event in ("payment_intent.succeeded", "payment_intent.payment_failed"):
            asked.append((Action.WEBHOOK, {"event": event, "payment_id": intent}, [{}]))
    for action, args, values in asked:
        for value in values:
            yield action, args, Outcome.OK, value, None, False
        yield action, args, Outcome.UNKNOWN, {}, None, False
        for code in CODES.get(action, ["order_already_paid", "order_cancelled"]):
            yield action, args, Outcome.REJECTED, {}, code, False
    yield Action.PAY, {}, Outcome.REJECTED, {}, "card_declined", True


CODES = {
    Action.PAY: ["order_already_paid", "order_cancelled", "card_declined", "payment_in_progress"],
    Action.REFUND: ["order_not_paid", "refund_exceeds_payment"],
    Action.READ: [],
}


def everything_that_can_be_read(intent: str) -> Iterator[dict[str, Any]]:
    order = {"payment_id": intent, "amount": 100}
    for status in ("unpaid", "paid", "cancelled", "processing"):
        yield {**order, "payment_status": status, "refunded_amount": 0}
    for refunded in (40, 60):
        yield {**order, "payment_status": "partially_refunded", "refunded_amount": refunded}
    yield {**order, "payment_status": "refunded", "refunded_amount": 100}
    yield {"amount": 200}


by_action: dict[Action, list[Said]] = {}
for one in everything_that_can_be_said():
    by_action.setdefault(one[0], []).append(one)
# Kinds of equal weight, then what is said: else the many ways to read would crowd out the rest.
sayings = st.sampled_from([*by_action, Action.PAY, Action.REFUND]).flatmap(
    lambda action: st.sampled_from(by_action[action])
)
keys = st.sampled_from(SHARED_KEYS)


@st.composite
def order_operations(draw: st.DrawFn, number: int) -> Operation:
    """An operation of any kind with an answer of any kind."""
    action, args, outcome, value, code, replayed = draw(sayings)
    invoked = Invoked(
        t=number,
        op=number,
        attempt=f"tab {number}",
        action=action,
        order="o1",
        key=draw(keys),
        args=args,
    )
    completed = Completed(
        t=number, op=number, outcome=outcome, value=value, code=code, replayed=replayed
    )
    return Operation(invoked=invoked, completed=completed, invoked_at=0, completed_at=0)


@st.composite
def order_histories(draw: st.DrawFn) -> list[Interval[Operation]]:
    count = draw(st.integers(2, 6))
    spans = draw(timed(count))
    intervals = []
    for number, (start, end) in enumerate(spans):
        operation = draw(order_operations(number))
        unanswered = operation.outcome is Outcome.UNKNOWN
        intervals.append(Interval(operation, start, None if unanswered else end))
    return intervals


@st.composite
def told_histories(draw: st.DrawFn) -> list[Interval[Operation]]:
    """Operations that a real order once went through, then perhaps one of them retold."""
    count = draw(st.integers(3, 6))
    pool = [draw(order_operations(number)) for number in range(3 * count)]
    model = order_model(pool)
    state = model.initial()
    chosen: list[Operation] = []
    for operation in pool:
        after = model.step(state, operation)
        if after is not None and len(chosen) < count:
            state, chosen = after, [*chosen, operation]
    if chosen and draw(st.integers(0, 3)) == 0:
        chosen[draw(st.integers(0, len(chosen) - 1))] = draw(order_operations(99))
    intervals = []
    for place, operation in enumerate(chosen):
        start = 20 * place - draw(st.integers(0, 4)) * 10
        end = 20 * place + draw(st.integers(0, 4)) * 10
        unanswered = operation.outcome is Outcome.UNKNOWN
        # The remainder of the position keeps all of them distinct.
        last = None if unanswered else 100 * end + 2 * place + 1
        intervals.append(Interval(operation, 100 * start + 2 * place, last))
    return intervals


def order_model(operations: Sequence[Operation]) -> OrderModel:
    created = OrderCreated(t=0, order="o1", amount=100, currency="usd")
    return OrderModel.of(created, operations)
