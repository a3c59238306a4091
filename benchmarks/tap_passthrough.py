"""What the Postgres tap costs while it only passes bytes on, beside PgBouncer.

    python benchmarks/tap_passthrough.py [--seconds 3] [--rounds 3] [--clients 1 8]
                                         [--against PYTHON]

One run measures everything: pgbench's select-only (-S) and simple-update (-N) transactions, in
its simple and prepared protocols, directly, through the tap and, where it is installed, through
PgBouncer in session mode. ``PYTHON`` has another build of paidonce installed beside it, whose tap
takes its turns as well. Our tap and PgBouncer reach the server by its Unix socket, as the test bed
does, and are reached by TCP, as the server is directly; another build's tap reaches it by TCP, as
those did. The ways take turns within every round, so that what else the machine
does meets all of them; figures are medians over the rounds, and so are ratios, each of two ways
in the same round. Besides throughput and latency, the processor time that a proxy takes per
transaction is shown: it is the least noisy of the three.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psutil
from processor_time import spent
from rich.console import Console
from rich.table import Table

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import PaidonceError
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST, HeldPort, answers
from paidonce.harness.process.tempdirs import TempFolder

_TAP = """
import asyncio, sys, uvloop
try:
    from paidonce.harness.taps.postgres import PostgresTap
except ImportError:  # as old builds call it
    from harness.taps.postgres import PostgresTap

async def main():
    async with PostgresTap(sys.argv[1]) as tap:
        print(f"port {tap.port}", flush=True)
        await asyncio.Event().wait()

uvloop.run(main())
"""
_START_SECONDS = 30.0
ANOTHER = "another build"
COMPARED = ("direct", ANOTHER, "pgbouncer")
"""Those that the others are shown as a share of, where they are there."""


@dataclass
class Way:
    """One way to the server. ``pid`` is the proxy's, None where there is none."""

    name: str
    port: int
    pid: int | None = None


@dataclass
class Figures:
    """What was measured of one way in one case, a value a round."""

    tps: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    options.add_argument("--protocols", nargs="+", default=["simple", "prepared"])
    options.add_argument("--against", help="the Python of another build")
    chosen = options.parse_args()
    console = Console()
    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres())
        _pgbench(postgres.port, "-i", "-q", "-s", "4")
        tap = stack.enter_context(_tap("tap", postgres.near_url("postgres")))
        ways = [Way("direct", postgres.port), tap]
        if chosen.against:
            ways.append(stack.enter_context(_tap(ANOTHER, postgres.url(), chosen.against)))
        if shutil.which("pgbouncer") is None:
            console.print("pgbouncer is not installed; it is left out")
        else:
            ways.append(stack.enter_context(_pgbouncer(postgres)))
        table = _table(ways)
        cases = itertools.product(("-S", "-N"), chosen.protocols, chosen.clients)
        for script, protocol, clients in cases:
            figures = {way.name: Figures() for way in ways}
            for _ in range(chosen.rounds):
                for way in ways:
                    _measure(way, figures[way.name], script, protocol, clients, chosen.seconds)
            _show(table, f"{script} {protocol}, {clients} clients", ways, figures)
        console.print(table)


def _measure(
    way: Way, figures: Figures, script: str, protocol: str, clients: int, seconds: int
) -> None:
    proxy = [] if way.pid is None else [psutil.Process(way.pid)]
    before = spent(proxy)
    out = _pgbench(way.port, "-n", script, "-M", protocol, "-c", str(clients), "-T", str(seconds))
    taken = spent(proxy) - before
    figures.tps.append(_number(r"tps = ([\d.]+)", out))
    figures.latency_ms.append(_number(r"latency average = ([\d.]+) ms", out))
    done = _number(r"transactions actually processed: (\d+)", out)
    figures.cpu_us.append(taken / done * 1e6)


def _table(ways: list[Way]) -> Table:
    table = Table(title="Postgres tap, passing", title_justify="left")
    for name in ("case", "way", "tps", "ms", "µs cpu/tx"):
        table.add_column(name, justify="left" if name in ("case", "way") else "right")
    for other in COMPARED:
        if any(way.name == other for way in ways):
            table.add_column(f"of {other}", justify="right")
    return table


def _show(table: Table, case: str, ways: list[Way], figures: dict[str, Figures]) -> None:
    for way in ways:
        found = figures[way.name]
        cpu = "" if way.pid is None else f"{statistics.median(found.cpu_us):.1f}"
        row = [case if way is ways[0] else "", way.name, f"{statistics.median(found.tps):.0f}"]
        row += [f"{statistics.median(found.latency_ms):.3f}", cpu]
        for other in COMPARED:
            if other in figures:
                pairs = zip(found.tps, figures[other].tps, strict=True)
                row.append(f"{statistics.median(mine / theirs for mine, theirs in pairs):.2f}")
        table.add_row(*row)
    table.add_section()


@contextmanager
def _tap(name: str, url: str, python: str = sys.executable) -> Iterator[Way]:
    # In a folder without packages: -c looks there first.
    with TempFolder() as empty, Child(name, [python, "-c", _TAP, url], cwd=empty.path) as child:
        port = child.wait_for("listen", lambda: _announced(child), _START_SECONDS)
        yield Way(name, port, child.pid)


def _announced(child: Child) -> int | None:
    found = re.search(r"port (\d+)", child.output)
    return int(found.group(1)) if found else None


@contextmanager
def _pgbouncer(postgres: EmbeddedPostgres) -> Iterator[Way]:
    """PgBouncer in session mode; as root it has to run as somebody else, who can read the files."""
    with TempFolder(public=True) as folder, HeldPort() as held:
        users, settings = folder.path / "users.txt", folder.path / "pgbouncer.ini"
        users.write_text('"postgres" ""\n')
        settings.write_text(
            "[databases]\n"
            f"postgres = host={postgres.socket_folder} port={postgres.port} user=postgres\n"
            "[pgbouncer]\n"
            f"listen_addr = {HOST}\nlisten_port = {held.number}\nunix_socket_dir =\n"
            f"auth_type = any\nauth_file = {users}\n"
            "pool_mode = session\nmax_client_conn = 100\ndefault_pool_size = 50\n"
        )
        folder.path.chmod(0o755)
        root = psutil.Process().uids().effective == 0
        argv = ["pgbouncer", *(["-u", "nobody"] if root else []), str(settings)]
        held.before_start()
        with Child("pgbouncer", argv) as child:
            child.wait_for("serve", lambda: answers(held.number) or None, _START_SECONDS)
            held.release()
            yield Way("pgbouncer", held.number, child.pid)


def _pgbench(port: int, *arguments: str) -> str:
    argv = [str(postgres_tool("pgbench")), "-h", HOST, "-p", str(port), "-U", "postgres"]
    done = subprocess.run(
        [*argv, *arguments, "postgres"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PaidonceError(f"pgbench {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise PaidonceError(f"pgbench printed no {pattern!r}: {text}")
    return float(found.group(1))


if __name__ == "__main__":
    main()
