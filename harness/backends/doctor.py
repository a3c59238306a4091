"""The doctor: which of the things that paidonce can use are on this machine, and how to get the
others.

Nothing is started but ``--version`` commands, and nothing is waited for longer than
``SECONDS``; the Docker engine is asked for its version.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from paidonce.harness import __version__
from paidonce.harness.backends import localstripe, stripe_mock, wheels
from paidonce.harness.errors import PaidonceError, Unavailable
from paidonce.harness.extras import how_to_install, need

SECONDS = 10.0
CHROMIUM_VARIABLE = "PAIDONCE_CHROMIUM"
_CHROMIUM_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
)
_LOCALSTRIPE_VERSION = "from importlib.metadata import version; print(version('localstripe'))"
_RELEASED = {
    "18.0": datetime.date(2025, 9, 25),
    "18.1": datetime.date(2025, 11, 13),
    "18.2": datetime.date(2026, 2, 12),
    "18.3": datetime.date(2026, 2, 26),
    "18.4": datetime.date(2026, 5, 14),
}
"""When PostgreSQL was released (https://www.postgresql.org/about/newsarchive/). Fixes come at least
once every three months (https://www.postgresql.org/support/versioning/)."""
_VERSION = re.compile(r"\d+(?:\.\d+)+")


class ComponentState(msgspec.Struct, frozen=True, kw_only=True):
    """One component: whether it can be used, and if not, what to do about it.

    ``detail`` is where it is or what is wrong; ``remedy`` is empty when it is available.
    ``needed`` is False for what only some commands use.
    """

    component: str
    available: bool
    version: str = ""
    detail: str = ""
    remedy: str = ""
    needed: bool = False


def examine() -> tuple[ComponentState, ...]:
    """Look at every component, in the order a person should read them. Raises nothing."""
    return tuple(look() for look in _LOOKS)


def _python() -> ComponentState:
    fine = sys.version_info >= (3, 11)
    return ComponentState(
        component="python",
        available=fine,
        version=platform.python_version(),
        detail=sys.executable,
        remedy="" if fine else "Install Python 3.11 or newer",
        needed=True,
    )


def _postgres() -> ComponentState:
    component_state = _program(
        "embedded postgres", lambda: wheels.postgres_tool("postgres"), needed=True
    )
    released = _RELEASED.get(component_state.version)
    if released is None:
        return component_state
    age = _age((datetime.date.today() - released).days)
    return msgspec.structs.replace(
        component_state, detail=f"released {released:%Y-%m-%d}, {age}; {component_state.detail}"
    )


def _age(days: int) -> str:
    """Return how long ago so many days are, in months: a fix comes every three of them."""
    months = int(days / 30.4)
    if months < 1:
        return "less than a month ago"
    return f"{months} month{'s' if months > 1 else ''} ago"


def _pgbench() -> ComponentState:
    return _program("pgbench", lambda: wheels.postgres_tool("pgbench"))


def _isolationtester() -> ComponentState:
    return _program("isolationtester", lambda: wheels.postgres_tool("isolationtester"), "-V")


def _valkey() -> ComponentState:
    return _program("embedded redis", wheels.valkey_server, needed=True)


def _simulator() -> ComponentState:
    found = importlib.util.find_spec("paidonce.harness.simulator.__main__") is not None
    return ComponentState(
        component="Stripe simulator",
        available=found,
        version=__version__ if found else "",
        detail="part of paidonce" if found else "paidonce.harness.simulator cannot be run",
        remedy="" if found else "Install paidonce again",
        needed=True,
    )


def _stripe_mock() -> ComponentState:
    def find() -> tuple[str, Path]:
        binary = stripe_mock.find_stripe_mock()
        return stripe_mock.stripe_mock_version(binary), binary

    try:
        version, binary = find()
    except PaidonceError as error:
        return _missing("stripe-mock", error)
    return ComponentState(
        component="stripe-mock", available=True, version=version, detail=str(binary)
    )


def _localstripe() -> ComponentState:
    try:
        python = localstripe.find_localstripe()
        if python is None:
            how = (
                f"It is made on first use ({localstripe.environment_folder()}), or install "
                f"localstripe=={localstripe.VERSION} into a virtual environment of yours and name "
                f"its folder in {localstripe.VARIABLE}"
            )
            return ComponentState(
                component="localstripe", available=False, detail="not installed yet", remedy=how
            )
        version = _version_of("localstripe", python, "-Ic", _LOCALSTRIPE_VERSION)
    except PaidonceError as error:
        return _missing("localstripe", error)
    return ComponentState(
        component="localstripe", available=True, version=version, detail=str(python)
    )


def _docker() -> ComponentState:
    try:
        from paidonce.harness.backends.containers import engine_version

        version = engine_version()
    except PaidonceError as error:
        return _missing("docker", error)
    except ImportError as error:
        return ComponentState(
            component="docker",
            available=False,
            detail=str(error),
            remedy=f"Run {how_to_install('containers')}",
        )
    return ComponentState(
        component="docker", available=True, version=version, detail="engine answers"
    )


def _chromium() -> ComponentState:
    def find() -> Path:
        named = os.environ.get(CHROMIUM_VARIABLE)
        if named:
            if os.access(named, os.X_OK) and not Path(named).is_dir():
                return Path(named)
            problem = f"{CHROMIUM_VARIABLE}={named} is not a program"
            raise Unavailable("chromium", problem, "Set it to a Chromium or Chrome binary")
        return _on_path(
            "chromium",
            _CHROMIUM_NAMES,
            f"Install Chromium or Chrome, or set {CHROMIUM_VARIABLE} to its path",
        )

    return _program("chromium", find)


def _locust() -> ComponentState:
    try:
        version = importlib.metadata.version("locust")
    except importlib.metadata.PackageNotFoundError:
        return ComponentState(
            component="locust",
            available=False,
            detail="the Python package locust is not installed",
            remedy=f"Run {how_to_install('load')}",
        )
    return ComponentState(
        component="locust", available=True, version=version, detail="Python package"
    )


def _reference() -> ComponentState:
    try:
        need("reference")
    except Unavailable as error:
        return ComponentState(
            component="reference service",
            available=False,
            detail=error.problem,
            remedy=f"Run {how_to_install('reference')}",
        )
    return ComponentState(
        component="reference service",
        available=True,
        version=__version__,
        detail="part of paidonce, for its scenarios",
    )


def _node() -> ComponentState:
    remedy = "Install Node.js if you want to run the Node example"
    return _program("node", lambda: _on_path("node", ("node", "nodejs"), remedy))


def _go() -> ComponentState:
    remedy = "Install Go if you want to build stripe-mock"
    return _program("go", lambda: _on_path("go", ("go",), remedy), "version")


_LOOKS: tuple[Callable[[], ComponentState], ...] = (
    _python,
    _postgres,
    _valkey,
    _simulator,
    _stripe_mock,
    _localstripe,
    _docker,
    _reference,
    _locust,
    _pgbench,
    _isolationtester,
    _chromium,
    _node,
    _go,
)


def _on_path(component: str, names: Sequence[str], remedy: str) -> Path:
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise Unavailable(component, f"no {' or '.join(names)} on PATH", remedy)


def _program(
    component: str, find: Callable[[], Path], flag: str = "--version", *, needed: bool = False
) -> ComponentState:
    """Find a program and ask it for its version; one that cannot be run is not available."""
    try:
        path = find()
        version = _version_of(component, path, flag)
    except PaidonceError as error:
        return _missing(component, error, needed=needed)
    return ComponentState(
        component=component, available=True, version=version, detail=str(path), needed=needed
    )


def _version_of(component: str, path: Path, *flags: str) -> str:
    try:
        shown = subprocess.run(
            [str(path), *flags],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            component, f"{path} cannot be run ({error})", "Install it again"
        ) from None
    if shown.returncode != 0:
        said = " ".join((shown.stderr or shown.stdout).split())[:200]
        raise Unavailable(
            component,
            f"{path} {flags[0]} ended with {shown.returncode} ({said})",
            "Install it again",
        )
    match = _VERSION.search(shown.stdout + shown.stderr)
    return match.group() if match else "unknown"


def _missing(component: str, error: PaidonceError, *, needed: bool = False) -> ComponentState:
    if isinstance(error, Unavailable):
        detail, remedy = error.problem, error.remedy
    else:
        detail, remedy = str(error), "Correct the setting"
    return ComponentState(
        component=component, available=False, detail=detail, remedy=remedy, needed=needed
    )
