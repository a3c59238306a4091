"""Kills at random moments: what is left behind, and what is said afterwards.

    python benchmarks/kills.py [--kills 500] [--busy 6] [--seed 0] [--only explore]

Each trial starts one command, waits for a random while, and sends a random signal (mostly SIGKILL)
to a random one of its processes: the command itself, its guardian, a service, a postmaster or one
of its backends, Redis, the simulator, Locust, a worker of a search. Then the command is waited for,
and looked at:

* strays: processes of it that still run, temp folders, System V shared memory of its postmasters
* false verdicts: an exit code, or a results.json, that says of a service what is not so
* unreadable files: JSON that is none, histories and results that cannot be read, pages without end
* tracebacks on its terminal

Nothing is killed but what a trial has started: processes are known by a variable of their own,
which every process of a trial inherits, besides their parentage. ``--busy`` loops run beside all.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.witness.file import read_witness
from paidonce.harness.history import read_history
from paidonce.reports.formats.store import load

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "tests" / "targets" / "shop" / "target.toml"
WITNESS = ROOT / "tests" / "reports" / "witnesses" / "none-two_tabs.witness.json"
MARK = "KILLS_TRIAL"
"""The variable by which a trial's processes are known."""
ENDS_WITHIN_S = 300.0
GONE_WITHIN_S = 120.0
_LOOK_S = 0.05
_SERVES_S = 5.0
_SIGNALS = (*[signal.SIGKILL] * 5, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_INTERRUPTED = 130


@dataclasses.dataclass(frozen=True)
class Command:
    """A command; ``codes`` are the exit codes that are true of its service, besides those of a
    command that came to nothing (2, 3, 130)."""

    name: str
    words: tuple[str, ...]
    codes: tuple[int, ...]
    out: bool = True
    serves: bool = False
    """True if it serves until it is told to stop."""


_TWO_TABS = ("explore", "two_tabs", "--jobs", "1", "--watch", "0")
_LOAD = ("--seconds", "3", "--warmup", "0", "--users", "4")
_PROVED = ("--guard", "none", "--guard", "row_lock", "--scenario", "double_click")
COMMANDS = (
    Command("explore a sound guard", (*_TWO_TABS, "--guard", "row_lock"), (0,)),
    Command("explore none", (*_TWO_TABS, "--guard", "none"), (1,)),
    Command("explore with workers", (*_TWO_TABS, "--guard", "row_lock", "--workers", "2"), (0,)),
    Command("run", ("run", "double_click", "--guard", "row_lock"), (0,)),
    Command("prove", ("prove", *_PROVED, "--load-seconds", "0", "--jobs", "2"), (0,)),
    Command("load", ("load", "--guard", "row_lock", *_LOAD), (0,)),
    Command("check racy", ("check", str(SHOP), "--variant", "racy"), (1,)),
    Command("check locked", ("check", str(SHOP), "--variant", "locked"), (0,)),
    Command("replay", ("replay", str(WITNESS)), (1,), out=False),
    Command("predict", ("predict", "two_tabs", "--guard", "row_lock"), (0, 1)),
    Command("stripe", ("stripe", "--port", "0"), (0,), serves=True),
)


@dataclasses.dataclass
class Family:
    """The processes of one trial, as they were seen."""

    mark: str
    seen: dict[int, psutil.Process] = dataclasses.field(default_factory=dict)
    over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def watch(self, root: psutil.Process) -> None:
        """Look at who is below ``root`` until it is over."""
        while not self.over.wait(_LOOK_S):
            with contextlib.suppress(psutil.Error):
                for process in (root, *root.children(recursive=True)):
                    self.seen.setdefault(process.pid, process)

    def alive(self) -> list[psutil.Process]:
        """Those that run now: seen below the command, or with its mark."""
        found = {one.pid: one for one in self.seen.values() if _runs(one)}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self.mark and _runs(process):
                    found.setdefault(process.pid, process)
        return list(found.values())


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@dataclasses.dataclass
class Trial:
    """One command, one kill, and what came of it."""

    command: Command
    killed: str = ""
    code: int | None = None
    faults: list[str] = dataclasses.field(default_factory=list)
    said: str = ""


def main() -> int:
    """Make the kills; the exit code is 1 where anything was left or said that should not be."""
    options = _options()
    rng = random.Random(options.seed)
    kinds: collections.Counter[str] = collections.Counter()
    kills = failed = 0
    began = time.monotonic()
    with _busy(options.busy), tempfile.TemporaryDirectory(prefix="kills-", dir="/tmp") as base:
        Path(base).chmod(0o755)
        # How long each of them takes on this machine, now.
        lasting = {
            command: _lasts(command, Path(base))
            for command in COMMANDS
            if options.only in command.name
        }
        while kills < options.kills and time.monotonic() - began < options.seconds:
            command = rng.choice(list(lasting))
            trial = _tried(command, Path(base), rng, rng.uniform(0.0, lasting[command]))
            if not trial.killed:
                continue
            kills += 1
            kinds[trial.killed] += 1
            if trial.faults:
                failed += 1
                print(f"{trial.command.name}; killed: {trial.killed}; exit code {trial.code}")
                for fault in trial.faults:
                    print(f"    {fault}", flush=True)
                if options.verbose:
                    print(trial.said)
            if kills % 10 == 0:
                print(f"{kills} kills, {failed} with faults", flush=True)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s, {failed} with faults")
    for what, times in kinds.most_common():
        print(f"    {times:4} {what}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--busy", type=int, default=0, help="loops that keep processors busy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no trial after that")
    parser.add_argument("--only", default="", help="commands with this in their name")
    parser.add_argument("--verbose", action="store_true", help="show what a command said")
    return parser.parse_args()


@contextlib.contextmanager
def _busy(loops: int) -> Iterator[None]:
    """Keep ``loops`` processors busy meanwhile."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def _lasts(command: Command, base: Path) -> float:
    """How long the command takes (seconds) when nothing is killed; nothing may be left then."""
    began = time.monotonic()
    trial = _tried(command, base, None, _SERVES_S if command.serves else ENDS_WITHIN_S)
    if trial.faults or trial.code not in command.codes:
        raise SystemExit(
            f"{command.name}: exit code {trial.code}, {trial.faults}, without a kill\n{trial.said}"
        )
    seconds = min(time.monotonic() - began, ENDS_WITHIN_S)
    print(f"{command.name}: {seconds:.0f} s without a kill", flush=True)
    return seconds


def _tried(command: Command, base: Path, rng: random.Random | None, after_s: float) -> Trial:
    """Start the command, kill one of its processes after a time, and look at what is left.

    Nothing is killed where ``rng`` is None.
    """
    trial = Trial(command)
    folder = Path(tempfile.mkdtemp(prefix="t-", dir=base))
    temp, out, terminal = folder / "tmp", folder / "out", folder / "terminal"
    temp.mkdir()
    folder.chmod(0o755)
    temp.chmod(0o1777)
    family = Family(uuid.uuid4().hex)
    kept = str(base / "cache")  # of all trials: a kill must not spoil what the next one reads
    env = {**os.environ, MARK: family.mark, "TMPDIR": str(temp), "XDG_CACHE_HOME": kept}
    words = [*command.words, *(("--out", str(out)) if command.out and not command.serves else ())]
    try:
        with terminal.open("wb") as said:
            running = subprocess.Popen(
                [sys.executable, "-m", "paidonce", *words],
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watching = threading.Thread(target=family.watch, args=(psutil.Process(running.pid),))
        watching.start()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(after_s)
            if rng is not None:
                trial.killed = _kill(running, family, rng)
            if command.serves:
                running.terminate()
            trial.code = running.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            trial.faults.append(f"it did not end within {ENDS_WITHIN_S:g} s")
        finally:
            family.over.set()
            watching.join()
        trial.said = terminal.read_text(errors="replace")
        _look(trial, family, temp, out)
    finally:
        _end(running, family)
        shutil.rmtree(folder, ignore_errors=True)
    return trial


def _kill(running: subprocess.Popen[bytes], family: Family, rng: random.Random) -> str:
    """Send a signal to one of the family; in words, what to whom, "" if all was over."""
    if running.poll() is not None:
        return ""
    alive = sorted(family.alive(), key=lambda one: one.pid)
    # The command itself as often as all the others together.
    victim = psutil.Process(running.pid) if rng.random() < 0.5 or not alive else rng.choice(alive)
    number = rng.choice(_SIGNALS)
    try:
        role = _role(victim, running.pid)
        victim.send_signal(number)
    except psutil.Error:
        return ""
    return f"{role} by {number.name}"


def _role(process: psutil.Process, root: int) -> str:
    if process.pid == root:
        return "the command"
    words = " ".join(process.cmdline())
    for part, role in (
        ("process.guardian", "its guardian"),
        ("harness.simulator", "the simulator"),
        ("reference_service", "the service"),
        ("shop.py", "the service"),
        ("locust", "Locust"),
        ("valkey", "Redis"),
        ("postgres:", "a backend of Postgres"),
        ("bin/postgres", "the postmaster"),
        ("initdb", "initdb"),
        ("distributed", "a worker"),
        ("spawn_main", "a worker"),
    ):
        if part in words:
            return role
    return process.name()


def _look(trial: Trial, family: Family, temp: Path, out: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := family.alive()) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    for process in left:
        with contextlib.suppress(psutil.Error):
            trial.faults.append(f"stray process: {' '.join(process.cmdline())[:160]}")
    trial.faults += [f"stray folder or file: {path.name}" for path in sorted(temp.iterdir())]
    trial.faults += [f"stray shared memory: {one}" for one in _segments(set(family.seen))]
    if "Traceback (most recent call last)" in trial.said:
        last = trial.said.strip().splitlines()[-1]
        trial.faults.append(f"traceback: {last[:200]}")
    true = {*trial.command.codes, 2, 3, _INTERRUPTED}
    if trial.code is not None and trial.code >= 0 and trial.code not in true:
        trial.faults.append(f"false verdict: exit code {trial.code}, true is {trial.command.codes}")
    if out.is_dir():
        trial.faults += [f"unreadable: {one}" for one in _unreadable(out)]


def _segments(pids: set[int]) -> Iterator[int]:
    """System V shared memory whose maker was one of ``pids`` and to which nobody is attached."""
    table = Path("/proc/sysvipc/shm")
    if not table.exists():
        return
    head, *rows = table.read_text().splitlines()
    names = head.split()
    for row in rows:
        values = dict(zip(names, row.split(), strict=True))
        if int(values["cpid"]) in pids and int(values["nattch"]) == 0:
            yield int(values["shmid"])


def _unreadable(out: Path) -> Iterator[str]:
    for path in sorted(one for one in out.rglob("*") if one.is_file()):
        try:
            if path.name == "results.json":
                load(path)
            elif path.name.endswith(".witness.json"):
                read_witness(path)
            elif path.suffix in (".json", ".sarif"):
                json.loads(path.read_bytes())
            elif path.suffix == ".jsonl" and path.stat().st_size:
                read_history(path)
            elif path.suffix == ".html" and not path.read_text().rstrip().endswith("</html>"):
                yield f"{path.name} has no end"
            elif path.suffix in (".part", ".tmp"):
                yield f"{path.name} was left half written"
        except (PaidonceError, ValueError, OSError) as error:
            yield f"{path.name}: {str(error)[:200]}"


def _end(running: subprocess.Popen[bytes], family: Family) -> None:
    """Leave nothing of a trial, whatever its command left."""
    family.over.set()
    for process in family.alive():
        with contextlib.suppress(psutil.Error):
            process.kill()
    running.kill()
    running.wait()
    for segment in _segments(set(family.seen)):
        subprocess.run(["ipcrm", "-m", str(segment)], check=False)


if __name__ == "__main__":
    sys.exit(main())
