"""Settings of a whole test run, the same for all workers of one. Imports nothing of weight."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from paidonce.harness.pytest_plugin.options import REPORTS, either, home, ini, option, unknown_of

PROPERTY = "paidonce"
"""Name of the property by which a test's report says what its check came to."""
SESSION = pytest.StashKey[Any]()
"""The ``RaceSession`` of a run, which is made when the first test asks for it."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of the whole run. ``shared`` is the folder workers of one run have in common."""

    out: Path
    unknown: str
    backends: str | None
    shared: Path | None


_shared = pytest.StashKey[Path]()
_out = pytest.StashKey[Path]()


def settings(config: pytest.Config) -> Settings:
    """Return the settings of the run; a worker of pytest-xdist is told by the process that owns
    it."""
    told: Mapping[str, Any] = getattr(config, "workerinput", {})
    shared = told.get("paidonce_shared")
    return Settings(
        out=Path(told["paidonce_out"]) if told else _folder(config),
        unknown=unknown_of(config),
        backends=either(config, "backends")[0],
        shared=None if shared is None else Path(shared),
    )


def tell_worker(node: Any) -> None:
    """Put into a worker's input what all of them have in common; nothing is made yet."""
    config: pytest.Config = node.config
    if _shared not in config.stash:
        name = f"paidonce-run-{secrets.token_hex(8)}"
        config.stash[_shared] = Path(tempfile.gettempdir()) / name
    node.workerinput["paidonce_shared"] = str(config.stash[_shared])
    node.workerinput["paidonce_out"] = str(_folder(config))


def forget_run(config: pytest.Config) -> None:
    """Remove the folder that workers had in common, once they are gone."""
    shared = config.stash.get(_shared, None)
    if shared is not None:
        shutil.rmtree(shared, ignore_errors=True)


def _folder(config: pytest.Config) -> Path:
    if _out not in config.stash:
        given = option(config, "out")
        configured = ini(config, "out")
        if given is not None:
            folder = config.invocation_params.dir / given
        elif configured is not None:
            folder = home(config) / configured
        else:
            stamp = datetime.datetime.now().strftime("pytest-%Y-%m-%d_%H-%M-%S-%f")[:-3]
            folder = config.rootpath / REPORTS / stamp
        config.stash[_out] = folder
    return config.stash[_out]


def summarize(reporter: pytest.TerminalReporter) -> None:
    """List what was not decided."""
    open_ones = [
        (report.nodeid, str(value))
        for report in reporter.getreports("skipped")
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    ]
    if open_ones:
        reporter.write_sep("-", "paidonce: not decided")
        for nodeid, text in open_ones:
            reporter.write_line(f"{nodeid}: {text}")
