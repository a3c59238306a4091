"""One Postgres and one Valkey for a whole test run, whichever way it is spread over workers."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from paidonce.harness.backends.shared import shared_servers

_servers = pytest.StashKey[ExitStack]()

# The same examples in every run, however slow the machine: a red test is then a change's doing.
# `make test-slow` tries others each time.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _UNHURRIED, derandomize=True)
settings.register_profile("other", _UNHURRIED)
settings.load_profile("same")

_LONGEST = (
    "tests/examples/",
    "tests/explore/test_exploration",
    "tests/predict/test_predict_ref",
    "scenarios/slow_",
)


def pytest_configure(config: pytest.Config) -> None:
    # A run that a script put into the background ignores Ctrl-C, and so would all it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = hasattr(config, "workerinput")
    if worker or config.option.collectonly or config.option.help:
        return
    config.stash[_servers] = ExitStack()
    config.stash[_servers].enter_context(shared_servers())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes longest begins first, else one worker is busy with it when the others are done.
    def place(item: pytest.Item) -> int:
        found = (n for n, name in enumerate(_LONGEST) if item.nodeid.startswith(name))
        return next(found, len(_LONGEST))

    items.sort(key=place)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_servers, None)
    if servers is not None:
        servers.close()
