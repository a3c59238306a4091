"""The pytest plugin: tests that explore or burst a service, and witnesses as regression tests.

    @pytest.mark.paidonce(target="target.toml")
    def test_an_order_is_paid_once():
        pass

Registered on installation, so it is part of every pytest run of whoever has paidonce installed:
nothing of the harness is imported before a test asks for it. ``docs/pytest.md`` tells how to use
it.

Imports targets and explorations, within functions. pytest uses its hooks, and nobody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from paidonce.harness.pytest_plugin import options, run
from paidonce.harness.pytest_plugin.failures import CannotCheck, NotDecided, RaceFound, shown

if TYPE_CHECKING:
    from collections.abc import Generator

    from paidonce.harness.pytest_plugin.items import WitnessFile
    from paidonce.harness.pytest_plugin.result import Result
    from paidonce.harness.pytest_plugin.session import Target

__all__ = ["CannotCheck", "NotDecided", "RaceFound"]

MARKER = (
    "paidonce(target=..., variant=..., attempts=..., mode='explore'|'burst', budget='60s', "
    "expect='valid'|'invalid'|'any', witness=...): explore every interleaving of a target's "
    "attempts, or play them in bursts, before the body runs; see --paidonce-target."
)

_wanted = pytest.StashKey["options.CheckRequest"]()
_result = pytest.StashKey["Result"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The group "paidonce" of ``pytest --help``, and its keys for ini files."""
    options.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for ``--strict-markers`` and ``pytest --markers``."""
    config.addinivalue_line("markers", MARKER)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return which target is tested, where one is configured."""
    target = options.target_of(config)
    return None if target is None else f"paidonce: target {target}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Of pytest-xdist: what workers of one run have in common."""
    run.tell_worker(node)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> WitnessFile | None:
    """A witness is a test where it is named, or lies in a folder of ``paidonce_witnesses``."""
    if not file_path.name.endswith(options.WITNESS_SUFFIX):
        return None
    if not parent.session.isinitpath(file_path) and not options.in_witness_folder(
        parent.config, file_path
    ):
        return None
    from paidonce.harness.pytest_plugin.items import WitnessFile

    return WitnessFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what is wrong with a marker before anything runs."""
    for item in items:
        mark = item.get_closest_marker("paidonce")
        if mark is not None:
            item.stash[_wanted] = options.wanted(config, item, mark)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A marked test is checked first; its body runs if the verdict is as expected."""
    wanted = item.stash.get(_wanted, None)
    if wanted is not None:
        from paidonce.harness.pytest_plugin import judging

        judging.hold(_result_of(item), wanted, item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Failures of ours are told in our words, without the plugin's own frames."""
    report = yield
    if call.excinfo is not None and report.failed:
        told = shown(item, call.excinfo)
        if told is not None:
            report.longrepr = told
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was not decided, and why, so that a skipped check is not overlooked."""
    run.summarize(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Whatever was started for the run is stopped."""
    session = config.stash.get(run.SESSION, None)
    if session is not None:
        session.close()
    run.forget_run(config)


@pytest.fixture
def paidonce_target(request: pytest.FixtureRequest) -> Target:
    """The target of the test's marker, of --paidonce-target or of the ini file.

    Its methods ``explore``, ``burst`` and ``replay`` each return a result; see docs/pytest.md.
    """
    from paidonce.harness.pytest_plugin.session import Target, session_of

    item: pytest.Item = request.node
    try:
        wanted = item.stash.get(_wanted, None) or options.wanted(request.config, item, None)
    except pytest.UsageError as error:
        raise CannotCheck(str(error)) from None
    return Target(session_of(request.config), wanted, item.nodeid)


@pytest.fixture
def paidonce_result(request: pytest.FixtureRequest) -> Result:
    """Return the result of checking a test marked with ``paidonce``."""
    if request.node.stash.get(_wanted, None) is None:
        pytest.fail(
            "paidonce_result is for tests marked with @pytest.mark.paidonce; "
            "paidonce_target.explore() gives a result anywhere",
            pytrace=False,
        )
    return _result_of(request.node)


def _result_of(item: pytest.Item) -> Result:
    if _result not in item.stash:
        from paidonce.harness.pytest_plugin.session import Target, session_of

        target = Target(session_of(item.config), item.stash[_wanted], item.nodeid)
        item.stash[_result] = target.check()
    return item.stash[_result]
