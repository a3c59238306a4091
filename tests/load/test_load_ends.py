"""How a load run ends that does not end by itself, or cannot be measured."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest
from load_runs import DEADLINE_S, PURE, QUICK, Api, LoadOn, until

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.history import Completed, Note, read_history
from paidonce.harness.load.generate.job import LOCUSTFILE
from paidonce.harness.load.generate.targets import write_target
from paidonce.harness.load.record.merge import merge, read_parts
from paidonce.harness.load.run import LoadCancelled, LoadFailed, run_load
from paidonce.harness.process.child import Child
from paidonce.harness.process.modules import command
from paidonce.harness.process.ports import HeldPort
from paidonce.harness.service.description import Target


def recorded(folder: Path) -> int:
    """How many operations have ended so far."""
    return sum(path.read_bytes().count(b'"complete"') for path in folder.glob("**/*.jsonl"))


def locusts(folder: Path) -> list[psutil.Process]:
    """Locust processes that record into this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
        except psutil.Error:
            continue
        if "locust" in arguments and any(str(folder) in argument for argument in arguments):
            found.append(process)
    return found


def test_orders_used_up_while_warming_up_is_an_error_that_says_so(load_on: LoadOn) -> None:
    with pytest.raises(LoadFailed, match="before measuring began: all 5 orders"):
        load_on(
            "sound",
            "many",
            variant="v",
            users=2,
            warmup=10 * DEADLINE_S,
            seconds=1,
            patience=DEADLINE_S,
            max_orders=10,
            processes=2,
        )


def test_nothing_listening_is_said_and_what_was_recorded_is_named(
    target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with HeldPort() as port, pytest.raises(LoadFailed, match=r"no operation.*load-many-v\.jsonl"):
        run_load(
            target=target,
            base_url=f"http://127.0.0.1:{port.number}",
            postgres_url=postgres.url("postgres"),
            variant="v",
            profile="many",
            out_folder=tmp_path,
            users=1,
            warmup=0,
            seconds=1,
            patience=1,
            checkers=PURE,
        )


def test_a_history_is_never_overwritten(target: Target, tmp_path: Path) -> None:
    (tmp_path / "load-hot-v.jsonl").touch()
    with pytest.raises(UsageError, match=r"load-hot-v\.jsonl exists already"):
        run_load(
            target=target,
            base_url="http://127.0.0.1:1",
            postgres_url="postgresql://127.0.0.1:1/none",
            variant="v",
            profile="hot",
            out_folder=tmp_path,
            **QUICK,
        )


def test_a_killed_locust_leaves_readable_histories(
    order_api: Api, target: Target, tmp_path: Path
) -> None:
    write_target(target, tmp_path / "target.json")
    argv, environment = command(
        "locust",
        f"--locustfile={LOCUSTFILE}",
        "--headless",
        f"--host={order_api('sound')}",
        "--target-file=target.json",
        "--paidonce-history=histories",
        "--warmup=0",
        "--measure=1200",
        "--users=4",
        "HotOrder",
    )
    with Child("Locust", argv, env=environment, cwd=tmp_path) as child:
        until("fifty operations", lambda: recorded(tmp_path) >= 50)
        child.kill()
    parts, cut_off = read_parts((tmp_path / "histories").glob("*.jsonl"))
    result = merge(parts, cut_off)
    assert not result.complete
    assert sum(isinstance(event, Completed) for event in result.events) >= 50
    assert result.window[1] < 1200e9
    assert "cut off" in str([e for e in result.events if isinstance(e, Note)])


def test_a_locust_killed_under_the_runner_is_judged_as_cut_off(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    script = _runner_script(target, order_api("sound"), postgres, tmp_path, processes=1)
    with Child("runner", [sys.executable, script], cwd=tmp_path) as runner:
        until("fifty operations", lambda: recorded(tmp_path) >= 50)
        for process in locusts(tmp_path):
            process.kill()
        runner.wait(DEADLINE_S)
        said = runner.output
    assert "status unknown" in said, said
    history = read_history(tmp_path / "out" / "load-hot-v.jsonl")
    assert not history.complete
    assert any("exit code -9" in note.text for _, note in history.of(Note))


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_leaves_nothing_running(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path, processes: int
) -> None:
    script = _runner_script(target, order_api("sound"), postgres, tmp_path, processes)
    with Child("runner", [sys.executable, script], cwd=tmp_path) as runner:
        until("fifty operations", lambda: recorded(tmp_path) >= 50)
        assert len(locusts(tmp_path)) >= processes
        runner.send(signal.SIGINT)
        runner.wait(DEADLINE_S)
        assert "KeyboardInterrupt" in runner.output
    assert locusts(tmp_path) == []
    parts, cut_off = read_parts((tmp_path / "out" / "load-hot-v.parts").glob("*.jsonl"))
    assert len(parts) + len(cut_off) == processes


def test_cancelling_from_another_thread_stops_the_load(load_on: LoadOn, tmp_path: Path) -> None:
    cancel = threading.Event()
    raised: list[BaseException] = []

    def load() -> None:
        try:
            load_on(
                "sound",
                "hot",
                variant="v",
                users=2,
                seconds=1200,
                warmup=0,
                patience=1,
                cancel=cancel,
            )
        except PaidonceError as error:
            raised.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    until("some operations", lambda: recorded(tmp_path) >= 10)
    cancel.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [LoadCancelled]
    assert locusts(tmp_path) == []


def _runner_script(
    target: Target, base_url: str, postgres: EmbeddedPostgres, folder: Path, processes: int
) -> Path:
    write_target(target, folder / "described.json")
    script = folder / "runner.py"
    script.write_text(
        f"""
from pathlib import Path
from paidonce.harness.load.run import run_load
from paidonce.harness.load.generate.targets import load_target

load = run_load(
    target=load_target({str(folder / "described.json")!r}, ""),
    base_url={base_url!r},
    postgres_url={postgres.url("postgres")!r},
    variant="v", profile="hot", users=4, seconds=1200, warmup=0, patience=60.0,
    processes={processes}, out_folder=Path("out"), checkers=("one-success",),
)
print("status", load.status.value)
"""
    )
    return script


@pytest.mark.slow
def test_a_service_killed_under_load_is_told_and_nothing_is_decided(tmp_path: Path) -> None:
    words = ["load", "--guard", "row_lock", "--seconds", "600", "--warmup", "0", "--users", "4"]
    argv = [sys.executable, "-m", "paidonce", *words, "--out", str(tmp_path / "out")]
    with Child("load", argv, cwd=tmp_path) as load:
        until("fifty operations", lambda: recorded(tmp_path / "out") >= 50)
        for process in psutil.Process(load.pid).children():
            if "paidonce.reference_service" in process.cmdline():
                process.kill()
        for process in locusts(tmp_path):
            process.terminate()
        assert load.wait(DEADLINE_S) == 3, load.output
        said = " ".join(load.output.split())
    assert "ended (killed by SIGKILL) while it was under load" in said
    assert "Traceback" not in said
