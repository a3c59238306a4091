"""Kills at random moments: what is left behind, and what is said afterwards.

    python benchmarks/kills.py [--kills 500] [--busy 6] [--at-once 2] [--record kills.jsonl]

Each trial starts one command, waits for a random while, and sends a random signal (mostly SIGKILL)
to a random one of its processes: the command itself, its guardian, a service, a postmaster or one
of its backends, Redis, the simulator, Locust, a worker of a search. What goes on after that is sent
another one later, up to ``--each`` of them, but for a command whose guardian is gone: what that has
started stays if it is killed as well (docs/security.md). Then the command is waited for, and looked
at:

* strays: processes of it that still run, temp folders, System V shared memory of its postmasters
* false verdicts: an exit code, or a results.json, that says of a service what is not so
* unreadable files: JSON that is none, histories and results that cannot be read, pages without end
* tracebacks on its terminal

Nothing is killed but what a trial has started: processes are known by a variable of their own,
which every process of a trial inherits, besides their parentage. ``--busy`` loops run beside all.
With ``--record`` each trial is a line of a file as soon as it is over, and another run goes on
after the last of them.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import dataclasses
import itertools
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
from typing import Any

import psutil
from killing.family import GUARDIAN, LOOK_S, MARK, Family, end, role_of, segments
from killing.written import unreadable, untrue

from paidonce.harness.errors import PaidonceError
from paidonce.reports.formats.store import load

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "tests" / "targets" / "shop" / "target.toml"
_WITNESS = "the witness"
"""Stands for one that is made of the service as it is now, before anything is killed."""
ENDS_WITHIN_S = 300.0
GONE_WITHIN_S = 120.0
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
    Command("replay", ("replay", _WITNESS), (1,), out=False),
    Command("predict", ("predict", "two_tabs", "--guard", "row_lock"), (0, 1)),
    Command("stripe", ("stripe", "--port", "0"), (0,), serves=True),
)


@dataclasses.dataclass
class Trial:
    """One command, the kills in it, and what came of it."""

    command: Command
    number: int = 0
    killed: list[str] = dataclasses.field(default_factory=list)
    code: int | None = None
    faults: list[str] = dataclasses.field(default_factory=list)
    said: str = ""


@dataclasses.dataclass
class Record:
    """The trials made so far, kept in a file if there is one."""

    path: Path | None
    lasting: dict[str, float] = dataclasses.field(default_factory=dict)
    """How long each command takes without a kill (seconds), by its name."""
    trials: int = 0
    failed: int = 0
    kinds: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def read(self) -> None:
        """Take over what an earlier run has made."""
        if self.path is None or not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            with contextlib.suppress(ValueError):  # the last one, of a run that was killed
                self._count(json.loads(line))

    def add(self, said: dict[str, object]) -> None:
        """Write a line."""
        with self.lock:
            self._count(said)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(said) + "\n")

    @property
    def kills(self) -> int:
        """How many there were in all."""
        return self.kinds.total()

    def _count(self, said: dict[str, Any]) -> None:
        if "lasts_s" in said:
            self.lasting[said["command"]] = said["lasts_s"]
            return
        self.trials = max(self.trials, said["trial"] + 1)
        self.failed += bool(said["faults"])
        self.kinds.update(said["killed"])


def main() -> int:
    """Make the kills; the exit code is 1 where anything was left or said that should not be."""
    options = _options()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    record = Record(options.record)
    record.read()
    began = time.monotonic()
    commands = [command for command in COMMANDS if options.only in command.name]
    with _busy(options.busy), tempfile.TemporaryDirectory(prefix="kills-", dir="/tmp") as base:
        Path(base).chmod(0o755)
        if any(_WITNESS in command.words for command in commands):
            witness = _witness(Path(base))
            commands = [_of(command, witness) for command in commands]
        for command in commands:  # how long each of them takes on this machine, now
            if command.name not in record.lasting and not stopped.is_set():
                lasts = _lasts(command, Path(base))
                record.add({"command": command.name, "lasts_s": lasts})
        numbers = itertools.count(record.trials)

        def go_on() -> None:
            while record.kills < options.kills and time.monotonic() - began < options.seconds:
                if stopped.is_set():
                    return
                number = next(numbers)
                rng = random.Random(f"{options.seed} {number}")
                command = rng.choice(commands)
                within_s = record.lasting[command.name]
                trial = _tried(command, Path(base), rng, within_s, options.each)
                trial.number = number
                _tell(trial, record, verbose=options.verbose)

        with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
            for worker in [pool.submit(go_on) for _ in range(options.at_once)]:
                worker.result()
    print(f"{record.kills} kills in {record.trials} commands, {record.failed} with faults")
    for what, times in record.kinds.most_common():
        print(f"    {times:4} {what}")
    return 1 if record.failed else 0


def _tell(trial: Trial, record: Record, *, verbose: bool) -> None:
    name, killed, faults = trial.command.name, trial.killed, trial.faults
    said = {"trial": trial.number, "command": name, "killed": killed, "code": trial.code}
    record.add({**said, "faults": faults, **({"said": trial.said} if faults else {})})
    if faults:
        print(f"{name}; killed: {', then '.join(killed) or 'nothing'}; exit code {trial.code}")
        for fault in faults:
            print(f"    {fault}", flush=True)
        if verbose:
            print(trial.said)
    if trial.number % 10 == 9:
        print(f"{record.kills} kills, {record.failed} with faults", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--busy", type=int, default=0, help="loops that keep processors busy")
    parser.add_argument("--at-once", type=int, default=1, help="trials beside each other")
    parser.add_argument("--each", type=int, default=3, help="kills in one command at most")
    parser.add_argument("--record", type=Path, help="a file of trials, to go on after the last")
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


def _witness(base: Path) -> Path:
    """Search the racy service; the witness of it."""
    out = base / "recorded"
    words = [*_TWO_TABS, "--guard", "none", "--out", str(out)]
    said = subprocess.run(
        [sys.executable, "-m", "paidonce", *words], capture_output=True, text=True
    )
    found = sorted(out.rglob("*.witness.json"))
    if said.returncode != 1 or not found:
        raise SystemExit(f"no witness to replay: exit code {said.returncode}\n{said.stdout}")
    return found[0]


def _of(command: Command, witness: Path) -> Command:
    words = tuple(str(witness) if word == _WITNESS else word for word in command.words)
    return dataclasses.replace(command, words=words)


def _lasts(command: Command, base: Path) -> float:
    """How long the command takes (seconds) when nothing is killed; nothing may be left then."""
    began = time.monotonic()
    trial = _tried(command, base, None, _SERVES_S if command.serves else ENDS_WITHIN_S, 0)
    if trial.faults or trial.code not in command.codes:
        raise SystemExit(
            f"{command.name}: exit code {trial.code}, {trial.faults}, without a kill\n{trial.said}"
        )
    seconds = min(time.monotonic() - began, ENDS_WITHIN_S)
    print(f"{command.name}: {seconds:.0f} s without a kill", flush=True)
    return seconds


def _tried(
    command: Command, base: Path, rng: random.Random | None, within_s: float, each: int
) -> Trial:
    """Start the command, kill some of its processes within a time, and look at what is left.

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
                if rng is None:
                    running.wait(within_s)
                else:
                    _kill_some(trial, running, family, rng, within_s, each)
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
        end(running, family)
        shutil.rmtree(folder, ignore_errors=True)
    return trial


def _kill_some(
    trial: Trial,
    running: subprocess.Popen[bytes],
    family: Family,
    rng: random.Random,
    within_s: float,
    each: int,
) -> None:
    """Kill one process of the family, and others as long as the command goes on.

    Raises ``TimeoutExpired`` once all are made, and the command still runs.
    """
    guarded = True
    for _ in range(each):
        if not guarded:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(rng.uniform(0.0, within_s))
        if running.poll() is not None:
            return
        role, number = _kill(running, family, rng)
        if role:
            trial.killed.append(f"{role} by {number.name}")
        guarded = not (role == GUARDIAN and number is signal.SIGKILL)
    running.wait(0.0)


def _kill(
    running: subprocess.Popen[bytes], family: Family, rng: random.Random
) -> tuple[str, signal.Signals]:
    """Send a signal to one of the family; to whom, "" if it was over, and which."""
    alive = sorted(family.alive(), key=lambda one: one.pid)
    # The command itself as often as half of the others together.
    victim = psutil.Process(running.pid) if rng.random() < 0.35 or not alive else rng.choice(alive)
    number = rng.choice(_SIGNALS)
    try:
        role = role_of(victim, running.pid)
        victim.send_signal(number)
    except psutil.Error:
        return "", number
    return role, number


def _look(trial: Trial, family: Family, temp: Path, out: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := family.alive()) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    for process in left:
        with contextlib.suppress(psutil.Error):
            trial.faults.append(f"stray process: {' '.join(process.cmdline())[:160]}")
    trial.faults += [f"stray folder or file: {path.name}" for path in sorted(temp.iterdir())]
    trial.faults += [f"stray shared memory: {one}" for one in segments(family)]
    if "Traceback (most recent call last)" in trial.said:
        last = trial.said.strip().splitlines()[-1]
        trial.faults.append(f"traceback: {last[:200]}")
    true = {*trial.command.codes, 2, 3, _INTERRUPTED}
    if trial.code is not None and trial.code >= 0 and trial.code not in true:
        trial.faults.append(f"false verdict: exit code {trial.code}, true is {trial.command.codes}")
    results = out / "results.json"
    if out.is_dir():
        with contextlib.suppress(PaidonceError, OSError):  # there may be none yet
            trial.faults += [f"false verdict: {one}" for one in untrue(load(results))]
        trial.faults += [f"unreadable: {one}" for one in unreadable(out)]


if __name__ == "__main__":
    sys.exit(main())
