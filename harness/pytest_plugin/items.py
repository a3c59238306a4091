"""Witnesses as tests: one item for each file, green when it no longer shows the race."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paidonce.harness.pytest_plugin import judging, options


class WitnessFile(pytest.File):
    """A witness file."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item: its replay."""
        yield WitnessItem.from_parent(self, name="replay")


class WitnessItem(pytest.Item):
    """Replays a witness."""

    def runtest(self) -> None:
        """Follow its schedule; raises ``RaceFound`` where it still shows the race."""
        from paidonce.harness.pytest_plugin.session import Target, session_of

        witness = options.of_witness(self.config, self.path, self.nodeid)
        result = Target(session_of(self.config), witness, self.nodeid).check()
        judging.hold(result, witness, self)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where it is: the file, from its beginning."""
        return self.path, 0, f"replay of {self.path.name.removesuffix(options.WITNESS_SUFFIX)}"
