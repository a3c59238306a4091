"""The guardian: what a harness that dies leaves behind is removed, and nothing else is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from paidonce.harness.process import identity, modules
from paidonce.harness.process.child import Child
from paidonce.harness.process.custody import Custody
from paidonce.harness.process.guardian import find_ours, remove_folder
from paidonce.harness.process.offspring import gone, wait_gone
from paidonce.harness.process.tempdirs import TempFolder

SECONDS = 120.0

OWNER = """
import json, sys
from paidonce.harness.process.child import Child
from paidonce.harness.process.custody import custody
from paidonce.harness.process.tempdirs import TempFolder
folder = TempFolder()
(folder.path / "deep").mkdir()
(folder.path / "deep" / "file").write_text("x")
parent = Child("parent", ["sh", "-c", "sleep 301 & echo $!; exec sleep 302"])
offspring = parent.wait_line("name its child", int, 100)
leaver = Child("leaver", ["sh", "-c", "sleep 303 & echo $!"])
leaver.wait(100)
orphan = int(leaver.output)
stopped = Child("stopped", ["sleep", "304"])
stopped.stop()
print(json.dumps({
    "pids": [parent.pid, offspring, orphan],
    "guardian": custody.guardian_pid,
    "folder": str(folder.path),
}), flush=True)
"""


def start_owner(then: str) -> tuple[Child, list[psutil.Process], psutil.Process, Path]:
    owner = Child("owner", [sys.executable, "-c", OWNER + then])
    try:
        said = owner.wait_line("say what it owns", json.loads, SECONDS)
        processes = [psutil.Process(pid) for pid in said["pids"]]
        assert not any(gone(process) for process in processes)
        assert Path(said["folder"], "deep", "file").is_file()
        return owner, processes, psutil.Process(said["guardian"]), Path(said["folder"])
    except BaseException:
        owner.stop()
        raise


@pytest.mark.parametrize(
    ("then", "end"),
    [
        ("sys.stdin.close(); import time; time.sleep(300)", signal.SIGKILL),
        ("import time; time.sleep(300)", signal.SIGINT),
        ("import time; time.sleep(300)", signal.SIGTERM),
        ("sys.exit(0)", None),
    ],
    ids=["killed", "interrupted", "terminated", "ended without stopping"],
)
def test_a_dead_owner_leaves_nothing(then: str, end: int | None) -> None:
    owner, processes, guardian, folder = start_owner(then)
    try:
        if end is not None:
            os.kill(owner.pid, end)  # to the owner alone: its children lead sessions of their own
        owner.wait(SECONDS)
        assert not wait_gone([*processes, guardian], SECONDS)
        assert not folder.exists()
    finally:
        owner.stop()


WORKER = """
import sys
from paidonce.harness.process.custody import custody
from paidonce.harness.process.tempdirs import TempFolder
folder = TempFolder()
undo = "sleep 2; touch " + sys.argv[1]
custody.add_command(["/bin/sh", "-c", undo])
print(folder.path, flush=True)
input()
"""
OWNER_OF_A_WORKER = """
import sys
from paidonce.harness.process.child import Child
argv = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
worker = Child("worker", argv, grace=0.1, hold_stdin=True)
print(worker.wait_line("say what it owns", str, 100), flush=True)
input()
"""


@pytest.mark.parametrize("owner_too", [False, True])
def test_the_guardian_of_a_child_that_is_killed_has_the_time_it_needs(
    tmp_path: Path, owner_too: bool
) -> None:
    """A worker of a search has a guardian of its own, which alone knows what the worker made."""
    undone = tmp_path / "undone"
    if owner_too:
        argv = [sys.executable, "-c", OWNER_OF_A_WORKER, WORKER, str(undone)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            folder = Path(owner.stdout.readline().decode().strip())
            family = psutil.Process(owner.pid).children(recursive=True)
            owner.kill()
        assert not wait_gone(family, SECONDS)
    else:
        argv = [sys.executable, "-c", WORKER, str(undone)]
        with Child("worker", argv, hold_stdin=True) as worker:
            folder = Path(worker.wait_line("say what it owns", str, SECONDS))
            worker.kill()
    assert undone.exists()
    assert not folder.exists()


def test_interrupting_the_whole_group_does_not_stop_the_guardian() -> None:
    owner, processes, guardian, folder = start_owner("import time; time.sleep(300)")
    try:
        guardian.send_signal(signal.SIGINT)
        guardian.send_signal(signal.SIGTERM)
        guardian.send_signal(signal.SIGHUP)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(SECONDS)
        assert not wait_gone([*processes, guardian], SECONDS)
        assert not folder.exists()
    finally:
        owner.stop()


def run_guardian(*messages: dict[str, object]) -> None:
    argv, environment = modules.command("paidonce.harness.process.guardian")
    text = "".join(json.dumps(message) + "\n" for message in messages)
    done = subprocess.run(
        argv,
        input=text,
        text=True,
        env=environment,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def process_message(pid: int, birth: float) -> dict[str, object]:
    return {
        "do": "process", "id": "p", "pid": pid, "birth": birth, "signal": 15, "grace": 5.0,
    }  # fmt: skip


def test_a_reused_pid_is_not_signalled() -> None:
    with Child("bystander", ["sleep", "300"]) as bystander:
        birth = identity.birth(bystander.pid)
        run_guardian(process_message(bystander.pid, birth - 1))
        assert bystander.running
        run_guardian(process_message(bystander.pid, birth))
        assert bystander.wait(SECONDS) == -signal.SIGTERM


def test_members_of_a_leaderless_session_that_are_too_young_are_left_alone() -> None:
    with Child("leaver", ["sh", "-c", "sleep 300 & echo $!"]) as leaver:
        leaver.wait(SECONDS)
        orphan = int(leaver.output)
        birth = identity.birth(leaver.pid)
        found = find_ours(leaver.pid, birth, identity.now())
        assert orphan in [process.pid for process in found]
        young = find_ours(leaver.pid, birth, identity.birth(orphan) - 1)
        assert orphan not in [process.pid for process in young]


def test_a_forgotten_process_and_folder_are_left_alone(tmp_path: Path) -> None:
    found = tmp_path.lstat()
    folder_message: dict[str, object] = {"do": "folder", "id": "f", "path": str(tmp_path)}
    folder_message |= {"device": found.st_dev, "inode": found.st_ino}
    with Child("kept", ["sleep", "300"]) as kept:
        run_guardian(
            process_message(kept.pid, identity.birth(kept.pid)),
            folder_message,
            {"do": "forget", "id": "p"},
            {"do": "forget", "id": "f"},
        )
        assert kept.running
    assert tmp_path.is_dir()


def test_commands_run_at_the_end_and_a_torn_line_does_no_harm(tmp_path: Path) -> None:
    argv, environment = modules.command("paidonce.harness.process.guardian")
    mark = tmp_path / "mark"
    message = {"do": "command", "id": "c", "argv": ["touch", str(mark)]}
    text = json.dumps(message) + '\n{"do": "proc'
    subprocess.run(argv, input=text, text=True, env=environment, timeout=SECONDS, check=True)
    assert mark.exists()


def test_a_folder_that_was_replaced_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    before = folder.stat()
    folder.rename(tmp_path / "moved")
    folder.mkdir()
    remove_folder(folder, before.st_dev, before.st_ino)
    assert folder.is_dir()
    moved = tmp_path / "moved"
    remove_folder(moved, before.st_dev, before.st_ino)
    assert not moved.exists()


def test_a_killed_guardian_is_replaced_and_told_everything_again() -> None:
    mine = Custody()
    folder = TempFolder()
    ticket = mine.add_folder(folder.path)
    first = psutil.Process(mine.guardian_pid)
    first.kill()
    first.wait(SECONDS)
    with TempFolder() as other:
        second_ticket = mine.add_folder(other.path)
        second = psutil.Process(mine.guardian_pid)
        assert second.pid != first.pid
        mine.forget(second_ticket)
        mine._drop_guardian()  # as if we had died: its input ends
        assert not wait_gone([second], SECONDS)
        assert not folder.path.exists()
        assert other.path.exists()
    mine.forget(ticket)
    folder.remove()


def test_registering_does_not_wait_for_the_guardian(tmp_path: Path) -> None:
    mine = Custody()
    first = mine.add_folder(tmp_path)
    guardian = psutil.Process(mine.guardian_pid)
    guardian.suspend()  # now it reads nothing
    try:
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(mine.add_folder, tmp_path)
            try:
                assert second.result(SECONDS) != first
            finally:
                guardian.resume()
    finally:
        for ticket in mine.tickets:
            mine.forget(ticket)
        mine._drop_guardian()


def test_a_fork_neither_keeps_the_guardian_waiting_nor_cleans_up_for_its_parent() -> None:
    then = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    assert custody.guardian_pid is None and not custody.tickets\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"  # a daemon: not among the owner's own children any more
        "        os.setsid(); print('forked', os.getpid(), flush=True); time.sleep(300)\n"
        "    os._exit(0)\n"
        "os.wait(); time.sleep(300)"
    )
    owner, processes, guardian, folder = start_owner(then)
    fork = None
    try:
        line = "forked "
        fork = psutil.Process(
            owner.wait_line(
                "fork", lambda said: int(said[len(line) :]) if line in said else None, SECONDS
            )
        )
        assert folder.exists()
        os.kill(owner.pid, signal.SIGKILL)
        assert not wait_gone([*processes, guardian], SECONDS)
        assert not folder.exists()
        assert not gone(fork)
    finally:
        if fork is not None:
            fork.kill()
        owner.stop()
