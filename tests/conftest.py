"""What tests of several parts need."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from chromium_pipe import NAMES, Browser, find_browser
from reference_worlds import LAB

from paidonce.harness.process import listening
from paidonce.harness.process.ports import HOST, HeldPort


@pytest.fixture(scope="session", autouse=True)
def reference_lab() -> Iterator[None]:
    """What tests have started of the reference service is stopped in the end."""
    yield
    LAB.close()


@pytest.fixture
def stolen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The first port a server is to listen on is taken by somebody else at the last moment."""
    ports: list[int] = []
    with ExitStack() as thieves:

        class RobbedPort(HeldPort):
            def before_start(self) -> None:
                super().before_start()
                if not ports:
                    self.let_go()

            def let_go(self) -> None:
                super().let_go()
                if not ports:
                    thief = thieves.enter_context(socket.socket())
                    # Bound alone, without SO_REUSEADDR, keeps everybody else from it (socket(7)).
                    with suppress(OSError):  # somebody else's connection was quicker
                        thief.bind((HOST, self.number))
                    ports.append(self.number)

        monkeypatch.setattr(listening, "HeldPort", RobbedPort)
        yield ports


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real headless browser with one page."""
    program = find_browser()
    if program is None:
        pytest.skip(
            f"no headless browser: none of {', '.join(NAMES)} is on the path; Debian's package "
            "chromium has one"
        )
    with Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found
