"""Ports that stay ours until a server has them, and temp folders."""

from __future__ import annotations

import socket
import stat
import sys
from pathlib import Path

import pytest

from paidonce.harness.errors import Unavailable
from paidonce.harness.process import ports, tempdirs
from paidonce.harness.process.custody import custody
from paidonce.harness.process.ports import HOST, HeldPort, answers
from paidonce.harness.process.tempdirs import TempFolder, passable_by_others


def listen(number: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, number))
    server.listen()
    return server


def test_held_ports_are_all_different() -> None:
    held = [HeldPort() for _ in range(50)]
    assert len({port.number for port in held}) == 50
    for port in held:
        port.release()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the port is let go before the start")
def test_a_server_can_listen_while_the_port_is_held() -> None:
    with HeldPort() as held:
        held.before_start()
        assert not answers(held.number)
        with listen(held.number):
            assert answers(held.number)
    assert not answers(held.number)


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="known of Linux alone")


@ON_LINUX
def test_a_port_is_none_that_a_connection_may_be_given() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest < 24_000:
        pytest.skip("here connections may be given nearly all ports")
    with HeldPort() as held:
        assert held.number < lowest


@ON_LINUX
def test_a_port_that_is_let_go_for_a_server_is_kept_from_other_commands() -> None:
    """Else two commands at once, whose services start slowly, could try each other's service."""
    with HeldPort() as held:
        held.let_go()
        one = range(held.number, held.number + 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ports, "_never_given_out", lambda: one)
            with HeldPort() as other:
                assert other.number != held.number
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "_never_given_out", lambda: one)
        with HeldPort() as other:
            assert other.number == held.number


def test_a_listening_port_cannot_be_held() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        with pytest.raises(OSError, match="in use"):
            HeldPort(server.getsockname()[1])


def test_a_folder_is_private_registered_and_removed() -> None:
    before = custody.tickets
    with TempFolder() as folder:
        assert folder.path.name.startswith("paidonce-")
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert len(custody.tickets - before) == 1
        (folder.path / "sub").mkdir()
        (folder.path / "sub" / "file").write_text("x")
    assert not folder.path.exists()
    assert custody.tickets == before
    folder.remove()


def test_a_short_folder_does_not_follow_a_long_tmpdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempdirs.tempfile, "tempdir", str(deep))
    with TempFolder(short=True) as folder, TempFolder() as other:
        assert len(str(folder.path / ".s.PGSQL.65535")) < tempdirs.SOCKET_PATH_LIMIT
        assert deep in other.path.parents


def test_a_public_folder_does_not_lie_below_a_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "p"
    private.mkdir(mode=0o700)
    assert not passable_by_others(private / "inside")
    monkeypatch.setattr(tempdirs.tempfile, "tempdir", str(private))
    with TempFolder(public=True) as folder:
        assert private not in folder.path.parents
        assert passable_by_others(folder.path)


def test_no_place_for_folders_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempdirs.tempfile, "tempdir", "/nonexistent/folder")
    with pytest.raises(Unavailable, match="TMPDIR"):
        TempFolder()
