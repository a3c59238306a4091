"""The format as a JSON schema: the same structs, told to an editor, and asked what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from paidonce.harness.targets.file.format import TargetFile

if TYPE_CHECKING:
    from jsonschema import ValidationError

_REFERENCES = "#/$defs/"


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file is not as its schema says: at which ``path``, by which ``keyword`` of JSON
    schema, which says ``wanted``, and with which ``value``.

    ``types`` are those the schema allows there. ``message`` is the validator's own sentence.
    """

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    value: Any
    types: tuple[str, ...] = ()
    message: str = ""


def mistake_in(data: dict[str, Any]) -> Mistake | None:
    """Return the first mistake in ``data``, what is there before what is missing; None if the
    schema has nothing against it."""
    # It takes longer to import than all else that reads a file, and most files are right.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # To msgspec 3.0 is no whole number.
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    described: dict[str, Any] = msgspec.json.schema(TargetFile)
    validator = extend(Draft202012Validator, type_checker=types)(described)
    errors = [_innermost(error) for error in validator.iter_errors(data)]
    errors.sort(key=lambda error: error.validator == "required")
    return next((_mistake(error, described) for error in errors), None)


def _innermost(error: ValidationError) -> ValidationError:
    """Of a value that may be of several kinds, what is wrong with it as one of its own kind."""
    while error.validator == "anyOf":
        fitting = [
            inner for inner in error.context if inner.validator != "type" or inner.relative_path
        ]
        if not fitting:
            return error
        error = fitting[0]
    return error


def _mistake(error: ValidationError, described: dict[str, Any]) -> Mistake:
    types = tuple(dict.fromkeys(_types(error.schema, described)))
    # None of the kinds it may be of: what is wrong is its type.
    several = error.validator == "anyOf"
    return Mistake(
        path=tuple(error.absolute_path),
        keyword="type" if several else str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        types=types,
        message=error.message,
    )


def _types(schema: dict[str, Any], described: dict[str, Any]) -> Iterator[str]:
    """The types that a schema allows, those of all its alternatives."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(_REFERENCES)
        yield from _types(described["$defs"][name], described)
    for alternative in schema.get("anyOf", ()):
        yield from _types(alternative, described)
    kinds = schema.get("type", ())
    yield from (kinds,) if isinstance(kinds, str) else kinds


def schema() -> str:
    """The JSON schema (draft 2020-12) of target files, as text."""
    found: dict[str, Any] = msgspec.json.schema(TargetFile)
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A target of paidonce",
        **found,
    }
    # Docstrings mark code as reStructuredText does.
    return json.dumps(found, indent=2, ensure_ascii=False).replace("``", "`") + "\n"
