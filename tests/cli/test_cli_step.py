"""``paidonce step`` and ``paidonce export`` as a person uses them, keyboard included."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import psutil
import psycopg
import pytest
from typer.testing import CliRunner

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    database_name,
    open_shared_postgres,
    redis_url_of_worker,
)
from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.cli import stepping
from paidonce.harness.cli.main import app
from paidonce.harness.cli.patience import THINKING_S, patient_story, patient_target
from paidonce.harness.cli.stepping import Left, Pace
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

PAIDONCE = [sys.executable, "-m", "paidonce.harness.cli"]
PROMPT = "q: quit > "


def environment(**more):
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "400", "TERM": "dumb", **more}


def backends():
    redis = redis_url_of_worker(os.environ[REDIS_VARIABLE])
    return ["--postgres", os.environ[POSTGRES_VARIABLE], "--redis", redis]


def paidonce(*arguments, cwd):
    return subprocess.run(
        [*PAIDONCE, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )


def said(*arguments, cwd):
    """The command in this process, for what depends on neither a terminal nor a signal."""
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def witness(tmp_path_factory):
    folder = tmp_path_factory.mktemp("step")
    run = paidonce(
        *("explore", "two_tabs", "--guard", "none", "--jobs", "1", "--out", "found"),
        *backends(),
        cwd=folder,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return folder / "found" / "none-two_tabs.witness.json"


# --- step -----------------------------------------------------------------------------------------


def test_without_a_keyboard_every_step_is_shown_and_the_verdicts_at_the_end(witness, tmp_path):
    run = paidonce("step", witness, *backends(), cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    shown = run.stdout
    steps = json.loads(witness.read_text())["steps"]
    made = re.findall(r"^step (\d+): (tab \d)", shown, re.MULTILINE)
    assert made == [(str(step["number"]), step["actor"]) for step in steps]
    assert re.search(r"-> postgres: SELECT .* FROM orders WHERE id = '[0-9a-f-]{36}'", shown)
    assert re.search(r"-> postgres: .*payment_status = 'paid', payment_id = 'pi_\w+'", shown)
    assert "payment_status=unpaid" in shown
    assert re.search(
        r"-> stripe: payment_intent.create POST /v1/payment_intents amount=4990", shown
    )
    assert re.search(r"<- 200 pi_\w+ succeeded", shown)
    assert len(re.findall(r"tab \d is told: ok 200 payment_id=pi_", shown)) == 2
    assert shown.count("asks the service: pay") == 2
    assert re.search(r"^INVALID +one-charge .*charged 2 times", shown, re.MULTILINE)
    assert PROMPT not in shown


@pytest.mark.slow
def test_who_waits_for_whom_is_shown_and_another_guard_can_be_stepped_through(witness, tmp_path):
    run = paidonce("step", witness, "--guard", "row_lock", *backends(), cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "tab 2 waits for row of orders (id = order 1), held by tab 1" in run.stdout
    assert "no answer yet" in run.stdout
    assert "tab 2 need not wait any longer" in run.stdout
    assert "the service went another way than the witness at step" in run.stdout
    assert "tab 2 is told: rejected 409" in run.stdout
    assert "INVALID" not in run.stdout.split("went another way")[1]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments, cwd, **variables):
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*PAIDONCE, *map(str, arguments)],
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**variables),
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text, seconds=180):
        """What appears up to and including ``text``."""
        deadline = time.monotonic() + seconds
        start = len(self.shown)
        while text not in self.shown[start:]:
            rest = deadline - time.monotonic()
            ready = select.select([self._ours], [], [], max(rest, 0))[0] if rest > 0 else []
            assert ready, f"{text!r} did not appear within {seconds} s in {self.shown[start:]!r}"
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # Linux says EIO when the other end is closed
                data = b""
            assert data, f"{text!r} did not appear before the end of {self.shown[start:]!r}"
            self.shown += data.decode("utf-8", "replace")
        return self.shown[start:]

    def type(self, text):
        os.write(self._ours, text.encode())

    def end(self, seconds=180):
        """Wait for its end; gives the exit code."""
        deadline = time.monotonic() + seconds
        while select.select([self._ours], [], [], max(deadline - time.monotonic(), 0))[0]:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode("utf-8", "replace")
        return self.process.wait(max(deadline - time.monotonic(), 0.1))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


@contextlib.contextmanager
def on_a_terminal(*arguments, cwd, **variables):
    terminal = Terminal(*arguments, cwd=cwd, **variables)
    try:
        yield terminal
    finally:
        terminal.close()


def ours(marker):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PAIDONCE_TEST_MARKER") == marker:
                found.append(process)
    return found


def gone(marker, seconds=120):
    deadline = time.monotonic() + seconds
    while left := ours(marker):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def test_enter_makes_one_step_and_a_makes_the_rest(witness, tmp_path):
    with on_a_terminal("step", witness, *backends(), cwd=tmp_path) as terminal:
        assert "step 1: tab" not in terminal.until(PROMPT)
        terminal.type("\n")
        second = terminal.until(PROMPT)
        assert "step 1: tab 1: start" in second
        assert "step 2" not in second
        terminal.type("a\n")
        assert terminal.end() == 1
        assert "INVALID" in terminal.shown
        assert terminal.shown.count(PROMPT) == 2


@pytest.mark.parametrize("code", [3, 130])
def test_leaving_in_the_middle_leaves_nothing_behind(witness, tmp_path, code):
    marker = f"step-{code}-{os.getpid()}"
    variables = {"PAIDONCE_TEST_MARKER": marker, "TMPDIR": str(tmp_path)}
    with on_a_terminal("step", witness, *backends(), cwd=tmp_path, **variables) as terminal:
        terminal.until(PROMPT)
        terminal.type("\n")
        terminal.until(PROMPT)
        if code == 130:
            # What Ctrl-C comes to; its keystroke needs a controlling terminal, which this is not.
            terminal.process.send_signal(signal.SIGINT)
        else:
            terminal.type("q\n")
        assert terminal.end() == code, terminal.shown
        assert "Traceback" not in terminal.shown
        assert ("left before the end" in terminal.shown) == (code == 3)
        gone(marker)
    assert not list(tmp_path.glob("paidonce-*"))


def test_nobody_is_asked_without_a_keyboard():
    asyncio.run(Pace(asks=False).wait())


@pytest.mark.parametrize(
    ("answer", "leaves", "asks"),
    [("", False, True), ("a", False, False), (" ALL ", False, False), ("q", True, True)],
)
def test_what_the_keys_mean(monkeypatch, answer, leaves, asks):
    async def line():
        return answer

    monkeypatch.setattr("paidonce.harness.cli.stepping._line", line)
    pace = Pace(asks=True)
    with pytest.raises(Left) if leaves else contextlib.nullcontext():
        asyncio.run(pace.wait())
    assert pace.asks is asks


@pytest.mark.parametrize(("typed", "read"), [("a\n", "a\n"), ("\n", "\n"), ("", "q")])
def test_a_line_is_read_and_the_end_of_the_input_is_leaving(monkeypatch, typed, read):
    ours, theirs = os.pipe()
    os.write(theirs, typed.encode())
    os.close(theirs)
    with os.fdopen(ours) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        assert asyncio.run(stepping._line()) == read


def test_time_outs_leave_time_to_think_and_those_that_are_off_stay_off():
    raised = patient_target(TARGET).under_control
    assert raised["recovery_interval_s"] == "0"
    assert float(raised["stripe_timeout_s"]) == THINKING_S
    assert float(raised["lock_timeout_ms"]) == THINKING_S * 1000
    assert set(raised) == set(TARGET.under_control)


def test_clients_wait_but_for_those_whose_impatience_the_story_is_about():
    calm = patient_story(scenario("two_tabs"))
    assert {step.timeout_s for a in calm.attempts for step in a.steps} == {THINKING_S}
    hasty = scenario("retry_after_timeout")
    wanted = [step.timeout_s for a in hasty.attempts for step in a.steps]
    found = [step.timeout_s for a in patient_story(hasty).attempts for step in a.steps]
    assert any(wanted)
    assert found == [timeout or THINKING_S for timeout in wanted]


# --- export ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "first"), [("mermaid", "sequenceDiagram"), ("text", "two_tabs, reference (none)")]
)
def test_a_diagram_goes_to_standard_output_or_to_a_new_file(witness, tmp_path, format, first):
    run = said("export", witness, "--format", format, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    assert run.stdout.splitlines()[0] == first
    assert "broken: one-charge" in run.stdout
    again = said("export", witness, "-f", format, "--out", "deep/er.txt", cwd=tmp_path)
    assert (again.exit_code, again.stdout) == (0, "")
    assert (tmp_path / "deep" / "er.txt").read_text() == run.stdout


@pytest.mark.slow
def test_a_test_has_its_witness_beside_it(witness, tmp_path):
    def export():
        return paidonce("export", witness, "-f", "pytest", "--out", "t/test_it.py", cwd=tmp_path)

    assert export().returncode == 0
    copy = tmp_path / "t" / witness.name
    assert copy.read_bytes() == witness.read_bytes()
    assert witness.name in (tmp_path / "t" / "test_it.py").read_text()
    refused = export()
    assert refused.returncode == 2
    assert "test_it.py: exists already" in refused.stderr
    (tmp_path / "t" / "test_it.py").unlink()
    copy.write_text("{}")
    other = export()
    assert other.returncode == 2
    assert f"there is another {witness.name} beside it already" in other.stderr
    assert copy.read_text() == "{}"
    assert not (tmp_path / "t" / "test_it.py").exists()


@pytest.mark.slow
def test_an_isolation_spec_of_the_real_service_is_run_by_isolationtester(witness, tmp_path):
    run = paidonce(
        *("export", witness, "-f", "isolation", "--out", "race.spec"), *backends(), cwd=tmp_path
    )
    assert run.returncode == 0, run.stdout + run.stderr
    with open_shared_postgres() as server:
        name = database_name("isolation")
        url = server.create_database(name)
        try:
            tested = subprocess.run(
                [postgres_tool("isolationtester"), url],
                input=(tmp_path / "race.spec").read_text(),
                text=True,
                capture_output=True,
                timeout=180,
            )
            with psycopg.connect(url) as connection:
                left = connection.execute(
                    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
                )
                assert left.fetchone() == (0,)
        finally:
            server.drop_database(name)
    printed = tested.stdout
    assert tested.returncode == 0, printed + tested.stderr
    assert "ERROR" not in printed
    rows = printed.split("step afterwards_attempts:")[1]
    assert len(re.findall(r"\|succeeded *\|", rows)) == 2, "the order is paid for twice"
    assert "<waiting ...>" in printed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["export", "missing.json", "-f", "text"], "missing.json cannot be read"),
        (["export", "w.json", "-f", "poem"], "poem"),
        (["export", "w.json", "-f", "text"], "w.json names no history"),
        (["export", "w.json", "-f", "pytest", "--out", "w.json"], "w.json: exists already"),
        (["step", "missing.json"], "missing.json cannot be read"),
        (["step", "w.json", "--guard", "row_lok"], "unknown guard 'row_lok'"),
        (["step", "other.json"], "of the target 'other', not 'reference'"),
    ],
)
def test_bad_input_is_answered_with_one_message(tmp_path, arguments, expected):
    found = {
        "target": "reference",
        "variant": "none",
        "scenario": "two_tabs",
        "attempts": ["tab 1", "tab 2"],
        "status": "invalid",
        "steps": [],
        "format": 1,
    }
    (tmp_path / "w.json").write_text(json.dumps(found))
    (tmp_path / "other.json").write_text(json.dumps({**found, "target": "other"}))
    run = said(*arguments, cwd=tmp_path)
    assert run.exit_code == 2, run.stdout + run.stderr
    assert expected in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
