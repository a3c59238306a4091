"""Says how many inputs were tried: `pytest tests/fuzz -m slow -rP` prints it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from trying import Tried


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[Tried], None]:
    """Keeps what was counted with the test's report, and prints it."""

    def keep(tried: Tried) -> None:
        record_property("fuzz", str(tried))
        print(tried)

    return keep
