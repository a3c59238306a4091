"""Finds the description of the service under load: a JSON file, or an object in a module."""

from __future__ import annotations

import importlib
from pathlib import Path

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import UsageError
from paidonce.harness.service.description import Target


def write_target(target: Target, path: Path) -> None:
    """Write ``target`` so that ``load_target`` reads the same one back."""
    path.write_bytes(msgspec.json.encode(target))


def load_target(file: str, name: str) -> Target:
    """The target in ``file`` (JSON) or, if that is empty, the object ``name`` ("module:attribute").

    The module is imported only here, at run time, so that the harness does not depend on what
    it tests. Raises ``UsageError`` that names the file or object and what was expected.
    """
    return _from_file(Path(file)) if file else _from_module(name)


def _from_file(path: Path) -> Target:
    try:
        return decode_json(path.read_bytes(), Target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"target file {path} cannot be read: {reason}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"target file {path} does not describe a target: {error}") from error


def _from_module(name: str) -> Target:
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise UsageError(f"target object: expected module:attribute, got {name!r}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"target object {name}: cannot import {module_name} ({error})") from error
    found = getattr(module, attribute, None)
    if not isinstance(found, Target):
        raise UsageError(
            f"target object {name}: {attribute} is not a "
            "paidonce.harness.service.description.Target"
        )
    return found
