"""The TCP connections of processes, by the port at their other end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

import psutil

_TABLES = ("tcp", "tcp6")


class Connections:
    """The connections of one moment: what is asked of it is looked up once.

    To look takes milliseconds, since the kernel lists all connections of the machine, and all
    processes.
    """

    def __init__(self) -> None:
        self._children: dict[int, list[int]] | None = None
        self._sockets: dict[str, list[tuple[bytes, str]]] = {}

    def lead_to(self, port: int, roots: Iterable[int]) -> bool:
        """Return whether a process of ``roots``, or one below them, has a connection to ``port``.

        What is gone by now has none.
        """
        return any(self._leads_to(port, pid) for root in roots for pid in self._family(root))

    def _leads_to(self, port: int, pid: int) -> bool:
        try:
            ends = self._ends(pid)
        except OSError:
            return port in _ports_of(pid)  # gone, or there are no such tables here
        there = b":%04X" % port
        sockets = {socket for end, socket in ends if end.endswith(there)}
        return bool(sockets) and any(link in sockets for link in _files_of(pid))

    def _ends(self, pid: int) -> list[tuple[bytes, str]]:
        """Return the other end of each socket in the network that ``pid`` sees, and the socket as
        the links of open files name it (proc(5), ``/proc/net/tcp``). Raises ``OSError``."""
        network = os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - as below
        if network not in self._sockets:
            found = self._sockets[network] = []
            for table in _TABLES:
                with (
                    contextlib.suppress(FileNotFoundError),  # no IPv6
                    open(f"/proc/{pid}/net/{table}", "rb") as file,  # noqa: PTH123
                ):
                    for line in file.readlines()[1:]:
                        fields = line.split(None, 10)
                        found.append((fields[2], f"socket:[{int(fields[9])}]"))
        return self._sockets[network]

    def _family(self, root: int) -> Iterator[int]:
        if self._children is None:
            self._children = _children()
        yield root
        for child in self._children.get(root, ()):
            yield from self._family(child)


def _children() -> dict[int, list[int]]:
    """Return the processes that each process has started."""
    children: dict[int, list[int]] = {}
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            children.setdefault(_parent(pid), []).append(pid)
    return children


def _parent(pid: int) -> int:
    """Return the process that started one. Raises ``OSError`` or ``psutil.Error`` if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - of all processes
            told = file.read()
    except FileNotFoundError:
        return psutil.Process(pid).ppid()
    # The name in parentheses may hold anything, parentheses too (proc(5)).
    return int(told[told.rfind(b")") + 2 :].split(None, 2)[1])


def _files_of(pid: int) -> Iterator[str]:
    """Yield what the open files of a process are, as far as we may see them."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - after each search
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{name}")  # noqa: PTH115


def _ports_of(pid: int) -> set[int]:
    with contextlib.suppress(psutil.Error):
        connections = psutil.Process(pid).net_connections("tcp")
        return {connection.raddr.port for connection in connections if connection.raddr}
    return set()
