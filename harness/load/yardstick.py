"""How fast the machine is just now, so that runs made at different times can be compared.

What else a machine does changes from minute to minute, and a service is slower for it without
being worse. So each measurement of a repeated run is made beside one of something that never
changes: pgbench's simple-update transactions on a small database of their own, on the same server.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from harness.backends.base import PostgresServer
from harness.backends.shared import database_name
from harness.backends.wheels import postgres_tool
from harness.errors import PaidonceError
from harness.process.child import Child

_SCALE, _CLIENTS = "1", "4"
_GRACE_S = 60.0


class Yardstick:
    """A database with pgbench's tables on ``server``; dropped when it is closed."""

    def __init__(self, server: PostgresServer, log: Path) -> None:
        self._server = server
        self._log = log
        self._name = database_name("yardstick")
        self._url = server.create_database(self._name)
        try:
            self._run(["-i", "-q", "-s", _SCALE], _GRACE_S)
        except BaseException:
            server.drop_database(self._name)
            raise

    def measure(self, seconds: int = 1) -> float:
        """Transactions a second, measured for so long. Raises ``PaidonceError``."""
        said = self._run(
            ["-n", "-N", "-M", "prepared", "-c", _CLIENTS, "-T", str(seconds)], seconds + _GRACE_S
        )
        found = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
        if found is None or not float(found.group(1)):
            raise PaidonceError(f"pgbench measured nothing; it said: {said.strip()}")
        return float(found.group(1))

    def close(self) -> None:
        """Drop the database."""
        self._server.drop_database(self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, arguments: list[str], seconds: float) -> str:
        self._log.unlink(missing_ok=True)
        with Child(
            "pgbench", [postgres_tool("pgbench"), *arguments, self._url], log=self._log
        ) as child:
            code = child.wait(seconds)
            said = child.output
        if code != 0:
            raise PaidonceError(f"pgbench ended with exit code {code}; it said: {said.strip()}")
        return said
