"""Is the file of the shape that the format says? Errors name the key and what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.targets.format import TargetFile

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
"""What people write, and what the format calls it, where the words are not alike."""

_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


Path = tuple[str | int, ...]

_TABLES = ("process", "prepare", "attempts", "invariants")
_NAMED = ("variants", "observe")


def convert(data: dict[str, Any], file: str) -> TargetFile:
    """The file as structs. Raises ``UsageError`` naming file, key and expectation."""
    problem = next(_unknown(data, msgspec.inspect.type_info(TargetFile), ()), None)
    if problem is not None:
        raise UsageError(f"{file}{problem}")
    try:
        return msgspec.convert(data, TargetFile)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}{_said(str(error), data)}") from None


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


def _said(message: str, data: dict[str, Any]) -> str:
    """A message of msgspec's in the words of a target file."""
    text, _, where = message.partition(" - at `")
    if text.startswith("Invalid enum value"):
        text = text.replace("Invalid enum value", "unknown value")
    path = _named(_path(where.rstrip("`")), data, message) if where else ()
    missing = re.fullmatch(r"Object missing required field `(\w+)`", text)
    if missing:
        return _lacking(missing.group(1), path)
    wrong = re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", text)
    if wrong:
        expected = " or ".join(_TYPES.get(t.strip(), t.strip()) for t in wrong[1].split("|"))
        text = f"expected {expected}, got {_TYPES.get(wrong[2], wrong[2])}"
    else:
        text = text[:1].lower() + text[1:].replace("`", "")
    about = _description(path)
    return f"{place(path)}: {text}{f' ({about})' if about else ''}"


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


def _path(text: str) -> tuple[str | int, ...]:
    """``$.process[0].env`` as keys and numbers; ``[...]`` stands for a key of the user's."""
    found: list[str | int] = []
    for part in re.findall(r"\.([\w-]+)|\[(\d+|\.\.\.)\]", text):
        if part[0]:
            found.append(part[0])
        else:
            found.append(int(part[1]) if part[1] != "..." else "...")
    return tuple(found)


def _named(path: Path, data: dict[str, Any], message: str) -> Path:
    """``path`` with the user's own names, which msgspec does not tell."""
    while "..." in path:
        at = path.index("...")
        inside: Any = data
        for part in path[:at]:
            inside = inside[part]
        found = next(name for name in inside if _fails_so(data, path[:at], name, message))
        path = (*path[:at], found, *path[at + 1 :])
    return path


def _fails_so(data: Any, path: Path, name: str, message: str) -> bool:
    """Whether the message is the same with no other name than this one at ``path``."""
    try:
        msgspec.convert(_only(data, path, name), TargetFile)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _only(data: Any, path: Path, name: str) -> Any:
    if not path:
        return {name: data[name]}
    key, *rest = path
    copy: Any = list(data) if isinstance(data, list) else dict(data)
    copy[key] = _only(data[key], tuple(rest), name)
    return copy


def _description(path: Path) -> str:
    """What the format says of the key at ``path``, or nothing."""
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
