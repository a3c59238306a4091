"""Bad input: one clear message, exit code 2, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from typer.testing import CliRunner

from paidonce.harness.backends import stripe_url
from paidonce.harness.cli.main import app
from paidonce.harness.process.tempdirs import TempFolder

PAIDONCE = [sys.executable, "-m", "paidonce.harness.cli"]


def paidonce(*arguments, cwd, timeout=180, **environment):
    return subprocess.run(
        [*PAIDONCE, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **environment},
    )


def asked(*arguments, cwd):
    """The same in this process, which has loaded it already: a second less for each."""
    spoken = {"NO_COLOR": "1", "COLUMNS": "200"}
    with contextlib.chdir(cwd):
        said = CliRunner(env=spoken).invoke(app, [*map(str, arguments)], prog_name="paidonce")
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return subprocess.CompletedProcess(arguments, said.exit_code, said.stdout, said.stderr)


def one_message(run):
    """The error as a person reads it, checked to be one message and no traceback."""
    assert run.returncode == 2, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return " ".join(run.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["prove", "--guard", "row_lok"], "unknown guard 'row_lok'; choose one of: none, row_lock"),
        (["prove", "--scenario", "two_tab"], "unknown scenario 'two_tab'; choose one of: two_tabs"),
        (["run", "nonsense"], "unknown scenario 'nonsense'"),
        (["run", "two_tabs", "--attempts", "1"], "--attempts: expected a number from 2 to 200"),
        (["run", "pay_vs_cancel", "--attempts", "5"], "tells of different attempts"),
        (["prove", "--rounds", "0"], "--rounds"),
        (["prove", "--postgres", "mysql://x"], "mysql://x"),
        (["prove", "--redis", "memcached"], "memcached"),
        (["prove", "--stripe", "paypal"], "paypal"),
        (["prove", "--postgres", "postgresql://127.0.0.1:1/x"], "127.0.0.1:1"),
        (["prove", "--stripe", "http://127.0.0.1:1"], "127.0.0.1:1"),
        (["load", "--profile", "cold"], "--profile: unknown profile 'cold'"),
        (["check", "missing.jsonl"], "missing.jsonl cannot be read"),
        (["report", "nowhere"], "nowhere"),
        (["explore", "two_tabs", "--workers", "2", "--cluster", "tcp://x:1"], "give --workers or"),
        (
            ["explore", "two_tabs", "--workers", "2", "--redis", "redis://127.0.0.1:1"],
            "--workers: a Redis or Stripe given by URL",
        ),
        (["predict", "two_tab"], "unknown scenario 'two_tab'; choose one of: two_tabs"),
        (["predict", "two_tabs", "--guard", "row_lok"], "unknown guard 'row_lok'"),
        (["predict", "two_tabs", "--explore", "--budget", "soon"], "--budget"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_bad_input_is_answered_with_one_message(tmp_path, arguments, expected):
    with TempFolder():
        pass  # has started this process's guardian, which stays as long as the process
    # Children alone: the test run's own Postgres, a child too, starts workers when it likes.
    before = {child.pid for child in psutil.Process().children()}
    run = asked(*arguments, cwd=tmp_path)
    assert expected in one_message(run)
    after = {child.pid for child in psutil.Process().children()}
    assert after <= before


def test_a_process_leaves_with_the_message_and_its_code(tmp_path):
    assert "unknown scenario 'nonsense'" in one_message(paidonce("run", "nonsense", cwd=tmp_path))


def test_an_occupied_folder_is_refused(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "results.json").write_text("{}")
    run = asked("run", "two_tabs", "--out", "old", cwd=tmp_path)
    assert "old: holds results.json already" in one_message(run)
    assert (tmp_path / "old" / "results.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("garbage\n", "line 1: not an event"),
        ('{"type":"note","t":0,"text":""}\n', "line 1: a paidonce history has one header"),
        ('{"type":"header","run":"r","scenario":"s","target":"t","format":99}\n', "format 99"),
    ],
)
def test_a_broken_history_is_named_with_its_line(tmp_path, text, expected):
    (tmp_path / "broken.jsonl").write_text(text)
    message = one_message(asked("check", "broken.jsonl", cwd=tmp_path))
    assert "broken.jsonl" in message
    assert expected in message


def test_an_unknown_checker_is_answered_with_the_choices(tmp_path):
    header = {"type": "header", "format": 1, "run": "r", "scenario": "s", "target": "t"}
    (tmp_path / "h.jsonl").write_text(json.dumps(header) + "\n")
    run = asked("check", "h.jsonl", "--checker", "two-success", cwd=tmp_path)
    assert "one-success" in one_message(run)


def test_a_stripe_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stripe_url, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        run = asked("run", "two_tabs", "--stripe", url, cwd=tmp_path)
    assert url in one_message(run)


def test_help_names_every_command_and_the_exit_codes(tmp_path):
    run = asked("--help", cwd=tmp_path)
    assert run.returncode == 0
    for word in ("prove", "run", "check", "load", "report", "doctor", "list", "Exit codes"):
        assert word in run.stdout


def _ours(marker: str) -> list[psutil.Process]:
    """Processes that carry ``marker`` in their environment: everything a command started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PAIDONCE_TEST_MARKER") == marker:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def _begun(out):
    """Histories with a header: a file is there a moment before its first line."""
    found = out.glob("histories/row_lock/*.jsonl")
    return [history for history in found if b"\n" in history.read_bytes()]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        signal.SIGKILL,
    ],
)
def test_nothing_is_left_when_a_proof_is_stopped(tmp_path, number):
    marker = f"stop-{number}-{os.getpid()}"
    out = tmp_path / "out"
    command = subprocess.Popen(
        [*PAIDONCE, "prove", "--out", str(out), "--rounds", "50", "--guard", "row_lock"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PAIDONCE_TEST_MARKER": marker, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    deadline = time.monotonic() + 180
    while not _begun(out):
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < deadline, "no history was begun"
        time.sleep(0.05)
    command.send_signal(number)
    _, stderr = command.communicate(timeout=120)
    assert "Traceback" not in stderr, stderr
    deadline = time.monotonic() + 120
    while left := _ours(marker):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)
    for history in _begun(out):
        check = asked("check", history, cwd=tmp_path)
        assert check.returncode in (0, 3), check.stdout + check.stderr
    if number == signal.SIGINT:
        assert command.returncode == 130
        assert (out / "report.html").exists()
        assert json.loads((out / "results.json").read_text())["interrupted"] is True
    deadline = time.monotonic() + 120
    while left_folders := list(tmp_path.glob("paidonce-*")):
        assert time.monotonic() < deadline, f"still there: {left_folders}"
        time.sleep(0.05)


_INTERRUPTED_IMPORT = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "paidonce.harness.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from paidonce.harness.cli.entry import run
run()
"""


def test_ctrl_c_while_the_command_is_being_loaded_is_no_traceback(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_IMPORT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert (run.returncode, run.stderr) == (130, "interrupted\n")
