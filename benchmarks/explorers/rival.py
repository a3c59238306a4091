"""frontrun, in an environment of its own that is made for the benchmark and thrown away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from explorers.measured import Clock, Sample
from paidonce.harness.errors import PaidonceError

VERSION = "0.7.0"
_PROGRAM = Path(__file__).with_name("frontrun_program.py")
_INSTALL_S = 300.0


class Missing(Exception):
    """frontrun cannot be had; the message says why."""


class Environment:
    """A virtual environment with frontrun and psycopg."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "frontrun"

    def make(self) -> None:
        """Raises ``Missing``."""
        wanted = [f"frontrun[sql]=={VERSION}", "psycopg[binary]>=3.2"]
        try:
            for command in (
                [sys.executable, "-m", "venv", str(self.path)],
                [str(self.path / "bin" / "pip"), "install", "--quiet", *wanted],
            ):
                subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"installing {wanted[0]} took more than {_INSTALL_S:g} s") from None
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise Missing(f"{wanted[0]} cannot be installed: {' '.join(said)}") from None


class Explorer:
    """The handler in one process with frontrun, ready to explore again and again."""

    def __init__(self, environment: Path, url: str, order: str, guard: str) -> None:
        tools = environment / "bin"
        self._process = subprocess.Popen(
            [tools / "frontrun", tools / "python", _PROGRAM, url, order, guard],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.holds: list[bool | None] = []

    def __enter__(self) -> Self:
        if not self._hear().get("ready"):
            raise PaidonceError("frontrun's program did not get ready")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def once(self) -> Sample:
        """Explore until nothing is left, it gives up, or its time is over."""
        clock = Clock()
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        said = self._hear()
        self.holds.append(said["holds"])
        return clock.sample(said["schedules"], said["seconds"])

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PaidonceError(f"frontrun's program ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found
