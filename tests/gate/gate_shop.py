"""The small shop of the target tests, in a folder of its own, with tests beside it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE

SHOP = Path(__file__).parents[1] / "targets" / "shop"


def shop_in(folder: Path) -> Path:
    """Copy it; returns the target file."""
    for name in ("shop.py", "schema.sql", "target.toml"):
        shutil.copy(SHOP / name, folder / name)
    return folder / "target.toml"


def without_servers() -> dict[str, str]:
    """An environment that names no servers and no worker: as on a machine of its own."""
    gone = {POSTGRES_VARIABLE, REDIS_VARIABLE, "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID"}
    return {name: value for name, value in os.environ.items() if name not in gone}


PAIDONCE = [sys.executable, "-m", "paidonce.harness.cli"]

_MEMORY = '''
PAID: set[int] = set()


def remembered(order: int) -> bool:
    """Whether it was paid before, as this process remembers: checked, and noted a little later."""
    if order in PAID:
        return True
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    PAID.add(order)
    return False


def create('''


def forgetful_shop_in(folder: Path) -> Path:
    """A shop whose race is in its memory: no tap sees it, so just bursts show it."""
    path = shop_in(folder)
    text = (folder / "shop.py").read_text()
    for old, new in (
        ("def create(", _MEMORY.lstrip("\n")),
        ('if status == "paid":', "if remembered(order):"),
        ("import sys\n", "import sys\nimport time\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "shop.py").write_text(text)
    return path
