"""The README as the package index shows it, and the project's addresses: a hook of Hatchling.

On the index a link to ``docs/targets.md`` leads nowhere, and a picture in the repository is a
broken one. Where ``PAIDONCE_REPOSITORY`` says where the repository can be read
(``https://host/owner/name``), links and picture lead there, and the project's urls name it. Else a
link is the name of the file, which the source distribution has, and the picture is its words.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

try:
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ImportError:  # whoever only wants the text has no need of the tool that builds
    MetadataHookInterface = object

VARIABLE = "PAIDONCE_REPOSITORY"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(((?!https?:|#|mailto:)[^)\s]+)\)")


def for_the_index(text: str, repository: str = "") -> str:
    """Return ``text`` (Markdown) without links into a repository, or with such into that one."""
    base = repository.rstrip("/")

    def written(found: re.Match[str]) -> str:
        picture, words, place = found.groups()
        words = " ".join(words.split())
        if not base:
            return f"*{words}*" if picture else _named(words, place)
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({base}/{kind}/HEAD/{place})"

    return _LINK.sub(written, text)


def _named(words: str, place: str) -> str:
    file = place.partition("#")[0]
    return f"`{file}`" if words.strip("`") in (file, place) else f"{words} (`{file}`)"


class ReadmeHook(MetadataHookInterface):
    """Gives a distribution its README and its addresses."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml calls dynamic."""
        repository = os.environ.get(VARIABLE, "")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": for_the_index(text, repository),
        }
        if repository:
            base = repository.rstrip("/")
            metadata["urls"] = {
                "Repository": base,
                "Documentation": f"{base}/blob/HEAD/docs/tutorial.md",
                "Changelog": f"{base}/blob/HEAD/CHANGELOG.md",
            }
