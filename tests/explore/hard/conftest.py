"""A lab for the hard services, one for each worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hard_target import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with asyncio.Runner() as runner:
        made = Lab(runner, tmp_path_factory.mktemp("hard"))
        yield made
        made.close()
