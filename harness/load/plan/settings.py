"""The settings of one Locust process: command-line options in, checked values out.

Imports nothing of Locust, so that it can be used, and tested, outside a Locust process.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paidonce.harness.errors import UsageError
from paidonce.harness.load.plan.contention import FORMS as CONTENTIONS
from paidonce.harness.load.plan.contention import Contention, contention
from paidonce.harness.load.plan.plan import LoadPlan
from paidonce.harness.load.plan.retrying import MOST_RETRIES
from paidonce.harness.load.plan.spread import FORMS as SPREADS
from paidonce.harness.load.plan.spread import Spread, spread

EXIT_USAGE = 2
"""Exit code of a Locust process that was given something it cannot work with."""
EXIT_DEFECT = 4
"""And of one in which a user's own code failed: the numbers of such a run mean nothing."""

SAYS = "paidonce load: "
"""How a line of ours begins among Locust's own."""

ARRIVALS = ("poisson", "constant")
"""How the clients of an open loop come."""

LONGEST_THINKING = 3600.0
"""Seconds."""

DEFAULT_TARGET = "paidonce.scenarios.reference:TARGET"
DEFAULT_USERS = 10
DEFAULT_RUN_SECONDS = 30.0


@dataclass(frozen=True)
class LoadSettings:
    """Checked settings; times in seconds.

    ``contention`` is which orders clients pick (None: as their class does it), ``max_orders`` how
    many this process may create in all (the run ends when they are used up), ``think`` the pause
    of a user between two things it does, ``patience`` how long a client waits for an answer, and
    ``retries`` how often it asks again for one (None: as its class does it). ``session`` is the
    same in all processes of one run.
    ``rate`` is how many clients come in a second, over all processes (an open loop); 0 for users
    who go on when they are answered (a closed one).
    """

    plan: LoadPlan
    history: Path
    contention: Contention | None
    max_orders: int
    think: Spread
    patience: float
    seed: int
    run: str
    variant: str
    rate: float = 0.0
    poisson: bool = True
    retries: int | None = None
    session: str = ""


def settings_from(options: Namespace) -> LoadSettings:
    """The settings in Locust's parsed options (their names are in ``OPTIONS``, and Locust's own).

    ``--run-time`` includes the warm-up; ``--measure``, if given, says how long to measure instead.
    Raises ``UsageError`` naming the option.
    """
    warmup = _number(options, "warmup", float, 0)
    if options.measure:
        measure = _number(options, "measure", float, 1)
    else:
        run_time = float(options.run_time or DEFAULT_RUN_SECONDS)
        measure = run_time - warmup
        if measure < 1:
            raise UsageError(
                f"--run-time {run_time:g} leaves less than a second to measure after "
                f"--warmup {warmup:g}; make it at least {warmup + 1:g}"
            )
    return LoadSettings(
        plan=LoadPlan(
            users=int(options.num_users or DEFAULT_USERS), warmup=warmup, seconds=measure
        ),
        history=Path(str(options.paidonce_history)),
        contention=contention(str(options.contention)) if options.contention else None,
        max_orders=_number(options, "max_orders", int, 1),
        think=spread(str(options.think), "--think", "seconds", LONGEST_THINKING),
        patience=_number(options, "client_timeout", float, 0.05),
        seed=_number(options, "seed", int, 0),
        run=str(options.paidonce_run),
        variant=str(options.paidonce_variant),
        rate=_number(options, "rate", float, 0),
        poisson=_arrivals(str(options.arrivals)),
        retries=_retries(options) if options.retries else None,
        session=str(getattr(options, "paidonce_session", "")),
    )


def _retries(options: Namespace) -> int:
    retries = int(_number(options, "retries", int, 0))
    if retries > MOST_RETRIES:
        raise UsageError(f"--retries: expected 0 to {MOST_RETRIES}, got {retries}")
    return retries


def _arrivals(text: str) -> bool:
    if text not in ARRIVALS:
        raise UsageError(f"--arrivals: expected {' or '.join(ARRIVALS)}, got {text!r}")
    return text == "poisson"


def _number(options: Namespace, name: str, kind: Callable[[Any], float], least: float) -> Any:
    flag = "--" + name.replace("_", "-")
    text = getattr(options, name)
    try:
        value = kind(text)
    except (TypeError, ValueError):
        expected = "a whole number" if kind is int else "a number"
        raise UsageError(f"{flag}: expected {expected}, got {text!r}") from None
    if not least <= value < float("inf"):
        raise UsageError(f"{flag}: expected at least {least:g}, got {text}")
    return value


@dataclass(frozen=True)
class Option:
    """A command-line option of the locustfile; ``env`` is its environment variable."""

    flag: str
    env: str
    default: str
    help: str

    @property
    def name(self) -> str:
        """Return its name among the parsed options."""
        return self.flag.removeprefix("--").replace("-", "_")


OPTIONS: tuple[Option, ...] = (
    Option("--target-file", "PAIDONCE_TARGET", "", "JSON file that describes the service"),
    Option(
        "--target-object",
        "PAIDONCE_TARGET_OBJECT",
        DEFAULT_TARGET,
        "module:attribute that describes the service, if there is no --target-file",
    ),
    Option(
        "--paidonce-history",
        "PAIDONCE_HISTORY",
        "paidonce-histories",
        "folder in which every operation is recorded, one file a process and run",
    ),
    Option("--paidonce-run", "PAIDONCE_RUN", "load", "name of the run in the history"),
    Option("--paidonce-variant", "PAIDONCE_VARIANT", "", "which build of the service this is"),
    Option(
        "--contention",
        "PAIDONCE_CONTENTION",
        "",
        f"orders that Payer and Shopper users pick: {CONTENTIONS} (default: distinct)",
    ),
    Option("--max-orders", "PAIDONCE_MAX_ORDERS", "20000", "orders a process creates at most"),
    Option("--warmup", "PAIDONCE_WARMUP", "3", "seconds before anything is measured"),
    Option("--measure", "PAIDONCE_MEASURE", "", "seconds to measure (default: rest of --run-time)"),
    Option("--rate", "PAIDONCE_RATE", "0", "clients a second, answered or not (0: a closed loop)"),
    Option("--arrivals", "PAIDONCE_ARRIVALS", "poisson", "how they come: poisson or constant"),
    Option("--think", "PAIDONCE_THINK", "0.01", f"seconds between a user's requests: {SPREADS}"),
    Option("--client-timeout", "PAIDONCE_CLIENT_TIMEOUT", "15", "seconds a client waits"),
    Option(
        "--retries",
        "PAIDONCE_RETRIES",
        "",
        "times a client asks again, under the same idempotency key, for an answer that did not "
        "come, a 5xx or a payment in progress (default: 2 of Shopper, else 0 and no key)",
    ),
    Option("--seed", "PAIDONCE_SEED", "0", "seed of everything users decide by chance"),
)

FIXED = frozenset({"target_file", "target_object", "paidonce_history"})
"""Names of the options that Locust's web page may not change: whoever can open a page (or make a
browser on this machine send a form to it) must not choose files and modules."""


def command_line(values: Mapping[str, object]) -> list[str]:
    """``{"--seed": 3}`` as arguments. Raises ``KeyError`` on a flag that ``OPTIONS`` lacks."""
    known = {option.flag for option in OPTIONS}
    arguments = []
    for flag, value in values.items():
        if flag not in known:
            raise KeyError(flag)
        # One argument with "=": a value that begins with a dash stays a value.
        arguments.append(f"{flag}={value}")
    return arguments
