"""Is the file of the shape that the format says? Errors name the key and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.json_schema import Mistake, mistake_in

_INSTEAD = {
    "method": "request",
    "path": "request",
    "url": "request",
    "environment": "env",
    "environ": "env",
    "cmd": "command",
    "run": "command",
    "workdir": "cwd",
    "directory": "cwd",
    "status": "expect",
    "data": "json",
    "payload": "json",
    "user": "as",
    "query": "sql",
    "assert": "check",
    "that": "check",
    "equals": "check",
    "event": "webhook",
    "once": "per",
    "for_each": "per",
    "processes": "process",
    "attempt": "attempts",
    "healthcheck": "ready",
    "max": "at_most",
    "min": "at_least",
    "exactly": "at_most",
}
"""The words that people write, and the format's own, where they are not alike."""

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


Path = tuple[str | int, ...]

_TABLES = ("process", "prepare", "attempts", "time", "invariants", "faults", "recover")
_NAMED = ("variants", "observe")


def convert(data: dict[str, Any], file: str) -> TargetFile:
    """The file as structs. Raises ``UsageError`` naming file, key and expectation."""
    problem = next(_unknown(data, msgspec.inspect.type_info(TargetFile), ()), None)
    if problem is not None:
        raise UsageError(f"{file}{problem}")
    try:
        return msgspec.convert(data, TargetFile)
    except msgspec.ValidationError as error:
        mistake = mistake_in(data)
        said = f": {error}" if mistake is None else _said(mistake, data)
        raise UsageError(f"{file}{said}") from None


def place(path: Path) -> str:
    """A path in the words of TOML: ``, [[process]] 2, env``; empty for the file itself."""
    words: list[str] = []
    for number, part in enumerate(path):
        following = path[number + 1] if number + 1 < len(path) else None
        if isinstance(part, int):
            listed = words.pop()
            table = listed.strip("[]") in _TABLES
            words.append(
                f"[[{listed.strip('[]')}]] {part + 1}" if table else f"{listed} {part + 1}"
            )
        elif number == 1 and path[0] in _NAMED and following is not None:
            words = [f"[{path[0]}.{part}]"]
        elif number == 0 and following is not None and not isinstance(following, int):
            words.append(f"[{part}]")
        else:
            words.append(part)
    return "".join(f", {word}" for word in words)


# --- unknown keys ------------------------------------------------------------------------------


def _unknown(data: Any, kind: msgspec.inspect.Type, path: Path) -> Iterator[str]:
    kind = _bare(kind)
    if isinstance(kind, msgspec.inspect.UnionType):
        structs = [k for k in map(_bare, kind.types) if isinstance(k, msgspec.inspect.StructType)]
        tuples = [k for k in map(_bare, kind.types) if isinstance(k, msgspec.inspect.VarTupleType)]
        if isinstance(data, dict) and structs:
            yield from _unknown(data, structs[0], path)
        elif isinstance(data, list) and tuples:
            yield from _unknown(data, tuples[0], path)
    elif isinstance(kind, msgspec.inspect.StructType) and isinstance(data, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        for key, value in data.items():
            if key not in fields:
                yield _stray(key, fields, path)
            else:
                yield from _unknown(value, fields[key], (*path, key))
    elif isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(data, list):
        for number, value in enumerate(data):
            yield from _unknown(value, kind.item_type, (*path, number))
    elif isinstance(kind, msgspec.inspect.DictType) and isinstance(data, dict):
        for key, value in data.items():
            yield from _unknown(value, kind.value_type, (*path, key))


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    return kind


def _stray(key: str, fields: dict[str, Any], path: Path) -> str:
    said = f"{place((*path, key))}: unknown key"
    top = {field.encode_name for field in msgspec.structs.fields(TargetFile)}
    instead = _INSTEAD.get(key)
    if instead in fields:
        example = " = 'POST /path'" if instead == "request" else ""
        return f"{said}; did you mean {instead}{example}?"
    near = difflib.get_close_matches(key, fields, n=1, cutoff=0.6)
    if near:
        return f"{said}; did you mean {near[0]}?"
    if path and key in top:
        return (
            f"{said}; {key} belongs at the top of the file: in TOML, before the first [table], or "
            "in a table of its own"
        )
    return f"{said}; known are {', '.join(fields)}"


# --- types and missing keys ----------------------------------------------------------------------


def _said(error: Mistake, data: dict[str, Any]) -> str:
    """A mistake in the words of a target file."""
    path, wanted = error.path, error.wanted
    match error.keyword:
        case "required":
            given = _at(data, path)
            return _lacking(next(key for key in wanted if key not in given), path)
        case "type":
            text = f"expected {_listed(error.types)}, got {_type_of(error.value)}"
        case "enum":
            text = f"unknown value {error.value!r}; expected one of {_quoted(wanted)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            number = "int" if error.types == ("integer",) else "float"
            text = f"expected {number} {_SIGNS[error.keyword]} {wanted:g}, got {error.value!r}"
        case "minItems":
            text = f"expected a list of {wanted} or more, got {len(error.value)}"
        case _:
            text = error.message
    about = _description(path)
    return f"{place(path)}: {text}{f' ({about})' if about else ''}"


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),  # which is an int as well
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
_SIGNS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _listed(types: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(_TYPES[kind] for kind in types))


def _type_of(value: Any) -> str:
    """Return the type of a value of a TOML file, in words."""
    kind = next((name for known, name in _KINDS if isinstance(value, known)), "")
    return _TYPES[kind] if kind else "a date or a time"


def _quoted(values: Any) -> str:
    return ", ".join(repr(value) for value in values if value != "")


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _lacking(key: str, path: Path) -> str:
    about = _description((*path, key))
    reasons = {
        "invariants": "what a service answers is not enough to judge it by; say what must hold "
        "of its database and of Stripe",
        "success": "say which answer tells an attempt that it worked",
        "attempts": "say who comes at the same time",
    }
    why = about or reasons.get(key, "")
    shape = {"attempts": "[[attempts]]", "invariants": "[[invariants]]", "success": "[success]"}
    named = shape.get(key, key) if not path else key
    table = place((*path, key)).rpartition(", ")[0]
    return f"{table}: {named} is missing{f': {why}' if why else ''}"


def _description(path: Path) -> str:
    """Return what the format says of the key at ``path``, or nothing."""
    kind: msgspec.inspect.Type = msgspec.inspect.type_info(TargetFile)
    about = ""
    for part in path:
        kind = _inner(kind)
        if isinstance(kind, msgspec.inspect.StructType):
            fields = {field.encode_name: field.type for field in kind.fields}
            if part not in fields:
                return ""
            kind = fields[str(part)]
        elif isinstance(kind, msgspec.inspect.VarTupleType):
            kind = kind.item_type
        elif isinstance(kind, msgspec.inspect.DictType):
            kind = kind.value_type
        extra = kind.extra_json_schema if isinstance(kind, msgspec.inspect.Metadata) else None
        about = (extra or {}).get("description", about if isinstance(part, int) else "")
    return about


def _inner(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The struct, list or table in it, where there is one."""
    kind = _bare(kind)
    if isinstance(kind, msgspec.inspect.UnionType):
        wanted = (
            msgspec.inspect.StructType,
            msgspec.inspect.VarTupleType,
            msgspec.inspect.DictType,
        )
        return next((k for k in map(_bare, kind.types) if isinstance(k, wanted)), kind)
    return kind
