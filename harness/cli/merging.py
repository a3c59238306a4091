"""``paidonce merge``: what the processes of one load run recorded, as one history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from paidonce.harness.errors import UsageError
from paidonce.harness.extras import need
from paidonce.harness.history import Journal
from paidonce.harness.load.analyse.summary import LoadSummary, summarise
from paidonce.harness.load.record.joining import Joined, histories_in, join
from paidonce.harness.load.record.latencies import Latencies
from paidonce.harness.load.record.recorder import LATENCIES
from paidonce.harness.results.words import count
from paidonce.reports.words import number


def merge_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Histories that Locust processes left (.jsonl), or folders of them.",
            metavar="HISTORY|FOLDER...",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The history to write; must not exist.", metavar="FILE")
    ] = Path("merged.jsonl"),
) -> int:
    """Put the histories of one load run together: those of all workers, of all machines.

    Writes one history, which paidonce check judges, and beside it the latencies of the measured
    time as a log of HdrHistogram's (.hlog). What a worker recorded that was killed is in it; the
    history then says that it was cut off.
    """
    need("load")
    runs = join(histories_in(files))
    if len(runs) > 1:
        named = "; ".join(", ".join(part.name for part in run.parts) for run in runs)
        raise UsageError(f"these are of {len(runs)} runs; give the files of one: {named}")
    run = runs[0]
    log = out.with_suffix(LATENCIES)
    if log.exists():
        raise UsageError(f"{log} exists already; name another file with --out")
    _write(run, out)
    console = Console(highlight=False, soft_wrap=True)
    processes = count(len(run.parts), "process", "processes")
    operations = count(len(run.history.operations), "operation")
    where = f" on {run.machines} machines" if run.machines > 1 else ""
    console.print(f"{out}: {operations} of {processes}{where}", markup=False)
    for name in run.cut_off:
        console.print(f"cut off: {name}", markup=False)
    numbers = _measured(run)
    if numbers is None:
        console.print(f"nothing was measured: {run.merged.stopped}", markup=False)
        return 0
    start = run.merged.window[0] / 1e9
    Latencies.decoded(numbers.histogram).write_log(log, run.began + start, numbers.seconds)
    percentiles = numbers.latency
    rate = number(numbers.operations / numbers.seconds)
    console.print(
        f"{log}: measured {number(numbers.seconds)} s, {rate} answers a second; p50 "
        f"{number(percentiles.p50)}, "
        f"p99 {number(percentiles.p99)}, p99.9 {number(percentiles.p999)} ms",
        markup=False,
    )
    return 0


def _write(run: Joined, path: Path) -> None:
    _, *events = run.history.events
    with Journal(path, run.header, origin_ns=run.merged.origin) as journal:
        for event in events:
            journal.record(event)


def _measured(run: Joined) -> LoadSummary | None:
    try:
        return summarise(run.history, *run.merged.window)
    except ValueError:
        return None
