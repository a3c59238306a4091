"""Stripe's form encoding: nested values in ``application/x-www-form-urlencoded``.

``metadata[order_id]=x`` is a mapping, ``expand[]=latest_charge`` appends to a list, and
``expand[0]=latest_charge`` is what Stripe's own libraries send for the same. A numbered key is
decoded as a mapping with the key ``"0"``, because only the parameter's meaning tells a list from
a mapping that has numbers for keys (``metadata[0]=x``); ``as_list`` reads either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote_plus, unquote

Value = str | dict[str, "Value"] | list["Value"]
Form = dict[str, Value]

MAX_DEPTH = 10
MAX_FIELDS = 1000

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")


class FormError(ValueError):
    """The text is not a form, or its keys contradict each other."""


def decode(text: bytes | str) -> Form:
    """The nested values a form stands for; of a scalar given twice, the last wins.

    Raises ``FormError`` for text that is not UTF-8, a key that is a scalar in one place and
    nested in another, more than ``MAX_DEPTH`` levels, or more than ``MAX_FIELDS`` fields.
    """
    if not text:
        return {}
    try:
        raw = text.decode() if isinstance(text, bytes) else text
        pairs = fields(raw)
    except UnicodeDecodeError as error:
        raise FormError("the parameters are not valid UTF-8") from error
    form: Form = {}
    for key, value in pairs:
        if "[" in key or "]" in key:
            _insert(form, _path(key), value, key)
        elif key in form and not isinstance(form[key], str):
            raise _contradiction(key)
        else:
            form[key] = value
    return form


@lru_cache(maxsize=1024)
def _path(key: str) -> tuple[str, ...]:
    """The steps of a nested key; requests have the same ones again and again."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise FormError(f"the parameter name '{key}' has unbalanced brackets")
    path = (match[1], *match[2][1:-1].split("]["))
    if len(path) > MAX_DEPTH:
        raise FormError(f"the parameter '{key}' is nested more than {MAX_DEPTH} levels deep")
    return path


def fields(text: str) -> list[tuple[str, str]]:
    """The names and values in a form, as ``urllib.parse.parse_qsl`` has them, in half the time.

    Raises ``UnicodeDecodeError`` for escapes that are not UTF-8, ``FormError`` for too many.
    """
    if text.count("&") >= MAX_FIELDS:
        raise FormError(f"there are more than {MAX_FIELDS} parameters")
    if "+" in text:
        text = text.replace("+", " ")
    found = []
    for field in text.split("&"):
        if field:
            name, _, value = field.partition("=")
            if "%" in field:
                name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
            found.append((name, value))
    return found


def _insert(form: Form, path: tuple[str, ...], value: str, key: str) -> None:
    """Put ``value`` at ``path``, where an empty step means: at the end of the list there."""
    if len(path) == 2 and path[1] == "":
        items = form.setdefault(path[0], [])
        if not isinstance(items, list):
            raise _contradiction(key)
        items.append(value)
        return
    here: dict[str, Value] = form
    step = 0
    while True:
        name = path[step]
        rest = path[step + 1 :]
        if not rest:
            if isinstance(here.get(name), dict | list):
                raise _contradiction(key)
            here[name] = value
            return
        if rest[0] != "":
            inner = here.setdefault(name, {})
            if not isinstance(inner, dict):
                raise _contradiction(key)
            here, step = inner, step + 1
            continue
        items = here.setdefault(name, [])
        if not isinstance(items, list):
            raise _contradiction(key)
        if len(rest) == 1:
            items.append(value)
            return
        # a[][b]=1&a[][c]=2 fills one mapping; a key it already has begins the next.
        last = items[-1] if items else None
        if not isinstance(last, dict) or rest[1] in last:
            last = {}
            items.append(last)
        here, step = last, step + 2
        if path[step] == "":
            raise FormError(f"the parameter name '{key}' nests a list directly in a list")


def as_list(value: Value) -> list[Value] | None:
    """``value`` read as a list: one already, or a mapping whose keys are 0, 1, 2 …; else None."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return None


def encode(form: Mapping[str, object]) -> bytes:
    """A form from nested mappings, sequences and scalars; lists are numbered.

    Booleans become ``true`` and ``false``, None an empty string, which is how Stripe is told to
    unset something. Empty mappings and sequences have no representation and vanish.
    """
    fields: list[str] = []
    for key, value in form.items():
        _encode(quote_plus(key), value, fields)
    return "&".join(fields).encode()


def _encode(name: str, value: object, fields: list[str]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _encode(f"{name}[{quote_plus(str(key))}]", inner, fields)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            _encode(f"{name}[{index}]", inner, fields)
    else:
        fields.append(f"{name}={quote_plus(_scalar(value))}")


def _scalar(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _contradiction(key: str) -> FormError:
    return FormError(f"the parameter '{key}' is given both as a single value and as a nested one")
