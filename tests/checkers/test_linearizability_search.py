"""The search agrees with trying everything, and stays fast where it must."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.checkers.search import Interval, search
from harness.history import (
    Action,
    Completed,
    Invoked,
    Operation,
    OrderCreated,
    Outcome,
)
from harness.models import OrderModel, SequentialModel
from harness.verdict import Status

# ---------------------------------------------------------------- an independent brute force


def brute_force(model: SequentialModel[Any, Any], intervals: Sequence[Interval[Any]]) -> bool:
    """Every subset of the optional operations, every order of them that respects real time."""
    required = [interval for interval in intervals if interval.returned is not None]
    optional = [interval for interval in intervals if interval.returned is None]
    return any(
        some_order_explains(model, model.initial(), [*required, *subset])
        for size in range(len(optional) + 1)
        for subset in itertools.combinations(optional, size)
    )


def some_order_explains(
    model: SequentialModel[Any, Any], state: Any, rest: Sequence[Interval[Any]]
) -> bool:
    """Try each operation that no other one precedes in time as the next, and so on."""
    if not rest:
        return True
    for number, interval in enumerate(rest):
        if any(other.returned is not None and other.returned < interval.invoked for other in rest):
            continue
        after = model.step(state, interval.operation)
        others = [*rest[:number], *rest[number + 1 :]]
        if after is not None and some_order_explains(model, after, others):
            return True
    return False


def respects_time(order: Sequence[Interval[Any]]) -> bool:
    return not any(
        later.returned is not None and later.returned < earlier.invoked
        for earlier, later in itertools.combinations(order, 2)
    )


def explains(model: SequentialModel[Any, Any], order: Sequence[Interval[Any]]) -> bool:
    state = model.initial()
    for interval in order:
        state = model.step(state, interval.operation)
        if state is None:
            return False
    return True


# ------------------------------------------------------------------------ a plain register


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


seen: Counter[tuple[str, Status]] = Counter()


def check_against_brute_force(
    name: str, model: SequentialModel[Any, Any], intervals: Sequence[Interval[Any]]
) -> None:
    result = search(model, intervals)
    expected = Status.VALID if brute_force(model, intervals) else Status.INVALID
    assert result.status is expected
    placed = [intervals[n] for n in result.placed]
    assert respects_time(placed)
    assert explains(model, placed)
    required = {n for n, interval in enumerate(intervals) if interval.returned is not None}
    if expected is Status.VALID:
        assert required <= set(result.placed)
    else:
        assert result.stuck
        assert set(result.stuck) <= required - set(result.placed)
    seen[name, expected] += 1


def examples(count: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, suppress_health_check=checks)


@examples(1000)
@given(register_histories())
def compare_on_registers(intervals: list[Interval[tuple[Any, ...]]]) -> None:
    check_against_brute_force("register", Register(), intervals)


# ------------------------------------------------------------------------ orders

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
sayings = st.sampled_from([*Action, Action.PAY, Action.REFUND]).flatmap(
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
    if draw(st.integers(0, 3)) == 0:
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


@examples(1000)
@given(st.one_of(order_histories(), told_histories(), told_histories()))
def compare_on_orders(intervals: list[Interval[Operation]]) -> None:
    model = order_model([interval.operation for interval in intervals])
    check_against_brute_force("order", model, intervals)


@examples(400)
@given(st.one_of(order_histories(), told_histories()))
def compare_on_orders_of_unknown_amount(intervals: list[Interval[Operation]]) -> None:
    model = OrderModel.of(None, [interval.operation for interval in intervals])
    check_against_brute_force("no amount", model, intervals)


@pytest.mark.parametrize(
    ("name", "compare", "count"),
    [
        ("register", compare_on_registers, 1000),
        ("order", compare_on_orders, 1000),
        ("no amount", compare_on_orders_of_unknown_amount, 400),
    ],
)
def test_the_search_agrees_with_brute_force(name: str, compare: Any, count: int) -> None:
    """On thousands of histories, a decent share of either kind (or it would prove little)."""
    compare()
    valid, invalid = seen[name, Status.VALID], seen[name, Status.INVALID]
    assert valid + invalid >= count
    assert valid >= 0.15 * (valid + invalid), (valid, invalid)
    assert invalid >= 0.15 * (valid + invalid), (valid, invalid)


# ------------------------------------------------------------------------ cases with a name


def test_a_stale_read_is_caught_and_an_overlapping_one_is_not() -> None:
    write = Interval(("write", 1), 0, 1)
    assert search(Register(), [write, Interval(("read", 0), 2, 3)]).status is Status.INVALID
    late = Interval(("write", 1), 0, 4)
    assert search(Register(), [late, Interval(("read", 0), 2, 3)]).status is Status.VALID


def test_reads_must_not_go_back_in_time() -> None:
    intervals = [
        Interval(("write", 1), 0, 9),
        Interval(("read", 1), 1, 2),
        Interval(("read", 0), 3, 4),
    ]
    result = search(Register(), intervals)
    assert result.status is Status.INVALID
    assert result.placed == (0, 1)
    assert result.stuck == (2,)
    assert result.state == 1


def test_an_unanswered_write_may_happen_late_or_never() -> None:
    lost: Interval[tuple[Any, ...]] = Interval(("write", 1), 0, None)
    reads = [Interval(("read", value), 2 * n + 1, 2 * n + 2) for n, value in enumerate([0, 0, 1])]
    assert search(Register(), [lost, *reads]).status is Status.VALID
    assert search(Register(), [lost, *reads[:2]]).status is Status.VALID
    # but only once, and not before it was asked for
    again = Interval(("write", 0), 20, 21)
    back = Interval(("read", 1), 30, 31)
    assert search(Register(), [lost, *reads, again, back]).status is Status.INVALID
    early = Interval(("read", 1), -5, -4)
    assert search(Register(), [lost, early]).status is Status.INVALID


def test_nothing_to_place_is_linearizable() -> None:
    assert search(Register(), []).status is Status.VALID
    assert search(Register(), [Interval(("write", 1), 0, None)]).status is Status.VALID


def test_the_bounds_give_an_unknown() -> None:
    # 12 concurrent writes that no order explains: too many configurations for the bound given.
    intervals: list[Interval[tuple[Any, ...]]] = [
        Interval(("write", n), n, 100 + n) for n in range(12)
    ]
    intervals.append(Interval(("read", 99), 300, 301))
    bounded = search(Register(), intervals, max_configurations=500)
    assert bounded.status is Status.UNKNOWN
    assert bounded.configurations <= 502
    assert search(Register(), intervals, deadline=0.0).status is Status.UNKNOWN
    assert search(Register(), intervals).status is Status.INVALID


def chain(length: int) -> Iterator[Interval[tuple[Any, ...]]]:
    """Writes and reads of one register, each overlapping its neighbours."""
    for n in range(length):
        call = ("write", n) if n % 2 == 0 else ("read", n - 1)
        yield Interval(call, 10 * n, 10 * n + 14)


def test_a_long_history_of_one_object_takes_one_configuration_per_write() -> None:
    result = search(Register(), list(chain(20_000)))
    assert result.status is Status.VALID
    assert result.configurations <= 20_001


def test_an_operation_open_all_along_does_not_make_it_quadratic() -> None:
    length = 20_000
    intervals = [*chain(length), Interval(("read", length - 2), -1, 10 * length + 20)]
    result = search(Register(), intervals)
    assert result.status is Status.VALID
    assert result.configurations <= 3 * length


def test_many_unanswered_operations_are_tried_only_where_needed() -> None:
    lost: list[Interval[tuple[Any, ...]]] = [
        Interval(("write", 10**6 + n), 5 * n, None) for n in range(200)
    ]
    assert search(Register(), [*chain(2000), *lost]).configurations <= 2001
    # Indistinguishable ones count as a number, not as a set: 2 to the 40 would never end.
    same: list[Interval[tuple[Any, ...]]] = [Interval(("add", 1), n, None) for n in range(40)]
    result = search(Counter_(), [*same, Interval(("read", 41), 100, 101)])
    assert result.status is Status.INVALID
    assert result.configurations <= 42
    assert search(Counter_(), [*same, Interval(("read", 40), 100, 101)]).status is Status.VALID


def test_which_unanswered_operations_were_used_matters_for_those_that_are_left() -> None:
    lost: list[Interval[tuple[Any, ...]]] = [Interval(("add", n), n, None) for n in (1, 2, 3)]
    reads = [Interval(("read", 3), 10, 11), Interval(("read", 5), 20, 21)]
    # 3 is 1 + 2 as well, but then only 3 is left, and 5 is out of reach.
    result = search(Counter_(), [*lost, *reads])
    assert result.status is Status.VALID
    assert result.placed == (2, 3, 1, 4)


class Counter_(Register):
    """A counter: ("add", n) and ("read", n)."""

    def step(self, state: int, operation: tuple[Any, ...]) -> int | None:
        if operation[0] == "add":
            return state + int(operation[1])
        return super().step(state, operation)
