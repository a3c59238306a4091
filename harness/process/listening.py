"""Starting a server that must be told its port, and trying another when that one gets taken."""

from __future__ import annotations

from collections.abc import Callable

from paidonce.harness.process.child import Child, ChildFailed
from paidonce.harness.process.ports import HeldPort

PORT_TRIES = 10


def start_listening(
    start: Callable[[int], Child],
    ready: Callable[[Child, int], object],
    port_taken: Callable[[str], bool],
    *,
    wanted: int | None = None,
    shares: bool,
) -> tuple[Child, int]:
    """Start a server on ``wanted``, or on free ports until one works; returns it and its port.

    ``start`` starts it on a port, ``ready`` waits until it serves (raising ``ChildFailed`` if it
    ends first), ``port_taken`` tells from the last lines of its log whether it ended because
    somebody else had the port. A server that ``shares`` its port can listen while we hold it.

    Raises what these raise, the last ``ChildFailed`` where no port was free, and ``OSError`` where
    the wanted one is not; nothing is left running then.
    """
    for attempt in range(1, PORT_TRIES + 1):
        with HeldPort(wanted or 0) as held:
            if shares:
                held.before_start()
            else:
                held.let_go()
            child = start(held.number)
            try:
                ready(child, held.number)
                return child, held.number
            except ChildFailed as failure:
                child.stop()
                if wanted is not None or attempt == PORT_TRIES or not port_taken(failure.log):
                    raise
            except BaseException:
                child.stop()
                raise
    raise AssertionError("unreachable: the last try returns or raises")
