"""Child processes: readiness, early death, and a stop that leaves nothing behind."""

from __future__ import annotations

import os
import pwd
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.custody import custody
from paidonce.harness.process.offspring import gone, wait_gone

SECONDS = 120.0
"""For what has to happen, on however busy a machine."""


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def number_after(prefix: str):
    return lambda line: int(line.removeprefix(prefix)) if line.startswith(prefix) else None


def test_waits_for_a_line_among_others() -> None:
    code = "print('starting'); print('port 4711'); import time; time.sleep(300)"
    with Child("server", python(code), grace=SECONDS) as child:
        assert child.wait_line("say its port", number_after("port "), SECONDS) == 4711
        assert child.running
        assert child.returncode is None
    assert child.returncode == -signal.SIGTERM
    assert "starting" in child.output


def test_half_a_line_is_not_a_line() -> None:
    code = (
        "import sys, time; sys.stdout.write('port 47'); sys.stdout.flush(); "
        "sys.stdin.read(); print('11'); time.sleep(300)"
    )
    with Child("server", python(code), hold_stdin=True) as child:
        child.wait_for("begin", lambda: "port 47" in child.output or None, SECONDS)
        with pytest.raises(DeadlineExceeded):
            child.wait_line("say its port", number_after("port "), 0.4)
        child._close_stdin()
        assert child.wait_line("say its port", number_after("port "), SECONDS) == 4711


def test_early_death_is_told_with_the_log() -> None:
    code = "import sys; print('cannot find my config', file=sys.stderr); sys.exit(7)"
    with Child("server", python(code)) as child:
        began = time.monotonic()
        with pytest.raises(ChildFailed, match="cannot find my config") as caught:
            child.wait_line("be ready", lambda line: None, 10 * SECONDS)
    assert time.monotonic() - began < SECONDS
    assert caught.value.returncode == 7
    assert "before it could be ready" in str(caught.value)


def test_a_deadline_names_what_was_waited_for() -> None:
    with Child("server", python("print('loading'); import time; time.sleep(60)")) as child:
        child.wait_line("load", lambda line: line, SECONDS)
        with pytest.raises(DeadlineExceeded, match="server to answer ping") as caught:
            child.wait_for("answer ping", lambda: None, 0.05)
    assert "loading" in str(caught.value)


def test_a_missing_program_is_one_clear_error() -> None:
    before = custody.tickets
    with pytest.raises(ChildFailed, match="could not be started"):
        Child("server", ["/nonexistent/program"])
    assert custody.tickets == before


def test_stop_ends_grandchildren_even_in_sessions_of_their_own() -> None:
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(300)']\n"
        "same = subprocess.Popen(sleep)\n"
        "away = subprocess.Popen(sleep, start_new_session=True)\n"
        "print('pids', same.pid, away.pid)\n"
        "time.sleep(300)\n"
    )
    with Child("parent", python(code)) as child:
        pids = child.wait_line(
            "name its children",
            lambda line: [int(p) for p in line.split()[1:]] if line.startswith("pids") else None,
            SECONDS,
        )
        processes = [psutil.Process(pid) for pid in pids]
    assert not wait_gone(processes, SECONDS)
    assert not psutil.pid_exists(child.pid)


def test_one_who_ignores_sigterm_is_killed_after_its_grace() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf'); time.sleep(300)"
    )
    with Child("deaf", python(code), grace=0.2) as child:
        child.wait_line("be deaf", lambda line: line, SECONDS)
        assert child.stop() == -signal.SIGKILL


def test_a_graceful_stop_lets_it_finish() -> None:
    code = (
        "import signal, sys, time\n"
        "def end(*_): print('saved'); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, end); print('up'); time.sleep(300)\n"
    )
    with Child("careful", python(code), grace=SECONDS) as child:
        child.wait_line("be up", lambda line: line, SECONDS)
    assert child.returncode == 3
    assert child.output.splitlines() == ["up", "saved"]


def test_offspring_of_a_leader_that_has_gone_are_stopped() -> None:
    with Child("leaver", ["sh", "-c", "sleep 300 & echo $!"]) as child:
        orphan = psutil.Process(child.wait(SECONDS) or int(child.output))
        assert child.returncode == 0
        assert not child.running
        assert not gone(orphan)
    assert not wait_gone([orphan], SECONDS)


def test_stop_is_idempotent_and_safe_from_many_threads() -> None:
    child = Child("sleeper", ["sleep", "300"], grace=SECONDS)
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(child.stop())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert codes == [-signal.SIGTERM] * 8
    assert child.kill() == -signal.SIGTERM
    child.send(signal.SIGUSR1)  # to nobody: it has ended


def test_starting_in_a_thread_that_ends_does_not_end_the_child() -> None:
    started: list[Child] = []
    thread = threading.Thread(target=lambda: started.append(Child("sleeper", ["sleep", "300"])))
    thread.start()
    thread.join(SECONDS)
    with started[0] as child, pytest.raises(DeadlineExceeded, match="sleeper to end"):
        child.wait(0.2)


def test_kill_is_immediate_though_a_polite_end_is_possible() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); "
        "print('up'); time.sleep(300)"
    )
    child = Child("server", python(code), grace=10 * SECONDS)
    child.wait_line("be up", lambda line: line, SECONDS)
    began = time.monotonic()
    assert child.kill() == -signal.SIGKILL
    assert time.monotonic() - began < SECONDS


def test_held_standard_input_ends_with_stop() -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); "
        "sys.stdin.read(); print('input ended')"
    )
    with Child("reader", python(code), hold_stdin=True, grace=SECONDS) as child:
        child.wait_line("be up", lambda line: line, SECONDS)
    assert child.returncode == 0
    assert "input ended" in child.output


def test_output_is_appended_to_a_named_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "server.log"
    for word in ("first", "second"):
        with Child("server", ["echo", word], log=log) as child:
            assert child.wait(SECONDS) == 0
    assert log.read_text() == "first\nsecond\n"


def test_a_normal_stop_is_forgotten_by_the_guardian() -> None:
    before = custody.tickets
    with Child("sleeper", ["sleep", "300"]):
        assert len(custody.tickets - before) == 1
    assert custody.tickets == before


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
def test_runs_as_another_user_without_our_groups() -> None:
    account = pwd.getpwnam("nobody")
    code = ["sh", "-c", "id -u; id -g; id -G"]
    with Child("id", code, user=account.pw_uid, group=account.pw_gid, cwd=Path("/")) as child:
        assert child.wait(SECONDS) == 0
    assert child.output.split() == [str(account.pw_uid), str(account.pw_gid), str(account.pw_gid)]


def test_what_another_wrote_to_the_same_log_is_not_its_output(tmp_path):
    """Else a service that is started again would be ready by what the one before it said."""
    log = tmp_path / "log"
    with Child("first", [sys.executable, "-c", "print('ready')"], log=log) as first:
        first.wait(60)
        assert first.output == "ready\n"
    with Child("second", ["sleep", "60"], log=log) as second:
        assert second.output == ""
        assert second.tail() == ""
    assert log.read_text() == "ready\n"
