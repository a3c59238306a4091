"""One Postgres and one Valkey for a whole test run, whichever way it is spread over workers."""

from __future__ import annotations

import os
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

_TOGETHER = {
    "tests/reference_service/test_reference_races": "reference",
    "tests/reference_service/test_reference_faults": "reference",
    "tests/reference_service/test_reference_every_guard": "reference",
}
"""Files whose tests share what is started once in a run."""
_APART = ("tests/fuzz_services/",)
"""Tests that take long, and share next to nothing."""
_LONGEST = (
    "tests/examples/",
    "tests/explore/test_exploration",
    "tests/fuzz_services/",
    "tests/reference_service/",
    "tests/predict/test_predict_ref",
    "tests/explore/hard/",
    "tests/cli/test_cli_step",
    "tests/targets/test_target_played",
    "tests/explore/test_search_programs",
    "scenarios/",
)


def pytest_configure(config: pytest.Config) -> None:
    # A run that a script put into the background ignores Ctrl-C, and so would all it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # In the order of `pytest_collection_modifyitems`, not with the largest file first.
    config.option.loadscopereorder = False
    worker = hasattr(config, "workerinput")
    if worker or config.option.collectonly or config.option.help:
        return
    config.stash[_servers] = ExitStack()
    config.stash[_servers].enter_context(shared_servers())


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist writes groups into names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A worker makes all tests of a file: what they share is then started once, not by each worker.
    for item in items:
        file = item.nodeid.split("::")[0].removesuffix(".py")
        if item.get_closest_marker("xdist_group") is None and not file.startswith(_APART):
            item.add_marker(pytest.mark.xdist_group(_TOGETHER.get(file, file)))

    # What takes longest begins first, else one worker is busy with it when the others are done.
    def place(item: pytest.Item) -> int:
        found = (n for n, name in enumerate(_LONGEST) if item.nodeid.startswith(name))
        return next(found, len(_LONGEST))

    items.sort(key=place)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_servers, None)
    if servers is not None:
        servers.close()


@pytest.hookimpl
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    # Tests wait about as long as they compute, for processes that start and for servers.
    return (os.cpu_count() or 1) + 1
