"""The complete example of docs/targets.md, with the files it names."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs" / "targets.md"


def example() -> str:
    """The target file in the docs."""
    return re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)[0]


def write(folder: Path, text: str) -> Path:
    """``text`` as a target file in ``folder``, beside the SQL file it names."""
    (folder / "schema.sql").write_text("SELECT 1;")
    path = folder / "shop.toml"
    path.write_text(text)
    return path
