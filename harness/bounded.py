"""Reads what others wrote within bounds: files a person names, JSON a service answers; and writes
what others said, whatever it is.

Whatever is in them costs a bounded amount of memory and ends in one message, never in a traceback.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, overload

import msgspec

from paidonce.harness.errors import UsageError

T = TypeVar("T")

MOST_BYTES = 256 * 2**20
"""Of a file that is read in one piece: the largest results of a real proof have a hundredth."""
_TOO_DEEP = "it is nested too deeply to be read"


def read_file(path: Path) -> bytes:
    """Return what is in the file.

    Raises ``OSError``, and ``UsageError`` where it is more than ``MOST_BYTES``.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"{path} has more than {MOST_BYTES >> 20} MiB; none of paidonce's files is so large"
        )
    return data


@overload
def decode_json(data: bytes | str) -> Any: ...


@overload
def decode_json(data: bytes | str, kind: type[T]) -> T: ...


def decode_json(data: bytes | str, kind: Any = Any) -> Any:
    """Return what the JSON text says, as a ``kind``.

    Raises ``msgspec.MsgspecError``, ``msgspec.DecodeError`` also where it is nested too deeply.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise msgspec.DecodeError(_TOO_DEEP) from None


def encode_json(value: Any) -> bytes:
    """Return ``value`` as JSON.

    Bytes that are no UTF-8 (a database in LATIN1, what a script of Redis made up) are surrogates in
    texts that were read from a socket, which JSON cannot hold: they are written as ``\\udcff``.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_writable(msgspec.to_builtins(value)))


def _writable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_writable(key): _writable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_writable(inner) for inner in value]
        case _:
            return value


def decode_toml(data: bytes) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises ``UnicodeDecodeError`` and ``tomllib.TOMLDecodeError``, the latter also where it is
    nested too deeply.
    """
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        raise tomllib.TOMLDecodeError(_TOO_DEEP) from None
