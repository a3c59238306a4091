"""The settings that ALTER ROLE and ALTER DATABASE give to sessions of other roles than ours.

Of one's own role the server tells it when one is connected. A service may connect as another, and
then has what was set for that (manual, sections 20.1.3 and 53.14 ``pg_db_role_setting``): for the
role in this database, or else for the role, or else for the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from paidonce.harness.explore.footprint.sql.timeouts import NAMES

Settings = Mapping[str, str]

OTHERS = ""
"""Stands for all roles for which nothing was set."""
_ISOLATION = "default_transaction_isolation"

_SET = """
SELECT coalesce(r.rolname::text, '') AS role, split_part(one, '=', 1) AS name,
       substr(one, strpos(one, '=') + 1) AS value
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS one
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND (s.setrole = 0 OR r.oid IS NOT NULL)
ORDER BY s.setrole <> 0, s.setdatabase <> 0
"""
_MINE = """
SELECT name, setting FROM pg_settings
WHERE name = ANY (%s) AND source NOT IN ('user', 'database user')
"""


def settings_of_roles(connection: psycopg.Connection[Any]) -> dict[str, Settings]:
    """Return the settings that sessions of each role begin with, as far as they were set for the
    role or the database.

    ``OTHERS`` is among them. What the server's own configuration says of the isolation level, and
    of the times after which it gives up, cannot be seen by a role for which it was set otherwise;
    it is taken to be the default then.
    """
    found: dict[str, dict[str, str]] = {OTHERS: {}}
    of_all = dict(connection.execute(_MINE, ([_ISOLATION, *NAMES],)).fetchall())
    found[OTHERS] |= of_all
    for role, name, value in connection.execute(_SET):
        found.setdefault(role, dict(found[OTHERS]))[name] = value
    found[OTHERS].setdefault(_ISOLATION, "read committed")
    of_all = {_ISOLATION: found[OTHERS][_ISOLATION], **{n: found[OTHERS][n] for n in of_all}}
    return {role: of_all | each for role, each in found.items()}
