"""Settings that a session asks for when it connects (manual, sections 20.1.4 and 54.7).

They are parameters of the startup message, or in its ``options``, as command-line arguments of the
server: ``-c name=value`` or ``--name=value``, a blank in a value after a backslash. Whatever a
session does not ask for, it has of its role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.roles import OTHERS
from paidonce.harness.explore.footprint.sql.timeouts import NAMES

_WORD = re.compile(r"(?:\\.|\S)+", re.DOTALL)


def settings_asked_for(startup: Mapping[str, str]) -> dict[str, str]:
    """The settings by name, in lower case; later ones take the place of earlier ones."""
    settings: dict[str, str] = {}
    words = [re.sub(r"\\(.)", r"\1", word) for word in _WORD.findall(startup.get("options", ""))]
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word = words.pop(0)
        elif word.startswith(("--", "-c")):
            word = word[2:]
        else:
            continue
        name, equals, value = word.partition("=")
        if equals:
            settings[_name(name)] = value
    settings |= {_name(name): value for name, value in startup.items() if name != "options"}
    return settings


def settings_at_first(startup: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """Return the settings that a session with these start-up parameters begins with, where they
    differ from those of the role that read the catalog."""
    asked = settings_asked_for(startup)
    role = asked.get("user", catalog.user)
    if role == catalog.user:
        return asked
    return {**catalog.roles.get(role, catalog.roles.get(OTHERS, {})), **asked}


def timeouts_of(asked: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """Return when the server gives up on a session that begins with ``asked``."""
    mine = asked.get("user", catalog.user) == catalog.user
    given = {name: value for name, value in asked.items() if name in NAMES}
    return {**catalog.timeouts, **given} if mine else given


def path_of(asked: Mapping[str, str], catalog: Catalog) -> tuple[str, ...] | None:
    """The search path that was asked for; None if none was."""
    if "search_path" not in asked:
        return None
    names = (name.strip().strip('"') for name in asked["search_path"].split(","))
    user = asked.get("user", catalog.user)
    return tuple(user if name == "$user" else name for name in names if name)


def _name(name: str) -> str:
    return name.strip().lower().replace("-", "_")
