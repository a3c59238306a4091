"""Temp folders of ours: ``paidonce-XXXX``, removed when done, also when we die first."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path
from typing import Self

from paidonce.harness.errors import Unavailable
from paidonce.harness.process.custody import custody

SOCKET_PATH_LIMIT = 107
"""Bytes a Unix socket's path may have on Linux (sun_path in unix(7)); macOS allows 103."""


class TempFolder:
    """A fresh folder that only its owner may enter; ``remove`` is idempotent.

    ``short`` asks for a path short enough for sockets in it, ``public`` for a parent that every
    user of the machine can pass through; both fall back on ``/tmp`` where ``TMPDIR`` does not do.
    Raises ``Unavailable`` when no such folder can be made.
    """

    def __init__(self, *, short: bool = False, public: bool = False) -> None:
        parent = _choose_parent(short=short, public=public)
        try:
            self.path = Path(tempfile.mkdtemp(prefix="paidonce-", dir=parent))
        except OSError as error:
            problem = f"no folder can be made in {parent} ({error.strerror})"
            raise Unavailable("temp folder", problem, "Point TMPDIR at a writable folder") from None
        self._ticket = custody.add_folder(self.path)

    def remove(self) -> None:
        """Remove it with all it holds."""
        shutil.rmtree(self.path, ignore_errors=True)
        if not self.path.exists():  # otherwise the guardian gets another try at the end
            custody.forget(self._ticket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def passable_by_others(path: Path) -> bool:
    """Return whether any user may pass through every folder above ``path`` (links resolved).

    Looks at permission bits only: an access control list that grants more is not seen, which
    errs on the safe side.
    """
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def _choose_parent(*, short: bool, public: bool) -> Path:
    for candidate in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 (mkdtemp)
        probe = candidate / "paidonce-XXXXXXXX"
        if short and len(str(probe)) + len("/.s.PGSQL.65535") > 100:
            continue
        if public and not passable_by_others(probe):
            continue
        return candidate
    raise Unavailable(
        "temp folder",
        "neither TMPDIR nor /tmp is short and open enough for a database server's socket",
        "Point TMPDIR at a folder such as /tmp",
    )
