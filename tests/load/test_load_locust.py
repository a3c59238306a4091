"""Real Locust against a real service: what it records, and what is left when it is stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from harness.answers import order_observed
from harness.backends.postgres_embedded import EmbeddedPostgres
from harness.capability import Capability
from harness.errors import DeadlineExceeded, PaidonceError, UsageError
from harness.history import Action, Completed, Journal, Note, Outcome, read_history
from harness.load.job import LOCUSTFILE
from harness.load.merge import merge, read_parts
from harness.load.run import LoadCancelled, LoadFailed, run_load
from harness.load.targets import write_target
from harness.process.child import Child
from harness.process.modules import command
from harness.process.ports import HeldPort
from harness.target import Target
from harness.verdict import Status

Api = Callable[[str], str]
PURE = ("one-success", "clean-rejections", "linearizable")
DEADLINE_S = 120.0
"""For whatever has to happen, on however busy a machine."""
QUICK = {"seconds": 4.0, "warmup": 0.5, "patience": DEADLINE_S, "users": 6}


def until(what: str, holds: Callable[[], bool], seconds: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise DeadlineExceeded(what, seconds)
        time.sleep(0.02)


def locust(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv, environment = command("locust", f"--locustfile={LOCUSTFILE}", *arguments)
    return subprocess.run(
        argv,
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def reader(base_url: str, target: Target) -> Callable[[Journal, Sequence[str]], None]:
    """Reads every order of the test's service at the end, as a runner does."""

    def observe(journal: Journal, orders: Sequence[str]) -> None:
        with httpx.Client(base_url=base_url, timeout=DEADLINE_S) as client:
            for order in orders:
                body = client.get(f"/orders/{order}").content
                journal.record(order_observed(target, t=journal.now(), order=order, body=body))

    return observe


def test_a_hot_run_counts_what_the_service_did(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = order_api("sound")
    load = run_load(
        target=target,
        base_url=url,
        postgres_url=postgres.url("postgres"),
        variant="sound",
        profile="hot",
        out_folder=tmp_path,
        observe=reader(url, target),
        capabilities=frozenset({Capability.ORDER_STATE}),
        checkers=PURE,
        **QUICK,
    )
    assert {verdict.checker: verdict.status for verdict in load.verdicts} == dict.fromkeys(
        PURE, Status.VALID
    )
    assert load.status is Status.VALID
    assert load.seconds == pytest.approx(4.0)
    assert load.operations == sum(load.outcomes.values())
    assert load.outcomes["rejected"] > 0, "six users of two orders must get in each other's way"
    assert load.payments == load.outcomes["ok"] == load.retries
    assert 0 < load.latency.p50 <= load.latency.p99 <= load.latency.max
    assert load.lock_waits == 0

    history = read_history(tmp_path / load.history)
    assert history.complete
    outcomes = {operation.outcome for operation in history.operations}
    assert outcomes == {Outcome.OK, Outcome.REJECTED}, "ending the load cuts nobody off"
    start = int(history.header.settings["measured_from_ns"])
    end = int(history.header.settings["measured_to_ns"])
    assert end - start == 4_000_000_000
    measured = [c for _, c in history.of(Completed) if start <= c.t < end]
    assert len(measured) == load.operations
    # The service's own books say the same as the history: every payment once, none missing.
    orders = {o["id"]: o for o in httpx.get(f"{url}/orders", timeout=DEADLINE_S).json()["orders"]}
    paid = {
        operation.invoked.order: operation.completed.value["payment_id"]
        for operation in history.operations
        if operation.completed is not None and operation.completed.outcome is Outcome.OK
    }
    assert paid
    assert all(orders[order]["payment_id"] == payment for order, payment in paid.items())
    assert list(tmp_path.iterdir()) == [tmp_path / load.history], "parts must be gone"


@pytest.mark.parametrize(("rate", "arrivals"), [(20.0, "constant"), (100_000.0, "poisson")])
def test_an_open_loop_offers_its_rate_and_counts_from_when_clients_were_to_come(
    order_api: Api,
    target: Target,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    rate: float,
    arrivals: str,
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("sound"),
        postgres_url=postgres.url("postgres"),
        variant="sound",
        profile="many",
        out_folder=tmp_path,
        checkers=PURE,
        rate=rate,
        arrivals=arrivals,
        **QUICK,
    )
    assert load.status is Status.VALID
    assert (load.rate, load.arrivals) == (rate, arrivals)
    history = read_history(tmp_path / load.history)
    assert history.header.settings["arrivals"] == arrivals
    late = [operation.invoked.late for operation in history.operations]
    if rate < 100:  # 80 in four seconds, where users of a closed loop make hundreds
        assert 0 < load.operations <= 100
    else:  # nobody can keep up: each is later than the one before, and that is in the latency
        assert max(late) > 500_000_000
        assert load.latency.p50 > 250
        answered = [o for o in history.operations if o.completed is not None]
        kept = [(o.completed.t - o.invoked.t) / 1e6 for o in answered if o.completed]
        assert load.latency.p50 > 2 * sorted(kept)[len(kept) // 2]


def test_clients_that_time_out_ask_again_under_the_same_key(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("silent"),
        postgres_url=postgres.url("postgres"),
        variant="silent",
        profile="pay",
        contention="hot:1",
        retries=1,
        think="exponential:30",  # the end of the load ends it
        out_folder=tmp_path,
        checkers=("one-success",),
        users=4,
        seconds=6,
        warmup=0,
        patience=0.1,
    )
    assert load.conditions.named() == {
        "contention": "hot:1",
        "think_s": "exponential:30",
        "patience_s": "0.1",
        "client_retries": "1",
        "stripe_latency_ms": "",
    }
    assert set(load.outcomes) == {"unknown"}
    history = read_history(tmp_path / load.history)
    tries: dict[str | None, list[int]] = {}
    for operation in history.operations:
        tries.setdefault(operation.invoked.key, []).append(operation.invoked.t)
    assert None not in tries
    # An order that nobody manages to pay is replaced when it is three seconds old.
    began = [operation.invoked.t for operation in history.operations]
    lives = (max(began) - min(began)) / 3e9
    assert len({operation.invoked.order for operation in history.operations}) <= 2 + lives
    again = [times for times in tries.values() if len(times) == 2]
    assert again, "somebody came early enough to ask again"
    assert max(len(times) for times in tries.values()) == 2
    # At least the time-out and the wait before the first retry, by a coarse clock.
    assert all(second - first >= 550_000_000 for first, second in again)
    assert load.tried_again


def test_two_processes_make_one_history(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("sound"),
        postgres_url=postgres.url("postgres"),
        variant="sound",
        profile="shop",
        out_folder=tmp_path,
        processes=2,
        checkers=PURE,
        **QUICK,
    )
    assert load.status is Status.VALID
    history = read_history(tmp_path / load.history)
    attempts = {operation.invoked.attempt for operation in history.operations}
    assert {"user 1.1", "user 2.1"} <= attempts
    assert any(name.endswith("second click") for name in attempts)
    actions = {operation.invoked.action for operation in history.operations}
    assert actions == {Action.PAY, Action.CANCEL, Action.READ}, "and nothing the target lacks"
    assert [o.invoked.op for o in history.operations] == list(range(1, len(history.operations) + 1))


def test_a_service_that_charges_twice_is_caught(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("racy"),
        postgres_url=postgres.url("postgres"),
        variant="racy",
        profile="hot",
        out_folder=tmp_path,
        checkers=PURE,
        **QUICK,
    )
    found = {verdict.checker: verdict.status for verdict in load.verdicts}
    assert found["one-success"] is Status.INVALID
    assert load.status is Status.INVALID


def test_many_orders_end_with_their_budget(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("sound"),
        postgres_url=postgres.url("postgres"),
        variant="",
        profile="many",
        out_folder=tmp_path,
        max_orders=150,
        users=4,
        warmup=0,
        seconds=10 * DEADLINE_S,
        patience=DEADLINE_S,
        checkers=PURE,
    )
    history = read_history(tmp_path / load.history)
    assert len(history.operations) == 150
    assert {operation.outcome for operation in history.operations} == {Outcome.OK}
    # What was still under way when the last order was gone came after the measured window.
    assert 150 - 4 <= load.operations == load.payments == load.outcomes["ok"] <= 150
    assert load.seconds < DEADLINE_S
    assert load.status is Status.VALID
    assert load.history == "load-many-order-api.jsonl"


def test_orders_used_up_while_warming_up_is_an_error_that_says_so(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with pytest.raises(LoadFailed, match="before measuring began: all 5 orders"):
        run_load(
            target=target,
            base_url=order_api("sound"),
            postgres_url=postgres.url("postgres"),
            variant="v",
            profile="many",
            out_folder=tmp_path,
            users=2,
            warmup=10 * DEADLINE_S,
            seconds=1,
            patience=DEADLINE_S,
            max_orders=10,
            processes=2,
            checkers=PURE,
        )


def test_no_answer_is_unknown_never_failed(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    load = run_load(
        target=target,
        base_url=order_api("silent"),
        postgres_url=postgres.url("postgres"),
        variant="silent",
        profile="many",
        out_folder=tmp_path,
        users=3,
        warmup=0,
        seconds=3,
        patience=0.3,
        checkers=PURE,
    )
    assert load.outcomes == {"unknown": load.operations}
    assert load.operations >= 3
    assert load.payments == 0
    history = read_history(tmp_path / load.history)
    waited = [(o.completed.t - o.invoked.t) / 1e6 for o in history.operations if o.completed]
    assert 290 < load.latency.p50 <= max(waited) * 1.01, "as long as they waited, no less"
    errors = {c.error for _, c in history.of(Completed)}
    assert all(error and "timed out" in error.lower() for error in errors), errors


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


def test_the_runner_stays_free_of_gevent() -> None:
    code = (
        "import harness.load.run, sys; "
        "sys.exit(any(name in sys.modules for name in ('gevent', 'locust')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_locust_lists_its_users(tmp_path: Path) -> None:
    listed = locust("--list", cwd=tmp_path)
    assert listed.returncode == 0
    assert {"HotOrder", "ManyOrders", "Payer", "Shopper"} == set(listed.stdout.split()[2:])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host=http://example.com"], r"--host: load is sent to this machine only"),
        ([], r"--host: expected an address"),
        (["--host=http://127.0.0.1:1", "--max-orders=none"], r"--max-orders: expected a whole"),
        (["--host=http://127.0.0.1:1", "--target-file=gone.json"], r"gone\.json cannot be read"),
        (["--host=http://127.0.0.1:1", "--run-time=2s"], r"--run-time 2 leaves less than"),
    ],
)
def test_locust_refuses_a_wrong_option_in_one_line(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    refused = locust("--headless", *arguments, "HotOrder", cwd=tmp_path)
    assert refused.returncode == 2
    lines = [line for line in refused.stderr.splitlines() if line.startswith("paidonce load: ")]
    assert len(lines) == 1, refused.stderr
    assert re.search(says, lines[0])
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_misdescribed_target_ends_the_run_as_a_defect(
    order_api: Api, target: Target, tmp_path: Path
) -> None:

    answers = msgspec.structs.replace(target.answers, order_id="number")
    write_target(msgspec.structs.replace(target, answers=answers), tmp_path / "target.json")
    ended = locust(
        "--headless",
        f"--host={order_api('sound')}",
        "--target-file=target.json",
        "--warmup=0",
        "--measure=1200",  # it must not take this long
        "--users=2",
        "ManyOrders",
        cwd=tmp_path,
    )
    assert ended.returncode == 4
    assert ended.stderr.count("paidonce load: ") == 1
    assert "no order id at 'number'" in ended.stderr


def test_the_web_page_listens_to_this_machine_only_and_starts_runs(
    order_api: Api, target: Target, tmp_path: Path
) -> None:
    write_target(target, tmp_path / "target.json")
    with HeldPort() as port:
        port.before_start()
        argv, environment = command(
            "locust",
            f"--locustfile={LOCUSTFILE}",
            f"--web-port={port.number}",
            "--target-file=target.json",
            "--paidonce-history=histories",
            "--warmup=0",
        )
        with Child("Locust", argv, env=environment, cwd=tmp_path) as child:
            page = f"http://127.0.0.1:{port.number}"

            def up() -> bool | None:
                try:
                    return httpx.get(page).status_code == 200 or None
                except httpx.TransportError:
                    return None

            child.wait_for("show its page", up, DEADLINE_S)
            listening = {
                connection.laddr.ip
                for connection in psutil.Process(child.pid).net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
            assert listening == {"127.0.0.1"}
            form = {"user_count": "2", "spawn_rate": "2", "run_time": "2s"}
            form["paidonce_history"] = "elsewhere"  # not for a page to say
            httpx.post(
                f"{page}/swarm", data={**form, "host": "http://example.com"}, timeout=DEADLINE_S
            )
            until("the refusal", lambda: "this machine only" in child.output)
            assert not (tmp_path / "histories").exists()
            httpx.post(
                f"{page}/swarm", data={**form, "host": order_api("sound")}, timeout=DEADLINE_S
            )
            until("a whole history", lambda: _whole(tmp_path / "histories"))
    assert not (tmp_path / "elsewhere").exists()


def _whole(folder: Path) -> bool:
    # A file that was only just made has no line yet.
    begun = [path for path in folder.glob("*.jsonl") if b"\n" in path.read_bytes()]
    return any(read_history(path).complete for path in begun)


def _operations(folder: Path) -> int:
    return sum(path.read_bytes().count(b'"complete"') for path in folder.glob("**/*.jsonl"))


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
        until("fifty operations", lambda: _operations(tmp_path) >= 50)
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
        until("fifty operations", lambda: _operations(tmp_path) >= 50)
        for process in _locusts(tmp_path):
            process.kill()
        runner.wait(DEADLINE_S)
        said = runner.output
    assert "status unknown" in said, said
    history = read_history(tmp_path / "out" / "load-hot-v.jsonl")
    assert not history.complete
    assert any("exit code -9" in note.text for _, note in history.of(Note))


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_leaves_nothing_running(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path, processes: int
) -> None:
    script = _runner_script(target, order_api("sound"), postgres, tmp_path, processes)
    with Child("runner", [sys.executable, script], cwd=tmp_path) as runner:
        until("fifty operations", lambda: _operations(tmp_path) >= 50)
        assert len(_locusts(tmp_path)) >= processes
        runner.send(signal.SIGINT)
        runner.wait(DEADLINE_S)
        assert "KeyboardInterrupt" in runner.output
    assert _locusts(tmp_path) == []
    parts, cut_off = read_parts((tmp_path / "out" / "load-hot-v.parts").glob("*.jsonl"))
    assert len(parts) + len(cut_off) == processes


def test_cancelling_from_another_thread_stops_the_load(
    order_api: Api, target: Target, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    cancel = threading.Event()
    raised: list[BaseException] = []

    def load() -> None:
        try:
            run_load(
                target=target,
                base_url=order_api("sound"),
                postgres_url=postgres.url("postgres"),
                variant="v",
                profile="hot",
                users=2,
                seconds=1200,
                warmup=0,
                patience=1,
                out_folder=tmp_path,
                cancel=cancel,
            )
        except PaidonceError as error:
            raised.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    until("some operations", lambda: _operations(tmp_path) >= 10)
    cancel.set()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [LoadCancelled]
    assert _locusts(tmp_path) == []


def _locusts(folder: Path) -> list[psutil.Process]:
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


def _runner_script(
    target: Target, base_url: str, postgres: EmbeddedPostgres, folder: Path, processes: int
) -> Path:
    write_target(target, folder / "described.json")
    script = folder / "runner.py"
    script.write_text(
        f"""
from pathlib import Path
from harness.load.run import run_load
from harness.load.targets import load_target

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
