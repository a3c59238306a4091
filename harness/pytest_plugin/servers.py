"""The servers of a test run: started when first needed, one of each for all workers.

The workers of pytest-xdist come to an agreement by a folder they have in common: whoever needs
the servers first starts them and writes their addresses there. Everybody who uses them holds a
shared lock on a file; who started them stops them once he gets that lock for himself alone. Locks
are the operating system's (flock), so those of a worker that died are gone with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, shared_servers
from paidonce.harness.explore.regression import shared_choice
from paidonce.harness.testbed.stack import Choice


class Servers:
    """Postgres and Redis of this run. ``shared`` is the workers' folder, None without workers."""

    def __init__(self, shared: Path | None) -> None:
        self._shared = shared
        self._exits: contextlib.ExitStack | None = None

    def choice(self) -> Choice:
        """The servers, started if nobody did yet. Raises ``Unavailable``."""
        if self._exits is None:
            self._exits = contextlib.ExitStack()
            try:
                self._open(self._exits)
            except BaseException:
                self.close()
                raise
        return shared_choice()

    def close(self) -> None:
        """Let go of them; whoever started them waits for the others and stops them."""
        if self._exits is not None:
            self._exits.close()
            self._exits = None

    def _open(self, exits: contextlib.ExitStack) -> None:
        named = os.environ.get(POSTGRES_VARIABLE) and os.environ.get(REDIS_VARIABLE)
        if self._shared is None or named:
            exits.enter_context(shared_servers())
            return
        self._shared.mkdir(mode=0o700, exist_ok=True)
        users = exits.enter_context((self._shared / "users.lock").open("a"))
        state = self._shared / "servers.json"
        with (self._shared / "turn.lock").open("a") as turn:
            # Who stops the servers has "users" for himself alone until that is done.
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            owner = exits.enter_context((self._shared / "owner.lock").open("a"))
            if self._owned(owner):
                # Nobody owns them: there are none, or their owner died and they with it.
                addresses = exits.enter_context(shared_servers())
                state.write_text(json.dumps(addresses))
                exits.callback(_last, users, state)
            else:
                addresses = json.loads(state.read_text())
                for name, url in addresses.items():
                    exits.enter_context(_named(name, url))

    @staticmethod
    def _owned(owner: IO[str]) -> bool:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _last(users: IO[str], state: Path) -> None:
    """Wait until nobody else uses them. Raises nothing: the lock of who died is free."""
    fcntl.flock(users, fcntl.LOCK_EX)
    state.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(name: str, url: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = url
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
