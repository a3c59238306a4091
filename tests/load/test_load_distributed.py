"""Locust's own master and workers, one of them killed: nothing is lost, and all of it is judged."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import Result
from load_parts import completed, created, invoked, write
from load_runs import Api, until
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action, Ended, Event, Invoked, Note, Outcome, read_history
from paidonce.harness.history.lines import as_lines
from paidonce.harness.load.generate.job import LOCUSTFILE
from paidonce.harness.load.generate.targets import write_target
from paidonce.harness.load.record.joining import MACHINES, Joined, histories_in, join, parts_among
from paidonce.harness.load.record.latencies import read_log
from paidonce.harness.load.record.merge import ProcessHistory, on_one_clock, read_parts
from paidonce.harness.load.record.recorder import LATENCIES, MACHINE, MEASURED, SESSION
from paidonce.harness.process.child import Child
from paidonce.harness.process.modules import command
from paidonce.harness.process.ports import HeldPort
from paidonce.harness.service.description import Target

PATIENCE_S = 120.0
"""A machine may be very busy."""


def completions(path: Path) -> int:
    return path.read_bytes().count(b'"type":"complete"')


def recorded_by(histories: Path, pid: int) -> Path | None:
    found = list(histories.glob(f"locust-*-{pid}-*.jsonl"))
    return found[0] if found else None


def start(stack: ExitStack, name: str, folder: Path, *arguments: str) -> Child:
    argv, environment = command("locust", f"--locustfile={LOCUSTFILE}", *arguments)
    clean = {n: v for n, v in environment.items() if not n.startswith(("LOCUST_", "PAIDONCE_"))}
    return stack.enter_context(Child(name, argv, env=clean, cwd=folder, grace=5.0))


def paidonce(*arguments: str | Path) -> Result:
    """The command, in this process: starting another costs seconds on a busy machine."""
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200"})


@pytest.mark.parametrize("number", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_master_and_workers_of_which_one_is_killed(
    order_api: Api, target: Target, tmp_path: Path, number: int
) -> None:
    url = order_api("sound")
    write_target(target, tmp_path / "target.json")
    before = {order["id"] for order in httpx.get(f"{url}/orders").json()["orders"]}
    histories = tmp_path / "histories"
    with ExitStack() as stack:
        port = stack.enter_context(HeldPort())
        port.before_start()
        common = ("--target-file=target.json", "--paidonce-history=histories")
        master = start(
            stack,
            "master",
            tmp_path,
            *("--master", "--headless", "--only-summary", f"--master-bind-port={port.number}"),
            *(f"--expect-workers={number}", f"--host={url}", "--users=6", "--run-time=600"),
            *("--warmup=0", "--rate=300", "--contention=zipf:1:5", "--stop-timeout=30", *common),
            "Payer",
        )
        workers = [
            start(
                stack,
                f"worker {each}",
                tmp_path,
                *("--worker", "--master-host=127.0.0.1", f"--master-port={port.number}", *common),
                "Payer",
            )
            for each in range(number)
        ]

        def busy(least: Callable[[int], int], those: list[Child]) -> Callable[[], bool]:
            def look() -> bool:
                for child in (master, *those):
                    assert child.running, child.tail()
                paths = [recorded_by(histories, child.pid) for child in those]
                return all(
                    path is not None and completions(path) >= least(child.pid)
                    for path, child in zip(paths, those, strict=True)
                )

            return look

        until("twenty operations of each worker", busy(lambda _: 20, workers), PATIENCE_S)
        dead, *alive = workers
        dead.kill()
        so_far = {
            child.pid: completions(path)
            for child in alive
            if (path := recorded_by(histories, child.pid)) is not None
        }
        until("twenty more of the others", busy(lambda pid: so_far[pid] + 20, alive), PATIENCE_S)
        master.send(signal.SIGINT)
        for child in (master, *alive):
            child.wait(PATIENCE_S)

    killed = recorded_by(histories, dead.pid)
    assert killed is not None
    (run,) = join(histories_in([histories]))
    assert run.cut_off == (killed.name,)
    assert len(run.parts) == number
    _nothing_is_lost(run, url, before, users_of_the_dead=6)
    for part in run.parts:
        settings = part.history.header.settings
        assert settings[MEASURED] == str(600 * 10**9), "a worker measures what its master says"
        assert settings[SESSION] == run.header.settings[SESSION] != ""
        # What is whole has its latencies beside it; of the dead, they are in its history.
        assert (histories / part.name).with_suffix(LATENCIES).exists() == part.history.complete
    assert run.header.settings[MACHINES] == "1"

    merged = paidonce("merge", histories, "--out", tmp_path / "whole.jsonl")
    assert merged.exit_code == 0, merged.output
    assert f"cut off: {killed.name}" in merged.output
    whole = read_history(tmp_path / "whole.jsonl")
    assert len(whole.operations) == sum(len(part.history.operations) for part in run.parts)
    assert not whole.complete
    start_ns, end_ns = run.merged.window
    inside = [
        o
        for o in whole.operations
        if o.completed is not None and start_ns <= o.completed.t < end_ns
    ]
    assert read_log(tmp_path / "whole.hlog").count == len(inside) > 0

    rules = ("--checker=one-success", "--checker=linearizable", "--checker=clean-rejections")
    judged = paidonce("check", histories, *rules)
    assert judged.exit_code == 3, judged.output
    assert judged.output.count("cut off") >= 3, "what was cut off is not called valid"
    _a_second_payment_is_found_in_the_part_of_the_dead(killed, rules[0])


def _nothing_is_lost(run: Joined, url: str, before: set[str], users_of_the_dead: int) -> None:
    """Every payment in the service's own books is in the history."""
    orders = {o["id"]: o for o in httpx.get(f"{url}/orders").json()["orders"]}
    made = {name: order for name, order in orders.items() if name not in before}
    paying = {o.invoked.order for o in run.history.operations if o.invoked.action is Action.PAY}
    paid = {name for name, order in made.items() if order["payment_status"] == "paid"}
    assert paid
    assert paid <= paying
    # Only what was being created when the worker died was not written down, and nobody used it.
    unknown = made.keys() - set(run.merged.orders)
    assert len(unknown) <= users_of_the_dead
    assert not unknown & paying
    told = {o.invoked.order for o in run.history.operations if o.outcome is Outcome.OK}
    assert told <= paid


def _a_second_payment_is_found_in_the_part_of_the_dead(killed: Path, rule: str) -> None:
    """The checkers look at it too: with a second winner written into it, the whole is invalid."""
    history = read_history(killed)
    winner = next(o for o in history.operations if o.outcome is Outcome.OK)
    assert winner.completed is not None
    op = max(o.invoked.op for o in history.operations) + 1
    t = history.events[-1].t  # type: ignore[union-attr]
    more = (
        msgspec.structs.replace(winner.invoked, t=t, op=op, attempt="another", key=None),
        msgspec.structs.replace(winner.completed, t=t, op=op, replayed=False),
    )
    whole_lines = killed.read_bytes().rpartition(b"\n")[0] + b"\n"
    killed.write_bytes(whole_lines + as_lines(more, len(history.events) + 1))
    judged = paidonce("check", killed.parent, rule)
    assert judged.exit_code == 1, judged.output


def moved(part: ProcessHistory, machine: str, wall: int) -> ProcessHistory:
    header = part.history.header
    settings = header.settings | {MACHINE: machine, "wall_origin_ns": str(wall)}
    events: list[Event] = [msgspec.structs.replace(header, settings=settings)]
    events += part.history.events[1:]
    return ProcessHistory(part.name, type(part.history)(events), part.origin)


def test_machines_are_put_beside_each_other_by_their_clocks(tmp_path: Path) -> None:
    parts = _two_parts(tmp_path, "A", "B")
    # Their monotonic clocks have nothing to do with each other; the second began 1 s later.
    one, two = moved(parts[0], "one", 10**18), moved(parts[1], "two", 10**18 + 10**9)
    aligned, machines = on_one_clock([one, two])
    assert machines == 2
    assert [part.origin for part in aligned] == [10**18, 10**18 + 10**9]
    same, machines = on_one_clock(parts)
    assert machines == 1
    assert [part.origin for part in same] == [5, 77]


def test_an_order_that_two_machines_used_is_refused(tmp_path: Path) -> None:
    parts = _two_parts(tmp_path, "A", "A")
    with pytest.raises(UsageError, match="order A is used on two machines"):
        on_one_clock([moved(parts[0], "one", 1), moved(parts[1], "two", 2)])


def _two_parts(folder: Path, *orders: str) -> tuple[ProcessHistory, ...]:
    for number, (order, origin) in enumerate(zip(orders, (5, 77), strict=True)):
        write(
            folder / f"{number}.jsonl",
            origin,
            *(created(1, order), invoked(2, 1, order), completed(3, 1), Ended(t=2000)),
        )
    return read_parts(sorted(folder.glob("*.jsonl")))[0]


def test_a_file_cut_off_in_its_first_line_is_taken_for_a_part_where_there_are_any(
    tmp_path: Path,
) -> None:
    _two_parts(tmp_path, "A", "B")
    one, two, torn = tmp_path / "0.jsonl", tmp_path / "1.jsonl", tmp_path / "torn.jsonl"
    torn.write_bytes(b'{"type":"header"')
    assert parts_among([torn]) == ()
    assert parts_among([one, torn, two]) == (one, two, torn)
    (run,) = join([one, torn])
    assert run.cut_off == ("torn.jsonl",)
    assert not run.history.complete
    with pytest.raises(UsageError, match=r"torn\.jsonl was cut off at its very beginning"):
        join([one, two, torn])


def test_several_runs_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    _two_parts(tmp_path, "A", "B")  # neither says which run it is of
    assert len(join(histories_in([tmp_path]))) == 2
    out = tmp_path / "merged" / "run.jsonl"
    refused = paidonce("merge", tmp_path, "--out", out)
    assert refused.exit_code == 2
    assert "these are of 2 runs; give the files of one: 0.jsonl; 1.jsonl" in refused.output
    alone = paidonce("merge", tmp_path / "0.jsonl", "--out", out)
    assert alone.exit_code == 0, alone.output
    assert "run.jsonl: 1 operation of 1 process" in alone.output
    again = paidonce("merge", tmp_path / "0.jsonl", "--out", out)
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert not any(isinstance(e, Note) for e in read_history(out).events)
    assert any(isinstance(e, Invoked) for e in read_history(out).events)
