"""Starting a server that must be told its port, and trying another when that one gets taken."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import Unavailable
from harness.process.child import Child, ChildFailed
from harness.process.ports import HeldPort

PORT_TRIES = 10


def start_listening(
    component: str,
    start: Callable[[int], Child],
    ready: Callable[[Child, int], object],
    port_taken: Callable[[str], bool],
    *,
    wanted: int | None,
    remedy: str,
) -> tuple[Child, int]:
    """Start a server on ``wanted``, or on free ports until one works; returns it and its port.

    ``start`` starts it on a port, ``ready`` waits until it serves (raising ``ChildFailed`` if it
    ends first), ``port_taken`` tells from the last lines of its log whether it ended because
    somebody else had the port.

    Raises ``Unavailable`` for ``component`` with its log and the ``remedy``.
    """
    for attempt in range(1, PORT_TRIES + 1):
        with _hold(component, wanted) as held:
            held.before_start()
            child = start(held.number)
            try:
                ready(child, held.number)
                return child, held.number
            except ChildFailed as error:
                child.stop()
                again = port_taken(error.log) and wanted is None and attempt < PORT_TRIES
                if not again:
                    problem = f"the server {error.problem}: {error.log}"
                    raise Unavailable(component, problem, remedy) from None
            except BaseException:
                child.stop()
                raise
    raise AssertionError("the last try returns or raises")


def _hold(component: str, wanted: int | None) -> HeldPort:
    try:
        return HeldPort(wanted or 0)
    except OSError as error:
        problem = f"port {wanted} is taken ({error.strerror})"
        raise Unavailable(component, problem, "Choose another port, or none") from None
