"""Looking at something on a thread of its own, beside a load run."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class BackgroundWatch(ABC):
    """Looks from when it is entered until it is left, and has ended by then.

    What looking raised meanwhile is raised on leaving, unless something else is under way.
    """

    def __init__(self, name: str) -> None:
        self._told = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"paidonce {name}", daemon=True)
        self._failure: Exception | None = None

    @abstractmethod
    def _watch(self, told: threading.Event) -> None:
        """Look, on the thread, until ``told`` to stop."""

    def _let_go(self) -> None:  # noqa: B027 - not all hold something
        """Let go of all that it still has once the thread has ended, in the thread that stops
        it."""

    def stop(self) -> None:
        """Look no more, and let go of what it takes to look; stopping twice is harmless."""
        if self._stopped:
            return
        self._stopped = True
        self._told.set()
        if self._thread.is_alive():
            self._thread.join()
        self._let_go()

    def _run(self) -> None:
        try:
            self._watch(self._told)
        except Exception as error:  # whatever it is: for whoever waits for the load
            self._failure = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._failure is not None and kind is None:
            raise self._failure
