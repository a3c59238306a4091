"""Signs that a long command goes on; on standard error, and gone when the work is done.

Where standard error is no terminal (a CI job, a file), lines are written that stay: one as
something else is begun, and one now and then as long as it lasts.
"""

from __future__ import annotations

import threading
import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

EVERY_S = 15.0
"""How often it is said, where there is no terminal, that the same thing still lasts."""
_LOOK_S = 0.5


def bar() -> Progress:
    """A bar that says what is being done, how much is done, and for how long it has been."""
    return Progress(
        TextColumn("{task.description:<44}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class StatusLine:
    """A line that says what is being done, and for how long: ``update`` it, from any thread."""

    def __init__(self, console: Console | None = None, every_s: float = EVERY_S) -> None:
        self.console = console or Console(stderr=True)
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stage, self._text = "", "starting"
        self._began = self._said = time.monotonic()
        self._ended = threading.Event()
        self._live = Live(
            get_renderable=self._shown, console=self.console, transient=True, refresh_per_second=8
        )
        self._telling = threading.Thread(target=self._tell, name="progress", daemon=True)

    def update(self, text: str, *, of: str | None = None) -> None:
        """Say that ``text`` is being done; what is ``of`` the same goes on, with other numbers."""
        stage = text if of is None else of
        with self._lock:
            begun = stage != self._stage
            self._stage, self._text = stage, text
            if begun:
                self._began = time.monotonic()
        if begun:
            self._write()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        else:
            self._telling.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self.console.is_terminal:
            self._live.stop()
        else:
            self._telling.join()

    def _shown(self) -> Text:
        return Text(self._words())

    def _words(self) -> str:
        with self._lock:
            seconds = time.monotonic() - self._began
            return self._text if seconds < 1 else f"{self._text} ({seconds:.0f} s)"

    def _write(self) -> None:
        """Say how it stands, where there is no terminal that shows it."""
        if not self.console.is_terminal:
            self._said = time.monotonic()
            self.say(self._words())

    def _tell(self) -> None:
        while not self._ended.wait(min(_LOOK_S, self._every_s)):
            if time.monotonic() - self._said >= self._every_s:
                self._write()
