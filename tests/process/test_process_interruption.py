"""A command that is told to end, once and twice, in the middle of whatever it does."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SECONDS = 120
HEAD = """
import asyncio, sys, time
from paidonce.harness.process import event_loop
from paidonce.harness.process.interruption import interruptible

def say(word):
    print(word, flush=True)

async def waits():
    say("up")
    try:
        await asyncio.Event().wait()
    finally:
        say("ending")
        {ending}

def command():
    try:
        {work}
    except KeyboardInterrupt:
        say("written")
        sys.exit(130)
with interruptible():
    command()
"""
HEEDED = """
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
"""Whoever runs the tests in the background may have these ignored (nohup), which is inherited."""
LOOP = "event_loop.run(waits())"
BUSY = "say('up'); [None for _ in iter(int, 1)]"


def told(work, ending, numbers):
    """Send signals, each when another line was said; exit code, what it said, and its errors."""
    program = HEEDED + HEAD.format(work=work, ending=ending)
    pipe = subprocess.PIPE
    command = subprocess.Popen(
        [sys.executable, "-c", program], stdout=pipe, stderr=pipe, text=True, restore_signals=True
    )
    said = []
    try:
        for number in numbers:
            said.append(command.stdout.readline().strip())
            command.send_signal(number)
        rest, errors = command.communicate(timeout=SECONDS)
    finally:
        command.kill()
    return command.returncode, [*said, *rest.split()], errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_it_ends_in_good_order(number):
    code, said, errors = told(LOOP, "pass", [number])
    assert (code, said, errors) == (130, ["up", "ending", "written"], "")
    code, said, errors = told(BUSY, "pass", [number])
    assert (code, said, errors) == (130, ["up", "written"], "")


@pytest.mark.parametrize(
    "ending", ["await asyncio.Event().wait()", "time.sleep(300)", "while True: pass"]
)
def test_twice_it_ends_at_once(ending):
    code, said, errors = told(LOOP, ending, [signal.SIGINT, signal.SIGINT])
    assert (code, said, errors) == (130, ["up", "ending"], "interrupted\n")


def test_what_is_ignored_stays_ignored():
    program = "import os; os.execvp(os.sys.executable, [os.sys.executable, '-c', os.environ['P']])"
    inner = HEAD.format(
        work="import os, signal; os.kill(os.getpid(), signal.SIGHUP); say('on')", ending=""
    )
    nohup = f"import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {program}"
    run = subprocess.run(
        [sys.executable, "-c", nohup],
        env={"P": inner, **__import__("os").environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "on\n", "")


LEAVES_A_TASK = """
import asyncio, os, signal, sys
from paidonce.harness.process import event_loop
from paidonce.harness.process.interruption import interruptible

async def left_behind():
    try:
        await asyncio.Event().wait()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)
        print("ended", flush=True)

async def main():
    task = asyncio.create_task(left_behind())
    await asyncio.sleep(0)
    return "found"

async def further():
    await asyncio.Event().wait()

with interruptible():
    print(event_loop.run(main()), flush=True)
    try:
        event_loop.run(further())
    except KeyboardInterrupt:
        sys.exit(130)
"""


def test_one_that_comes_while_what_was_left_behind_is_ended_loses_nothing():
    """Raised there it would end a task that nobody asks."""
    run = subprocess.run(
        [sys.executable, "-c", LEAVES_A_TASK], capture_output=True, text=True, timeout=SECONDS
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "ended\nfound\n", "")
