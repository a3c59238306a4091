"""One load run from start to verdict: Locust as our child, watched, merged and judged."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from paidonce.harness.capability import Capability
from paidonce.harness.checkers import judge, load_checkers
from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.history import Backend, Ended, Header, Journal, Note, read_history
from paidonce.harness.load.analyse.summary import summarise
from paidonce.harness.load.generate.job import LoadJob, Observe
from paidonce.harness.load.generate.targets import write_target
from paidonce.harness.load.observe.meters import NOTHING, Meters, Watched
from paidonce.harness.load.observe.sampler import Sample, Sampler, summarise_samples
from paidonce.harness.load.observe.watching import Looks, seen_in
from paidonce.harness.load.plan.settings import EXIT_DEFECT, EXIT_USAGE, SAYS
from paidonce.harness.load.record.joining import MEASURED_FROM, MEASURED_TO
from paidonce.harness.load.record.merge import Merged, merge, read_parts
from paidonce.harness.load.record.recorder import ORIGIN
from paidonce.harness.process.child import Child
from paidonce.harness.process.modules import command
from paidonce.harness.process.ports import HeldPort
from paidonce.harness.results.load_run import Load
from paidonce.harness.service.description import Target
from paidonce.harness.verdict import merge as worst

_START_SECONDS = 60.0
"""How long Locust may take to start and to end, on a busy machine, besides its run."""
_STOP_SECONDS = 3.0
"""How long Locust may take to end in good order when it is stopped early (Ctrl-C)."""


class LoadFailed(PaidonceError):
    """Locust could not run, or recorded nothing that could be measured."""


class LoadCancelled(PaidonceError):
    """Whoever asked for the load run no longer wants it."""


def run_load(
    *,
    target: Target,
    base_url: str,
    postgres_url: str,
    variant: str,
    profile: str,
    users: int,
    seconds: float,
    warmup: float,
    out_folder: Path,
    seed: int = 0,
    max_orders: int = 20_000,
    observe: Observe | None = None,
    capabilities: frozenset[Capability] = frozenset(),
    backends: Mapping[str, Backend] | None = None,
    checkers: tuple[str, ...] | None = None,
    processes: int = 1,
    contention: str = "",
    think: str = "0.01",
    rate: float = 0.0,
    arrivals: str = "poisson",
    patience: float = 15.0,
    retries: int | None = None,
    stripe_latency: str = "",
    run: str = "load",
    watched: Watched = NOTHING,
    cancel: threading.Event | None = None,
) -> Load:
    """Put load on the service at ``base_url``, measure it and judge what was recorded.

    The fields are those of ``LoadJob``. ``postgres_url`` is the service's database, watched for
    what its sessions do; ``watched`` says what else can be. ``observe`` is called once Locust is
    gone, with the journal of the merged history and the ids of all orders; it waits for the service
    to come to rest and records the orders and Stripe's ledger. ``capabilities`` must hold what that
    makes true, nothing more.

    The history is written to ``out_folder`` and named in ``Load.history`` relative to it. A
    Locust that was killed leaves a history that is judged as cut off, so never as VALID.
    Setting ``cancel`` from another thread stops the load at once: a thread that waits here does
    not see a Ctrl-C.

    Raises ``UsageError`` on a bad value or an existing history, ``Unavailable`` when Postgres
    cannot be reached, ``LoadFailed`` when nothing was measured (what was recorded is kept, and
    named), ``LoadCancelled``, and ``DeadlineExceeded`` when Locust does not end.
    """
    job = LoadJob(
        target=target,
        base_url=base_url,
        variant=variant,
        profile=profile,
        users=users,
        seconds=seconds,
        warmup=warmup,
        seed=seed,
        max_orders=max_orders,
        processes=processes,
        contention=contention,
        think=think,
        rate=rate,
        arrivals=arrivals,
        patience=patience,
        retries=retries,
        stripe_latency=stripe_latency,
        run=run,
        capabilities=capabilities,
        backends=backends or {},
        checkers=load_checkers() if checkers is None else checkers,
    )
    return run_job(
        job,
        postgres_url=postgres_url,
        out_folder=out_folder,
        observe=observe,
        watched=watched,
        cancel=cancel,
    )


def run_job(
    job: LoadJob,
    *,
    postgres_url: str,
    out_folder: Path,
    observe: Observe | None = None,
    watched: Watched = NOTHING,
    cancel: threading.Event | None = None,
) -> Load:
    """``run_load`` for a job that is put together already; raises the same."""
    path = out_folder.absolute() / f"{job.file_stem}.jsonl"
    parts_folder = path.with_suffix(".parts")
    for taken in (path, parts_folder):
        if taken.exists():
            raise UsageError(f"{taken} exists already; name another folder for this load run")
    parts_folder.mkdir(parents=True)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with Meters(watched) as meters:
        exit_code, samples = _apply(job, postgres_url, parts_folder, cancel)
    merged = _collect(parts_folder, exit_code)
    _write(path, _header(job, merged, started), merged, exit_code, observe)
    shutil.rmtree(parts_folder)
    return _result(job, merged, Looks(samples, meters, watched), path)


def _apply(
    job: LoadJob, postgres_url: str, parts: Path, cancel: threading.Event | None
) -> tuple[int, tuple[Sample, ...]]:
    """Run Locust to its end under the sampler's eyes; returns its exit code and the samples."""
    with ExitStack() as stack:
        sampler = stack.enter_context(Sampler(postgres_url))
        port = stack.enter_context(HeldPort())
        write_target(job.target, parts / "target.json")
        arguments = job.locust_arguments(parts / "target.json", parts, port.number)
        # Locust takes options from its own variables, and would from ours.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOCUST_", "PAIDONCE_"))
        }
        argv, environment = command("locust", *arguments, environment=inherited)
        port.before_start()
        locust = stack.enter_context(
            Child(
                "Locust",
                argv,
                env=environment,
                # Locust also reads configuration from the folder it runs in: give it an empty one.
                cwd=parts,
                log=parts / "locust.log",
                grace=_STOP_SECONDS,
            )
        )
        locust.wait(job.plan.total + job.patience + _START_SECONDS, lambda: _go_on(cancel))
        exit_code = locust.stop()
        sampler.stop()
        return exit_code, sampler.samples


def _go_on(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise LoadCancelled("the load run was cancelled")


def _collect(parts_folder: Path, exit_code: int) -> Merged:
    """Return the records of all processes as one. Raises ``LoadFailed`` when that cannot be a
    measurement."""
    parts, empty = read_parts(parts_folder.glob("*.jsonl"))
    if exit_code in (EXIT_USAGE, EXIT_DEFECT) or not parts:
        raise LoadFailed(
            f"Locust ended with exit code {exit_code} and no usable measurement; {parts_folder} "
            f"has what it recorded. It said:\n{_said(parts_folder / 'locust.log')}"
        )
    return merge(parts, empty)


def _said(log: Path) -> str:
    """Return what our own code said in Locust's log, or else the log's last lines."""
    lines = log.read_text(errors="replace").splitlines()
    ours = [line for line in lines if line.startswith(SAYS)]
    return "\n".join(dict.fromkeys(ours) or [line for line in lines if line.strip()][-8:])


def _header(job: LoadJob, merged: Merged, started: str) -> Header:
    start, end = merged.window
    return Header(
        run=job.run,
        scenario=f"load-{job.profile}",
        target=job.target.name,
        variant=job.variant,
        backends=dict(job.backends),
        capabilities=tuple(sorted(capability.value for capability in job.capabilities)),
        checkers=job.checkers,
        seed=job.seed,
        started=started,
        settings={
            ORIGIN: str(merged.origin),
            MEASURED_FROM: str(start),
            MEASURED_TO: str(end),
            "users": str(job.users),
            "processes": str(job.processes),
            "rate": f"{job.rate:g}",
            "arrivals": job.arrivals if job.rate else "closed loop",
            **job.conditions.named(),
        },
    )


def _write(
    path: Path, header: Header, merged: Merged, exit_code: int, observe: Observe | None
) -> None:
    with Journal(path, header, origin_ns=merged.origin) as journal:
        for event in merged.events:
            journal.record(event)
        if exit_code != 0:
            text = f"Locust ended with exit code {exit_code}"
            journal.record(Note(t=journal.now(), text=text))
        if observe is not None:
            observe(journal, merged.orders)
        if merged.complete and exit_code == 0:
            journal.record(Ended(t=journal.now()))


def _result(job: LoadJob, merged: Merged, looks: Looks, path: Path) -> Load:
    history = read_history(path)
    start, end = merged.window
    if end <= start:
        raise LoadFailed(
            f"load {job.profile} on {job.variant or job.target.name} stopped before measuring "
            f"began: {merged.stopped}; the history is in {path}"
        )
    try:
        numbers = summarise(history, start, end)
        database = summarise_samples(looks.samples, start + merged.origin, end + merged.origin)
    except ValueError as error:
        raise LoadFailed(
            f"load {job.profile} on {job.variant or job.target.name}: {error}; "
            f"the history is in {path}"
        ) from error
    verdicts = judge(history, job.checkers)
    # A service that names its retries and never did has retried 0 times; others do not say.
    said = 0 if job.target.retries_header is not None else None
    return Load(
        variant=job.variant,
        profile=job.profile,
        users=job.users,
        rate=job.rate or None,
        arrivals=job.arrivals if job.rate else "",
        seconds=numbers.seconds,
        operations=numbers.operations,
        payments=numbers.payments,
        outcomes=numbers.outcomes,
        latency=numbers.latency,
        lock_waits=database.lock_waits,
        lock_wait_share=database.lock_wait_share,
        rollbacks=database.rollbacks,
        deadlocks=database.deadlocks,
        retries=said if numbers.retries is None else numbers.retries,
        status=worst(verdict.status for verdict in verdicts),
        verdicts=verdicts,
        history=path.name,
        seen=seen_in(looks, database, numbers, start + merged.origin, end + merged.origin),
        conditions=job.conditions,
        histogram=numbers.histogram,
        tried_again=numbers.tried_again,
    )
