"""A result against what the test expects: passed, skipped or failed."""

from __future__ import annotations

import pytest

from paidonce.harness.pytest_plugin.failures import NotDecided, RaceFound
from paidonce.harness.pytest_plugin.options import CheckRequest, unknown_of
from paidonce.harness.pytest_plugin.result import Result
from paidonce.harness.pytest_plugin.run import PROPERTY
from paidonce.harness.verdict import Status


def hold(result: Result, wanted: CheckRequest, item: pytest.Item) -> None:
    """Raise unless the result is as expected.

    What is not decided depends on the time there was, and so on the machine: it is skipped with
    its reason, unless ``paidonce_unknown`` is ``fail``.
    """
    item.user_properties.append((PROPERTY, f"{result.status.value}: {result.how}"))
    if wanted.expect == "any":
        return
    if result.status is Status.UNKNOWN:
        if unknown_of(item.config) == "fail":
            raise NotDecided(f"not decided: {result.summary}", _told(result, item))
        pytest.skip(f"not decided: {result.summary}")
    if result.invalid and wanted.expect == "valid":
        raise RaceFound(result.summary, _told(result, item))
    if result.valid and wanted.expect == "invalid":
        summary = f"expected a race, and found none ({result.target}, {result.variant})"
        raise NotDecided(summary, f"E   {summary}\n{_told(result, item)}")


def _told(result: Result, item: pytest.Item) -> str:
    """The story, with the place of the test before the last line, as pytest's own have it."""
    path, line, _ = item.location
    kind = "RaceFound" if result.invalid else "NotDecided"
    place = f"{path}:{(line or 0) + 1}: {kind}"
    command = ["", place, result.command] if result.command else [place]
    return "\n".join([*result.story, *command])
