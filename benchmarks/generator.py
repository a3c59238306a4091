"""Attempts a second that one process can make, and what recording each of them costs.

    python benchmarks/generator.py [--seconds 5] [--rounds 5] [--users 16]

Against a static answer, in turns within every round: our user with its history and without,
Locust's plain ``FastHttpUser``, and ``wrk`` (from the package of that name; left out where it is
missing). Figures are medians over the rounds, ratios are of two in the same round. Processor time
per attempt (of the generator's process) is shown beside the rate: what else the machine does
changes it least. The service counts what it answered, so all are counted alike.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from processor_time import spent
from rich.console import Console
from rich.table import Table

from paidonce.harness.load.generate.job import LOCUSTFILE
from paidonce.harness.load.generate.targets import write_target
from paidonce.harness.process.child import Child
from paidonce.harness.process.modules import command
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.scenarios.reference import TARGET

HERE = Path(__file__).parent / "generators"
START_SECONDS = 60.0
LETTING_GO_S = 600
"""A run is ended by us, when it was measured."""
RECORDED, UNRECORDED, PLAIN, WRK = (
    "our user, every attempt recorded",
    "our user, nothing recorded",
    "Locust's FastHttpUser",
    "wrk",
)


@dataclass(frozen=True)
class Measured:
    """One measurement: attempts a second, and microseconds of processor time for each."""

    rate: float
    cpu_us: float


def main() -> int:
    given = _arguments()
    console = Console()
    kinds = [RECORDED, UNRECORDED, PLAIN, *([WRK] if shutil.which("wrk") else [])]
    if WRK not in kinds:
        console.print("wrk is not measured: it is not installed (Debian: apt install wrk)")
    found: dict[str, list[Measured]] = {kind: [] for kind in kinds}
    with ExitStack() as exits:
        url = _answering(exits)
        for number in range(given.rounds):
            turns = kinds[number % len(kinds) :] + kinds[: number % len(kinds)]
            for kind in turns if number % 2 == 0 else reversed(turns):
                with TempFolder() as folder:
                    found[kind].append(_measure(kind, url, folder.path, given))
                told = found[kind][-1]
                console.print(f"  {number + 1}: {kind}: {told.rate:.0f}/s, {told.cpu_us:.0f} µs")
    console.print(_table(found))
    for one, other, words in (
        (RECORDED, UNRECORDED, "recording costs, of our user's processor time"),
        (RECORDED, PLAIN, "recorded, beside FastHttpUser's processor time"),
    ):
        ratios = sorted(a.cpu_us / b.cpu_us for a, b in zip(found[one], found[other], strict=True))
        console.print(
            f"{words}: {statistics.median(ratios) - 1:+.1%} ({ratios[0] - 1:+.1%} to "
            f"{ratios[-1] - 1:+.1%})"
        )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=16)
    return parser.parse_args()


def _answering(exits: ExitStack) -> str:
    argv = [sys.executable, str(HERE / "answers.py")]
    child = exits.enter_context(Child("static answers", argv))
    port = child.wait_line("listen", _port, START_SECONDS)
    return f"http://127.0.0.1:{port}"


def _port(line: str) -> int | None:
    return int(line.split()[1]) if line.startswith("port ") else None


def _measure(kind: str, url: str, folder: Path, given: argparse.Namespace) -> Measured:
    """Start a generator, let it get going, and count for a while what it does."""
    if kind == WRK:
        script = folder / "post.lua"
        script.write_text('wrk.method = "POST"\nwrk.body = "{}"\n')
        argv = ["wrk", "-t1", f"-c{given.users}", f"-d{LETTING_GO_S}", "-s", str(script)]
        argv, environment = [*argv, f"{url}/static"], None
    else:
        argv, environment = command("locust", *_locust(kind, url, folder, given))
    with httpx.Client(base_url=url, trust_env=False) as client:

        def answered() -> int:
            return int(client.get("/count").text)

        with Child(kind, argv, env=environment, cwd=folder, grace=1.0) as child:
            # Twenty for each user: connections are open, code is warm.
            least = answered() + 20 * given.users
            child.wait_for("get going", lambda: answered() >= least or None, START_SECONDS)
            return _counted(answered, child.pid, given.seconds)


def _locust(kind: str, url: str, folder: Path, given: argparse.Namespace) -> list[str]:
    shared = ["--headless", "--only-summary", f"--host={url}", f"--users={given.users}"]
    if kind == PLAIN:
        more = [f"--spawn-rate={given.users}", f"--run-time={LETTING_GO_S}"]
        return [f"--locustfile={HERE / 'plain.py'}", *shared, *more]
    file = LOCUSTFILE if kind == RECORDED else HERE / "unrecorded.py"
    write_target(TARGET, folder / "target.json")
    return [
        f"--locustfile={file}",
        *shared,
        f"--target-file={folder / 'target.json'}",
        f"--paidonce-history={folder / 'histories'}",
        "--warmup=0",
        f"--measure={LETTING_GO_S}",
        "--think=0",
        "--contention=hot:1",
        "Payer",
    ]


def _counted(answered: Callable[[], int], pid: int, seconds: float) -> Measured:
    def look() -> tuple[float, int, float]:
        return time.perf_counter(), answered(), _processor_seconds(pid)

    began, before, used_before = look()
    time.sleep(seconds)
    ended, after, used_after = look()
    attempts = after - before
    return Measured(attempts / (ended - began), (used_after - used_before) / attempts * 1e6)


def _processor_seconds(pid: int) -> float:
    """What all threads of a process used: to the nanosecond, where the system counts so finely."""
    ticks = spent([psutil.Process(pid)])
    try:
        tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
        # The first number: time on a processor, in ns (Linux, Documentation/scheduler/sched-stats).
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9 or ticks
    except OSError:
        return ticks


def _table(found: dict[str, list[Measured]]) -> Table:
    table = Table(box=None)
    for column in ("generator", "attempts/s", "of FastHttpUser's", "µs of processor each"):
        table.add_column(column, justify="left" if column == "generator" else "right")
    for kind, measured in found.items():
        rates = [each.rate for each in measured]
        ratios = [a.rate / b.rate for a, b in zip(measured, found[PLAIN], strict=True)]
        table.add_row(
            kind,
            f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
            f"{statistics.median(ratios):.2f}",
            f"{statistics.median(each.cpu_us for each in measured):.0f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
