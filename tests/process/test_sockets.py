"""Connections of a process, and of those it started, told by the port at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from paidonce.harness.process.sockets import Connections

CONNECTS = """
import socket, sys
with socket.create_connection(("{host}", {port})):
    print("connected", flush=True)
    sys.stdin.read()
"""
STARTS_ONE = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        made = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip(f"{request.param} is not to be had here")
    with closing(made):
        yield made


@pytest.mark.parametrize("below", [False, True], ids=["its own", "its child's"])
def test_a_connection_is_found_by_the_port_it_leads_to(server: socket.socket, below: bool) -> None:
    host, port = server.getsockname()[:2]
    code = CONNECTS.format(host=host, port=port)
    argv = [sys.executable, "-c", STARTS_ONE, code] if below else [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        assert one.stdin is not None
        assert one.stdout.readline() == "connected\n"
        accepted, (_, other, *_) = server.accept()
        with closing(accepted):
            now = Connections()
            assert now.lead_to(port, [one.pid])
            assert not now.lead_to(other, [one.pid])
            assert now.lead_to(other, [os.getpid()])  # the other end is ours
        one.stdin.close()
    assert not Connections().lead_to(port, [one.pid])


def test_where_the_kernel_has_no_such_tables_another_way_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_here(_self: Connections, pid: int) -> list[tuple[bytes, str]]:
        raise FileNotFoundError(pid)

    monkeypatch.setattr(Connections, "_ends", none_here)
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_connection(server.getsockname())),
    ):
        port = server.getsockname()[1]
        assert Connections().lead_to(port, [os.getpid()])
        assert not Connections().lead_to(1, [os.getpid()])
