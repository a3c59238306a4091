"""The journal writes what the reader reads, and the reader refuses what it cannot trust."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import judge
from paidonce.harness.errors import UsageError
from paidonce.harness.history import (
    Action,
    Completed,
    Ended,
    Header,
    History,
    Invoked,
    Journal,
    Note,
    OrderCreated,
    Outcome,
    read_history,
)
from paidonce.harness.history.builder import HistoryBuilder
from paidonce.harness.verdict import Status

HEADER = Header(run="r", scenario="s", target="t")


def invoked(op: int, t: int = 1) -> Invoked:
    return Invoked(t=t, op=op, attempt="tab 1", action=Action.PAY, order="o1")


def completed(op: int, t: int = 2) -> Completed:
    return Completed(t=t, op=op, outcome=Outcome.OK, value={"payment_id": "pi_1"})


def journalled(path: Path, *events: Any) -> Path:
    with Journal(path, HEADER) as journal:
        for event in events:
            journal.record(event)
    return path


def test_what_was_recorded_reads_back(tmp_path: Path) -> None:
    events = (
        OrderCreated(t=0, order="o1", amount=5000, currency="usd"),
        invoked(1),
        completed(1),
        Ended(t=3),
    )
    history = read_history(journalled(tmp_path / "deep" / "h.jsonl", *events))
    assert history.events == (HEADER, *events)
    assert history.complete
    assert not history.truncated


def test_every_event_is_on_disk_before_record_returns(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    journal = Journal(path, HEADER)
    journal.record(Note(t=1, text="before"))
    assert len(path.read_bytes().splitlines()) == 2
    journal.close()
    journal.close()
    with pytest.raises(ValueError, match="Note came late"):
        journal.record(Note(t=2, text="after"))


def test_threads_never_tear_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with Journal(path, HEADER) as journal:

        def write(name: str) -> None:
            for n in range(200):
                journal.record(Note(t=journal.now(), text=f"{name} {n} " + "x" * 300))

        threads = [threading.Thread(target=write, args=(f"thread {n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    texts = [note.text for _, note in read_history(path).of(Note)]
    assert len(texts) == 800
    for name in range(4):
        own = [text.split(" ")[2] for text in texts if text.startswith(f"thread {name} ")]
        assert own == [str(n) for n in range(200)]


def test_an_existing_history_is_never_overwritten(tmp_path: Path) -> None:
    path = journalled(tmp_path / "h.jsonl", Ended(t=1))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        Journal(path, HEADER)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"h\.jsonl cannot be created"):
        Journal(tmp_path / "file" / "h.jsonl", HEADER)


class _FullDisk:
    """A file that takes ``room`` more bytes and then fails as a full disk does."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: memoryview) -> int:
        if self._room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written: int = self._file.write(data[: min(self._room, 10)])
        self._room -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_short_writes_are_continued_and_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    journal = Journal(path, HEADER)
    note = {"n": 2, "type": "note", "t": 1, "text": "whole"}
    line = len(json.dumps(note, separators=(",", ":"))) + 1
    journal._file = _FullDisk(journal._file, line + 5)  # type: ignore[assignment]
    journal.record(Note(t=1, text="whole"))
    with pytest.raises(UsageError, match="No space left on device"):
        journal.record(Note(t=2, text="half"))
    journal.close()
    history = read_history(path)
    assert [note.text for _, note in history.of(Note)] == ["whole"]
    assert not history.truncated


def test_a_torn_tail_is_dropped_and_told(tmp_path: Path) -> None:
    path = journalled(tmp_path / "h.jsonl", invoked(1), Ended(t=9))
    path.write_bytes(path.read_bytes()[:-4])
    history = read_history(path)
    assert history.truncated
    assert not history.complete
    assert [type(event) for event in history.events] == [Header, Invoked]


def test_a_history_without_its_end_is_not_complete(tmp_path: Path) -> None:
    history = read_history(journalled(tmp_path / "h.jsonl", invoked(1)))
    assert not history.truncated
    assert not history.complete
    assert history.operations[0].outcome is Outcome.UNKNOWN
    assert history.operations[0].completed_at is None


@pytest.mark.parametrize("broken", [b'{"type":"note"', b"", b"\xff\xfe", b"[1]", b"[" * 100_000])
def test_a_broken_line_in_the_middle_is_an_error_with_its_number(
    tmp_path: Path, broken: bytes
) -> None:
    path = journalled(tmp_path / "h.jsonl", Note(t=1, text="a"), Note(t=2, text="b"))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], broken, lines[2]]) + b"\n")
    with pytest.raises(UsageError, match=r"h\.jsonl, line 3: not an event"):
        read_history(path)


@pytest.mark.parametrize("only", ["same fields", "other fields"])
def test_another_format_version_is_named(tmp_path: Path, only: str) -> None:
    fields: dict[str, Any] = {"type": "header", "format": 7}
    if only == "same fields":
        fields |= {"run": "r", "scenario": "s", "target": "t"}
    path = tmp_path / "h.jsonl"
    path.write_text(json.dumps(fields) + "\n")
    with pytest.raises(UsageError, match="history format 7; this version reads 1 and 2"):
        read_history(path)


def test_two_headers_none_and_a_late_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 2: .*one header"):
        read_history(journalled(tmp_path / "two.jsonl", HEADER))
    path = journalled(tmp_path / "h.jsonl", Note(t=1, text="a"))
    headless = tmp_path / "headless.jsonl"
    headless.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(UsageError, match=r"line 1: .*one header"):
        read_history(headless)


def test_an_operation_is_invoked_once_and_completes_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 3: operation 1 is invoked twice"):
        read_history(journalled(tmp_path / "a.jsonl", invoked(1), invoked(1)))
    with pytest.raises(UsageError, match="line 4: operation 1 completes without being open"):
        read_history(journalled(tmp_path / "b.jsonl", invoked(1), completed(1), completed(1)))
    with pytest.raises(UsageError, match="line 2: operation 1 completes without being open"):
        read_history(journalled(tmp_path / "c.jsonl", completed(1), invoked(1)))


def test_operations_may_be_recorded_in_any_order_of_their_numbers(tmp_path: Path) -> None:
    """As several recorders' are, whose numbers were given out beforehand."""
    order = [invoked(1), invoked(5), invoked(2), completed(2), invoked(7), invoked(3)]
    assert len(read_history(journalled(tmp_path / "a.jsonl", *order)).operations) == 5
    for again in (1, 2, 5, 7, 3):
        with pytest.raises(UsageError, match=f"line 8: operation {again} is invoked twice"):
            read_history(journalled(tmp_path / f"{again}.jsonl", *order, invoked(again)))


def test_nothing_may_follow_the_end(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2: the end of the history is not its last line"):
        read_history(journalled(tmp_path / "h.jsonl", Ended(t=1), Note(t=2, text="late")))


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b'{"ty', "no complete line")])
def test_a_file_without_a_whole_line_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_history(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.jsonl cannot be read: No such file"):
        read_history(tmp_path / "nowhere.jsonl")


def test_a_history_in_memory_starts_with_its_header_too() -> None:
    with pytest.raises(ValueError, match="starts with its header"):
        History([Note(t=1, text="a")])
    with pytest.raises(ValueError, match="starts with its header"):
        History([])


def test_operations_are_grouped_by_order_in_invocation_order() -> None:
    h = HistoryBuilder()
    h.order("o1")
    h.order("o2")
    first, second = h.pay("tab 1", order="o1"), h.pay("tab 2", order="o2")
    third = h.cancel("tab 3", order="o1")
    third.ok()
    second.ok(payment_id="pi_2")
    first.unknown()
    by_order = h.build().by_order
    assert [o.invoked.attempt for o in by_order["o1"]] == ["tab 1", "tab 3"]
    assert [o.outcome for o in by_order["o1"]] == [Outcome.UNKNOWN, Outcome.OK]
    assert [o.invoked.op for o in by_order["o2"]] == [2]


def test_a_history_built_by_hand_saves_and_reads_back(tmp_path: Path) -> None:
    h = HistoryBuilder(capabilities=["service.orders"], checkers=["one-success"])
    h.order("o1", 700)
    h.pay(key="k", payment_method="pm_card_visa").ok(payment_id="pi_1", amount=700)
    h.effect("payment_intent.create", order="o1", answer={"status": 200, "id": "pi_1"})
    h.fault("drop_answer", seq=1)
    h.observed("o1", "paid", payment_id="pi_1")
    h.paid_at_stripe("o1", amount=700)
    h.note("done")
    read = read_history(h.save(tmp_path / "whole.jsonl"))
    assert read.events == h.build().events
    assert read.complete
    assert not read_history(h.save(tmp_path / "cut.jsonl", cut=True)).complete


def test_texts_that_many_events_have_are_kept_once(tmp_path):
    built = HistoryBuilder()
    built.order("order-with-a-long-name", 5000)
    first, second = built.pay("tab 1"), built.pay("tab 2")
    first.ok(payment_id="pi_1")
    second.rejected("order_already_paid")
    path = built.save(tmp_path / "h.jsonl")
    history = read_history(path)
    one, other = history.operations
    assert one.invoked.order is other.invoked.order
    assert one.invoked.args is other.invoked.args == {}
    assert list(history.events) == list(built.build().events)


def test_what_is_kept_is_written_with_the_next_event_on_a_flush_or_at_the_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "h.jsonl"

    def texts() -> list[str]:
        return [note.text for _, note in read_history(path).of(Note)]

    journal = Journal(path, HEADER)
    journal.keep(Note(t=1, text="one"))
    assert texts() == []
    journal.record(Note(t=2, text="two"))
    assert texts() == ["one", "two"]
    journal.keep(Note(t=3, text="three"))
    journal.flush()
    journal.flush()
    assert texts() == ["one", "two", "three"]
    journal.keep(Note(t=4, text="four"))
    journal.close()
    journal.flush()
    assert texts() == ["one", "two", "three", "four"]
    with pytest.raises(ValueError, match="closed"):
        journal.keep(Note(t=5, text="five"))


# --- lines that are missing ----------------------------------------------------------------------


def paid_once() -> HistoryBuilder:
    """A valid history: one attempt paid, the other was rejected."""
    checkers = ("one-success", "clean-rejections", "one-intent", "ledger-agrees")
    h = HistoryBuilder(capabilities=tuple(Capability), checkers=checkers)
    h.order("o1", 5000)
    first, second = h.pay("tab 1", key="a"), h.pay("tab 2", key="b")
    second.rejected("order_already_paid")
    first.ok(payment_id="pi_1", amount=5000, currency="usd")
    call = {"status": 200, "id": "pi_1", "object": "payment_intent", "state": "succeeded"}
    h.effect("payment_intent.create", order="o1", key="o1:pay:1", answer=call)
    h.observed("o1", "paid", payment_id="pi_1")
    h.paid_at_stripe("o1")
    return h


def test_a_history_without_any_one_of_its_lines_is_never_valid(tmp_path: Path) -> None:
    path = paid_once().save(tmp_path / "whole.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    assert Status.VALID in {one.status for one in judge(read_history(path))}
    for missing in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:missing] + lines[missing + 1 :]))
        try:
            history = read_history(path)
        except UsageError:
            continue  # what is left contradicts itself
        assert not history.complete, lines[missing]
        assert Status.VALID not in {one.status for one in judge(history)}, lines[missing]


def test_lines_in_another_order_or_twice_are_refused(tmp_path: Path) -> None:
    path = paid_once().save(tmp_path / "whole.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    with pytest.raises(UsageError, match="line 4: expected its number in the history, 5, got 3"):
        read_history(path)
    path.write_bytes(b"".join([*lines[:2], lines[1], *lines[2:]]))
    with pytest.raises(UsageError, match="line 3: expected its number in the history, 3, got 2"):
        read_history(path)
    path.write_bytes(b"".join([lines[0], b'{"type":"note","t":1,"text":"a"}\n']))
    with pytest.raises(UsageError, match="line 2: expected its number in the history, 2, got none"):
        read_history(path)


def test_a_line_that_somebody_else_has_written_again_keeps_its_number(tmp_path: Path) -> None:
    path = paid_once().save(tmp_path / "whole.jsonl")
    again = [json.dumps(dict(sorted(json.loads(one).items()))) for one in path.open()]
    path.write_text("\n".join(again) + "\n")
    assert read_history(path).complete


def test_a_history_of_the_format_before_is_read_as_it_was(tmp_path: Path) -> None:
    path = paid_once().save(tmp_path / "whole.jsonl")
    old = [json.loads(one) for one in path.open()]
    old[0]["format"] = 1
    path.write_text(
        "".join(json.dumps({k: v for k, v in one.items() if k != "n"}) + "\n" for one in old)
    )
    history = read_history(path)
    assert history.complete
    with Journal(tmp_path / "again.jsonl", history.header) as journal:
        journal.record(Ended(t=1))
    assert read_history(tmp_path / "again.jsonl").header.format == 2


def test_events_of_a_type_come_in_the_order_in_which_they_were_recorded() -> None:
    events = (HEADER, invoked(1), Note(t=2, text="a"), completed(1), Note(t=4, text="b"))
    history = History(events)
    assert [at for at, _ in history.of(Note)] == [2, 4]
    assert [at for at, _ in history.of(object)] == [0, 1, 2, 3, 4]
    assert not list(history.of(Ended))


def test_a_text_that_json_cannot_hold_is_written_with_escapes(tmp_path):
    path = journalled(tmp_path / "h.jsonl", Note(t=1, text="caf\udce9"))
    assert read_history(path).events[1] == Note(t=1, text="caf\\udce9")
