"""The search on histories with a name, and on long ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from search_histories import Register, Tally

from paidonce.harness.checkers.search import Interval, search
from paidonce.harness.verdict import Status


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
    result = search(Tally(), [*same, Interval(("read", 41), 100, 101)])
    assert result.status is Status.INVALID
    assert result.configurations <= 42
    assert search(Tally(), [*same, Interval(("read", 40), 100, 101)]).status is Status.VALID


@pytest.mark.parametrize(("seen_at_last", "expected"), [(60, Status.VALID), (59, Status.INVALID)])
def test_operations_that_do_the_same_are_not_tried_in_every_order(
    seen_at_last: int, expected: Status
) -> None:
    # 60 concurrent additions; 2 to the 60 subsets of them would never end.
    adds: list[Interval[tuple[Any, ...]]] = [Interval(("add", 1), n, 200 - n) for n in range(60)]
    result = search(Tally(), [*adds, Interval(("read", seen_at_last), 300, 301)])
    assert result.status is expected
    assert result.configurations <= 62


def test_of_operations_that_do_the_same_the_most_urgent_goes_first() -> None:
    slow, quick = Interval(("add", 1), 0, 100), Interval(("add", 1), 1, 10)
    result = search(Tally(), [slow, quick, Interval(("read", 1), 20, 21)])
    assert result.status is Status.VALID
    assert result.placed == (1, 2, 0)


def test_which_unanswered_operations_were_used_matters_for_those_that_are_left() -> None:
    lost: list[Interval[tuple[Any, ...]]] = [Interval(("add", n), n, None) for n in (1, 2, 3)]
    reads = [Interval(("read", 3), 10, 11), Interval(("read", 5), 20, 21)]
    # 3 is 1 + 2 as well, but then only 3 is left, and 5 is out of reach.
    result = search(Tally(), [*lost, *reads])
    assert result.status is Status.VALID
    assert result.placed == (2, 3, 1, 4)
