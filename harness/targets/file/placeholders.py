"""Placeholders: ``{name}`` in the texts of a target file, and what they are replaced with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paidonce.harness.errors import PaidonceError

SURROUNDINGS = (
    "postgres_url",
    "postgres_host",
    "postgres_port",
    "postgres_database",
    "postgres_user",
    "postgres_password",
    "redis_url",
    "redis_host",
    "redis_port",
    "redis_database",
    "stripe_url",
    "stripe_host",
    "stripe_port",
    "stripe_tls_url",
    "stripe_proxy",
    "ca_bundle",
    "stripe_key",
    "webhook_secret",
    "host",
    "port",
    "variant",
    "python",
    "dir",
)
"""The places that commands and environments may use. ``port`` is a free one, of the process."""

TLS = ("stripe_tls_url", "stripe_proxy", "ca_bundle")
"""Ways in to the Stripe tap by TLS: an address, a proxy, and the certificates to trust."""

OF_AN_ATTEMPT = ("attempt", "n", "run", "fresh")
"""The places of steps besides captured values: the attempt's name, its number from 1, a text of
its own for each execution, and one that is new each time."""

MADE_UP = ("uuid",)
"""The places of steps as well, unless something was captured under that name: a random UUID, new
each time."""

_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


class NoSuchPlace(PaidonceError):
    """A placeholder has no value (yet): a defect of the target file that only shows when played."""


def names_in(value: Any) -> list[str]:
    """The names of all placeholders in a text, or in the texts within tables and lists."""
    if isinstance(value, str):
        return [match.group(1) for match in _PLACE.finditer(value) if match.group(1)]
    if isinstance(value, Mapping):
        return [name for pair in value.items() for one in pair for name in names_in(one)]
    if isinstance(value, list | tuple):
        return [name for one in value for name in names_in(one)]
    return []


def filled(text: str, values: Mapping[str, Any], where: str) -> str:
    """``text`` with placeholders replaced; ``{{`` and ``}}`` are braces.

    Where braces are written once, as in GraphQL or JSON, ``}}`` is two of them.

    Raises ``NoSuchPlace`` naming ``where`` and the names there are.
    """
    as_written = "{{" not in text and "{" in _PLACE.sub("", text)

    def value(found: re.Match[str]) -> str:
        if found.group(1) is None:
            return found.group() if as_written else found.group()[0]
        return str(_value(found.group(1), values, where))

    return _PLACE.sub(value, text)


def filled_deep(value: Any, values: Mapping[str, Any], where: str) -> Any:
    """Tables and lists with all texts filled; a text that is one placeholder keeps its type."""
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole is not None and whole.group(1) is not None:
            return _value(whole.group(1), values, where)
        return filled(value, values, where)
    if isinstance(value, Mapping):
        return {
            filled(str(key), values, where): filled_deep(one, values, where)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [filled_deep(one, values, where) for one in value]
    return value


def as_parameters(query: str, values: Mapping[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """A query with ``{name}`` as parameters of psycopg, and their values."""
    used: dict[str, Any] = {}

    def parameter(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return found.group()[0]
        used[name] = _value(name, values, where)
        return f"%({name})s"

    return _PLACE.sub(parameter, query.replace("%", "%%")), used


def as_sql(query: str) -> str:
    """A query with ``{name}`` as parameters of Postgres (``$1``), for who reads what it does and
    not to which row.

    They have no values there. NULL would have one: no row has a column that is equal to it.
    """
    numbers: dict[str, int] = {}

    def parameter(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return found.group()[0]
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PLACE.sub(parameter, query)


def _value(name: str, values: Mapping[str, Any], where: str) -> Any:
    if name not in values:
        known = ", ".join("{" + one + "}" for one in sorted(values)) or "none"
        raise NoSuchPlace(f"{where}: {{{name}}} has no value; known are {known}")
    return values[name]
