"""One Postgres and one Valkey for a whole test run, whichever way it is spread over workers."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest

from harness.backends.shared import shared_servers

_servers = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    # A run that a script put into the background ignores Ctrl-C, and so would all it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = hasattr(config, "workerinput")
    if worker or config.option.collectonly or config.option.help:
        return
    config.stash[_servers] = ExitStack()
    config.stash[_servers].enter_context(shared_servers())


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_servers, None)
    if servers is not None:
        servers.close()
