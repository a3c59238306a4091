"""The machine's speed just now, so that runs made at different times can be compared.

What else a machine does changes from minute to minute, and a service is slower for it without
being worse. So each measurement of a repeated run is made beside one of something that never
changes: transactions of pgbench on a small table of their own, on the same server.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.postgres_admin import connect
from paidonce.harness.backends.shared import database_name
from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import PaidonceError
from paidonce.harness.process.child import Child

_CLIENTS = "4"
_GRACE_S = 60.0
# Of pgbench's own scripts, those that write leave rows behind and are slower with each run. Rows
# that leave room in their page for their next version are tidied up as they are read.
_TABLE = """
CREATE TABLE yardstick (id integer PRIMARY KEY, n integer NOT NULL)
  WITH (fillfactor = 10, autovacuum_enabled = off);
INSERT INTO yardstick SELECT id, 0 FROM generate_series(1, 200) AS id;
"""
_TRANSACTION = """\\set id random(1, 200)
BEGIN;
SELECT n FROM yardstick WHERE id = :id;
UPDATE yardstick SET n = n + 1 WHERE id = :id;
COMMIT;
"""


class Yardstick:
    """A database with a small table on ``server``; dropped when it is closed.

    ``log`` gets what pgbench says; the transaction is written beside it. Raises ``PaidonceError``.
    """

    def __init__(self, server: PostgresServer, log: Path) -> None:
        self._server = server
        self._log = log
        self._script = log.with_name("yardstick.sql")
        self._name = database_name("yardstick")
        self._url = server.create_database(self._name)
        try:
            with connect(self._url) as connection:
                connection.execute(_TABLE)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._script.write_text(_TRANSACTION)
        except BaseException:
            server.drop_database(self._name)
            raise

    def measure(self, seconds: int = 1) -> float:
        """Transactions a second, measured for so long. Raises ``PaidonceError``."""
        self._log.unlink(missing_ok=True)
        how = ["-n", "-M", "prepared", "-c", _CLIENTS, "-T", str(seconds), "-f", str(self._script)]
        with Child("pgbench", [postgres_tool("pgbench"), *how, self._url], log=self._log) as child:
            code = child.wait(seconds + _GRACE_S)
            said = child.output
        if code != 0:
            raise PaidonceError(f"pgbench ended with exit code {code}; it said: {said.strip()}")
        match = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
        if match is None or not float(match.group(1)):
            raise PaidonceError(f"pgbench measured nothing; it said: {said.strip()}")
        return float(match.group(1))

    def close(self) -> None:
        """Drop the database."""
        self._server.drop_database(self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
