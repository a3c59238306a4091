"""The processes of one program that answer at one address, counted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def workers(roots: Iterable[int]) -> int:
    """Return how many processes answer at the same address, where that is most.

    ``roots`` are the programs that were started; what is below each of them is its own. A parent
    that listens for its children, as gunicorn's or a cluster's of Node does, does not answer.
    """
    return max((_below(root) for root in roots), default=0)


def _below(root: int) -> int:
    with contextlib.suppress(psutil.Error):
        service = psutil.Process(root)
        family = [service, *service.children(recursive=True)]
        listens: set[int] = set()
        answers: dict[int, set[int]] = {}
        for process in family:
            with contextlib.suppress(psutil.Error):
                for net_connection in process.net_connections("tcp"):
                    answers.setdefault(net_connection.laddr.port, set()).add(process.pid)
                    if net_connection.status == psutil.CONN_LISTEN:
                        listens.add(net_connection.laddr.port)
        parents = {process.pid: process.ppid() for process in family}
        return max((len(_leaves(answers[port], parents)) for port in listens), default=0)
    return 0


def _leaves(pids: set[int], parents: dict[int, int]) -> set[int]:
    """Those of ``pids`` above none of the others."""
    above: set[int] = set()
    for pid in pids:
        parent = parents.get(pid)
        while parent is not None:
            above.add(parent)
            parent = parents.get(parent)
    return pids - above
