"""Starting a backend's server that must be told its port."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import Unavailable
from harness.process.child import Child, ChildFailed
from harness.process.listening import start_listening


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
