"""Several processes' histories become one, on one clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from load_parts import completed, created, invoked, write

from paidonce.harness.errors import UsageError
from paidonce.harness.history import (
    Completed,
    Ended,
    Header,
    History,
    Journal,
    Note,
    Outcome,
    read_history,
)
from paidonce.harness.load.record.merge import Merged, merge, read_parts
from paidonce.harness.load.record.recorder import STOPPED


def merged(*paths: Path) -> Merged:
    return merge(*read_parts(paths))


def test_events_are_put_on_one_clock_and_operations_numbered_anew(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write(one, 1000, created(0, "A"), invoked(10, 7), completed(60, 7), Ended(t=2000))
    write(two, 1020, created(1, "B"), invoked(15, 7, "B"), completed(20, 7), Ended(t=2000))

    result = merged(one, two)

    assert result.origin == 1000
    assert result.orders == ("A", "B")
    assert result.complete
    assert result.events == (
        created(0, "A"),
        invoked(10, 1),
        created(21, "B"),
        invoked(35, 2, "B"),
        completed(40, 2),
        completed(60, 1),
    )


def test_a_merged_history_can_be_written_and_read_back(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write(one, 5, *(e for op in range(1, 50) for e in (invoked(op * 3, op), completed(op * 4, op))))
    write(two, 9, *(e for op in range(1, 50) for e in (invoked(op * 2, op), completed(op * 5, op))))
    result = merged(one, two)
    whole = tmp_path / "whole.jsonl"
    with Journal(whole, Header(run="r", scenario="s", target="t")) as journal:
        for event in result.events:
            journal.record(event)
    history = read_history(whole)
    assert [operation.invoked.op for operation in history.operations] == list(range(1, 99))
    times = [operation.invoked.t for operation in history.operations]
    assert times == sorted(times)
    for operation in history.operations:
        assert operation.completed is not None
        assert operation.completed_at is not None
        assert operation.completed_at > operation.invoked_at


def test_the_same_nanosecond_makes_operations_concurrent(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write(one, 0, invoked(1, 1), completed(10, 1), Ended(t=20))
    write(two, 0, invoked(10, 1), completed(15, 1), Ended(t=20))
    kinds = [type(event).__name__ for event in merged(one, two).events]
    assert kinds == ["Invoked", "Invoked", "Completed", "Completed"]


def test_the_window_is_what_all_planned_and_none_left_early(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write(one, 1000, invoked(1, 1), completed(1500, 1), Ended(t=1600))
    write(two, 1030, invoked(1, 1), completed(1500, 1), Ended(t=1600))
    assert merged(one, two).window == (130, 1100)

    stopped = tmp_path / "three.jsonl"
    write(stopped, 1010, invoked(1, 1), Note(t=500, text=STOPPED + "no orders"), Ended(t=2000))
    assert merged(one, stopped).window == (110, 510)


def test_a_killed_process_ends_the_window_with_its_last_event(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write(path, 1000, invoked(1, 1), completed(700, 1))
    result = merged(path)
    assert result.window == (100, 700)
    assert not result.complete
    last = result.events[-1]
    assert isinstance(last, Note)
    assert "one.jsonl" in last.text


def test_a_torn_file_is_read_up_to_its_tear(tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole.jsonl", tmp_path / "torn.jsonl"
    write(whole, 0, invoked(5, 1), completed(6, 1), Ended(t=7))
    write(torn, 0, invoked(1, 1), completed(2, 1))
    torn.write_bytes(torn.read_bytes() + b'{"type":"invo')
    result = merged(whole, torn)
    assert not result.complete
    assert len([event for event in result.events if isinstance(event, Completed)]) == 2


def test_a_file_without_a_whole_header_is_named_and_holds_nothing(tmp_path: Path) -> None:
    whole, empty = tmp_path / "whole.jsonl", tmp_path / "empty.jsonl"
    write(whole, 0, invoked(5, 1), completed(6, 1), Ended(t=7))
    empty.write_bytes(b'{"type":"header"')
    parts, cut_off = read_parts([whole, empty])
    assert cut_off == ("empty.jsonl",)
    result = merge(parts, cut_off)
    assert not result.complete
    assert "empty.jsonl" in str(result.events[-1])


def test_a_history_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    with Journal(path, Header(run="r", scenario="s", target="t")):
        pass
    with pytest.raises(UsageError, match=r"other\.jsonl.*monotonic_origin_ns"):
        read_parts([path])


def test_nothing_to_merge_is_an_error() -> None:
    with pytest.raises(ValueError, match="no histories"):
        merge(())


def test_an_operation_without_completion_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    write(path, 0, invoked(5, 1), Ended(t=7))
    header = Header(run="r", scenario="s", target="t")
    history = History([header, *merged(path).events])
    assert history.operations[0].outcome is Outcome.UNKNOWN
