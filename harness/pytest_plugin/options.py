"""Options, ini keys and the marker: what a test is to do, checked. Imports nothing of weight."""

from __future__ import annotations

import dataclasses
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

WITNESS_SUFFIX = ".witness.json"
DEFAULT_BUDGET = "60s"
MODES = ("explore", "burst", "replay")
EXPECTATIONS = ("valid", "invalid", "any")
UNKNOWNS = ("skip", "fail")
REPORTS = "paidonce-report"

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}

# name: (metavar, what it is, what the ini key says instead)
_OPTIONS = {
    "target": ("PATH", "Target file of tests whose marker names none."),
    "variant": ("NAME", "Variant of tests whose marker names none, and of replayed witnesses."),
    "attempts": ("N", "How many come at once, instead of what markers and the file say."),
    "budget": ("TIME|N", "What each search may take: 30s, 2m, or a number of executions or bursts; "
               f"goes before markers. (default: {DEFAULT_BUDGET})"),
    "validate": ("TIME|N|off", "What may be spent on trying what a complete search relied on. "
                 "(default: as much time as the search took)"),
    "faults": ("N", "The most failures in one execution of a search, up to 3. (default: 0)"),
    "unknown": ("skip|fail", "What becomes of a test that could not be decided. (default: skip)"),
    "backends": ("SET", "embedded, container, or role=backend; see docs/backends.md. "
                 "(default: embedded, one server for the whole run)"),
    "out": ("DIR", f"Folder for witnesses and histories. (default: {REPORTS}/pytest-TIME)"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Budget:
    """The budget of a search: seconds, or a number of executions (of bursts)."""

    seconds: float | None = None
    count: int | None = None


@dataclasses.dataclass(frozen=True)
class CheckRequest:
    """The orders of one test. ``where`` names it in messages."""

    where: str
    mode: str
    target: Path | None
    variant: str | None
    attempts: int | None
    budget: Budget
    expect: str = "valid"
    witness: Path | None = None
    validate: str | None = None
    """The budget for trying what a complete search relied on, as it was given."""
    faults: int = 0
    """How many failures there are in an execution of a search at most."""


def declare(parser: pytest.Parser) -> None:
    """Every option has an ini key of the same name, with an underscore."""
    group = parser.getgroup("paidonce", "paidonce: races in payment services")
    for name, (metavar, text) in _OPTIONS.items():
        group.addoption(f"--paidonce-{name}", metavar=metavar, default=None, help=text)
        parser.addini(f"paidonce_{name}", f"As --paidonce-{name}.", default="")
    parser.addini(
        "paidonce_witnesses",
        f"Folders whose *{WITNESS_SUFFIX} files are regression tests, one each.",
        type="paths",
        default=[],
    )


# --- one value, wherever it is said --------------------------------------------------------------


def option(config: pytest.Config, name: str) -> str | None:
    """Return what the command line says."""
    given = config.getoption(f"paidonce_{name}", default=None)
    return str(given) if given else None


def ini(config: pytest.Config, name: str) -> str | None:
    """Return what the ini file says."""
    return str(config.getini(f"paidonce_{name}")) or None


def either(config: pytest.Config, name: str) -> tuple[str | None, str]:
    """The value, and where it was said."""
    given = option(config, name)
    if given is not None:
        return given, f"--paidonce-{name}"
    return ini(config, name), f"ini key paidonce_{name}"


def target_of(config: pytest.Config) -> Path | None:
    """The target file of the option (from here) or the ini file (from beside it)."""
    given = option(config, "target")
    if given is not None:
        return config.invocation_params.dir / given
    given = ini(config, "target")
    return None if given is None else home(config) / given


def unknown_of(config: pytest.Config) -> str:
    """``skip`` or ``fail``."""
    value, where = either(config, "unknown")
    return _one_of(value or "skip", UNKNOWNS, where)


def home(config: pytest.Config) -> Path:
    """Return the folder to which paths in the ini file are relative."""
    return config.rootpath if config.inipath is None else config.inipath.parent


def in_witness_folder(config: pytest.Config, path: Path) -> bool:
    """Return whether it lies below a folder of ``paidonce_witnesses``."""
    folders: list[Path] = config.getini("paidonce_witnesses")
    return any(path.is_relative_to(folder) for folder in folders)


# --- what a test is to do ------------------------------------------------------------------------

_KEYS = ("target", "variant", "attempts", "faults", "mode", "budget", "expect", "witness")


def wanted(config: pytest.Config, item: pytest.Item, mark: pytest.Mark | None) -> CheckRequest:
    """Return what the marker says, filled up by options and ini keys; without a marker just these.

    Raises ``pytest.UsageError``.

    Which service is tested is for the marker to say first; how hard it is tried, for the command
    line.
    """
    where = f"{item.nodeid}: {'paidonce_target' if mark is None else '@pytest.mark.paidonce'}"
    said: Mapping[str, Any] = {} if mark is None else mark.kwargs
    if mark is not None and mark.args:
        raise pytest.UsageError(f"{where}: expected keys, as in target='target.toml'; got "
                                f"{mark.args[0]!r}")  # fmt: skip
    for key in said:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; expected {', '.join(_KEYS)}"
            raise pytest.UsageError(f"{where}: unknown key {key!r}{hint}")
    witness = _path(said, "witness", item, where)
    mode = _one_of(said.get("mode", "explore" if witness is None else "replay"), MODES,
                   f"{where}, mode")  # fmt: skip
    if (mode == "replay") is (witness is None):
        raise pytest.UsageError(f"{where}: mode='replay' and witness='FILE' go together")
    target = _path(said, "target", item, where) or target_of(config)
    if target is None and witness is None and mark is not None:
        raise pytest.UsageError(
            f"{where}: no target: name one by target='FILE', --paidonce-target or the ini key "
            "paidonce_target"
        )
    if target is not None and not target.is_file():
        raise pytest.UsageError(f"{where}: target file {target} does not exist")
    return CheckRequest(
        where=where,
        mode=mode,
        target=target,
        variant=_text(said, "variant", where) or either(config, "variant")[0],
        attempts=_attempts(config, said, where),
        faults=_faults(config, said, where),
        budget=_budget(config, said, where),
        expect=_one_of(said.get("expect", "valid"), EXPECTATIONS, f"{where}, expect"),
        witness=witness,
        validate=either(config, "validate")[0],
    )


def of_witness(config: pytest.Config, path: Path, nodeid: str) -> CheckRequest:
    """Return what is to be done with a witness that was collected."""
    return CheckRequest(
        where=nodeid,
        mode="replay",
        target=target_of(config),
        variant=either(config, "variant")[0],
        attempts=None,
        budget=Budget(),
        witness=path,
    )


def budget_of(text: object, where: str) -> Budget:
    """``90s``, ``2m``, ``1h``, or a number of executions. Raises ``pytest.UsageError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(text).strip())
    unit = match.group(2) if match else ""
    number = float(match.group(1)) if match else 0.0
    if number <= 0 or (not unit and number != int(number)):
        raise pytest.UsageError(
            f"{where}: expected a time like 30s or 2m, or a number of executions, got {text!r}"
        )
    return Budget(seconds=number * _UNITS[unit]) if unit else Budget(count=int(number))


def _budget(config: pytest.Config, said: Mapping[str, Any], where: str) -> Budget:
    given = option(config, "budget")
    if given is not None:
        return budget_of(given, "--paidonce-budget")
    if "budget" in said:
        return budget_of(said["budget"], f"{where}, budget")
    return budget_of(ini(config, "budget") or DEFAULT_BUDGET, "ini key paidonce_budget")


def _attempts(config: pytest.Config, said: Mapping[str, Any], where: str) -> int | None:
    return _number(config, said, where, "attempts", range(2, 201))


def _faults(config: pytest.Config, said: Mapping[str, Any], where: str) -> int:
    return _number(config, said, where, "faults", range(4)) or 0


def _number(
    config: pytest.Config, said: Mapping[str, Any], where: str, name: str, allowed: range
) -> int | None:
    """A number of the command line, else of the marker, else of the ini file; None if of none."""
    given: Any = option(config, name)
    place = f"--paidonce-{name}"
    if given is None and said.get(name) is not None:
        given, place = said[name], f"{where}, {name}"
    if given is None:
        given, place = ini(config, name), f"ini key paidonce_{name}"
    if given is None:
        return None
    number = int(given) if str(given).isdecimal() else -1
    if number not in allowed:
        least, most = allowed[0], allowed[-1]
        raise pytest.UsageError(f"{place}: expected a number from {least} to {most}, got {given!r}")
    return number


def _one_of(value: object, choices: tuple[str, ...], where: str) -> str:
    if value not in choices:
        raise pytest.UsageError(f"{where}: expected one of {', '.join(choices)}, got {value!r}")
    return str(value)


def _text(said: Mapping[str, Any], key: str, where: str) -> str | None:
    value = said.get(key)
    if value is not None and not isinstance(value, str):
        raise pytest.UsageError(f"{where}, {key}: expected a text, got {value!r}")
    return value


def _path(said: Mapping[str, Any], key: str, item: pytest.Item, where: str) -> Path | None:
    """A file, relative to the folder of the test that names it."""
    value = said.get(key)
    if value is None:
        return None
    if not isinstance(value, str | Path) or not str(value):
        raise pytest.UsageError(f"{where}, {key}: expected a path, got {value!r}")
    return item.path.parent / value
