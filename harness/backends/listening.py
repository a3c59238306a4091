"""Starting a backend's server: one that must be told its port, or one that says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from paidonce.harness.errors import Unavailable
from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.listening import start_listening

T = TypeVar("T")


def start_backend(
    component: str,
    start: Callable[[int], Child],
    ready: Callable[[Child, int], object],
    port_taken: Callable[[str], bool],
    *,
    wanted: int | None,
    remedy: str,
) -> tuple[Child, int]:
    """``start_listening`` of a server that shares its port with whoever holds it.

    Raises ``Unavailable`` for ``component`` with its log and the ``remedy``.
    """
    try:
        return start_listening(start, ready, port_taken, wanted=wanted, shares=True)
    except ChildFailed as failure:
        raise Unavailable(
            component, f"the server {failure.problem}: {failure.log}", remedy
        ) from None
    except OSError as error:
        if wanted is None:
            raise
        problem = f"port {wanted} is taken ({error.strerror})"
        raise Unavailable(component, problem, "Choose another port, or none") from None


def start_saying(
    component: str,
    start: Callable[[], Child],
    what: str,
    said: Callable[[str], T | None],
    seconds: float,
    remedy: str,
) -> tuple[Child, T]:
    """Start a server that says in a line where it listens; returns it and what ``said`` made of it.

    ``what`` is what it is waited for to do, ``seconds`` how long. Raises ``Unavailable`` for
    ``component`` with its log and the ``remedy``.
    """
    try:
        server = start()
    except ChildFailed as failure:
        raise Unavailable(component, failure.problem, remedy) from None
    try:
        return server, server.wait_line(what, said, seconds)
    except ChildFailed as failure:
        server.stop()
        problem = f"the server {failure.problem}: {failure.log}"
        raise Unavailable(component, problem, remedy) from None
    except BaseException:
        server.stop()
        raise
