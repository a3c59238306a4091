"""The search agrees with trying everything."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from search_histories import (
    Register,
    order_histories,
    order_model,
    register_histories,
    told_histories,
)

from paidonce.harness.checkers.search import Interval, search
from paidonce.harness.history import Operation
from paidonce.harness.models import OrderModel, SequentialModel
from paidonce.harness.verdict import Status


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


def compare_on_registers(count: int) -> None:
    @examples(count)
    @given(register_histories())
    def compare(intervals: list[Interval[tuple[Any, ...]]]) -> None:
        check_against_brute_force("register", Register(), intervals)

    compare()


def compare_on_orders(count: int) -> None:
    @examples(count)
    @given(st.one_of(order_histories(), told_histories(), told_histories()))
    def compare(intervals: list[Interval[Operation]]) -> None:
        model = order_model([interval.operation for interval in intervals])
        check_against_brute_force("order", model, intervals)

    compare()


def compare_on_orders_of_unknown_amount(count: int) -> None:
    @examples(count)
    @given(st.one_of(order_histories(), told_histories()))
    def compare(intervals: list[Interval[Operation]]) -> None:
        model = OrderModel.of(None, [interval.operation for interval in intervals])
        check_against_brute_force("no amount", model, intervals)

    compare()


@pytest.mark.parametrize(
    ("name", "compare", "count"),
    [
        ("register", compare_on_registers, 250),
        ("order", compare_on_orders, 250),
        ("no amount", compare_on_orders_of_unknown_amount, 120),
        pytest.param("register", compare_on_registers, 1000, marks=pytest.mark.slow),
        pytest.param("order", compare_on_orders, 1000, marks=pytest.mark.slow),
        pytest.param("no amount", compare_on_orders_of_unknown_amount, 400, marks=pytest.mark.slow),
    ],
)
def test_the_search_agrees_with_brute_force(name: str, compare: Any, count: int) -> None:
    """A decent share of the histories is of either kind (or it would prove little)."""
    compare(count)
    valid, invalid = seen[name, Status.VALID], seen[name, Status.INVALID]
    assert valid + invalid >= count
    assert valid >= 0.15 * (valid + invalid), (valid, invalid)
    assert invalid >= 0.15 * (valid + invalid), (valid, invalid)
