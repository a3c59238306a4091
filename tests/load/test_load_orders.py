"""Budgets and contended places, without any service."""

from __future__ import annotations

import itertools
import threading

from paidonce.harness.load.generate.orders import HotPlace, OrderBudget


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def numbered() -> itertools.count[int]:
    return itertools.count(1)


def test_a_budget_is_spent_once_and_says_so_once() -> None:
    told: list[bool] = []
    budget = OrderBudget(2, lambda: told.append(True))
    assert [budget.take() for _ in range(5)] == [True, True, False, False, False]
    assert told == [True]


def test_an_order_that_never_came_into_being_is_given_back() -> None:
    budget = OrderBudget(1, lambda: None)
    assert budget.take()
    budget.give_back()
    assert budget.take()


def test_a_budget_holds_under_threads() -> None:
    told: list[bool] = []
    budget = OrderBudget(100, lambda: told.append(True))
    taken: list[bool] = []

    def spend() -> None:
        for _ in range(50):
            if budget.take():
                taken.append(True)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 100
    assert told == [True]


def test_everybody_meets_at_the_same_order_until_it_is_paid() -> None:
    numbers = numbered()

    def create() -> str:
        return f"order {next(numbers)}"

    place = HotPlace(lifetime=3, clock=Clock())
    assert {place.current(create) for _ in range(5)} == {"order 1"}
    place.finished("order 1", create)
    assert place.current(create) == "order 2"
    place.finished("order 1", create)  # somebody who learns of it late
    assert place.current(create) == "order 2"


def test_an_order_nobody_can_pay_is_replaced_when_it_is_old() -> None:
    numbers, clock = numbered(), Clock()

    def create() -> str:
        return f"order {next(numbers)}"

    place = HotPlace(lifetime=3, clock=clock)
    assert place.current(create) == "order 1"
    clock.now = 2.9
    place.unfinished("order 1", create)
    assert place.current(create) == "order 1"
    clock.now = 3.1
    place.unfinished("order 1", create)
    assert place.current(create) == "order 2"


def test_a_place_keeps_its_order_when_no_other_can_be_created() -> None:
    place = HotPlace(lifetime=3, clock=Clock())
    assert place.current(lambda: None) is None
    assert place.current(lambda: "A") == "A"
    place.finished("A", lambda: None)
    assert place.current(lambda: "B") == "A"


def test_two_who_learn_of_a_payment_at_once_create_one_order() -> None:
    both = threading.Barrier(2)
    numbers = numbered()
    place = HotPlace(lifetime=3, clock=Clock())
    place.current(lambda: "A")

    def finish() -> None:
        both.wait(120)
        place.finished("A", lambda: f"order {next(numbers)}")

    threads = [threading.Thread(target=finish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(numbers) == 2
