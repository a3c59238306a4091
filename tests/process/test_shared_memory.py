"""Whose shared memory is removed: that of a server that was killed, and nobody else's."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paidonce.harness.process.shared_memory import TABLE, remove_segment

pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="no list of shared memory here")

_MAKER = """
import ctypes, os, sys
IPC_CREAT, IPC_EXCL = 0o1000, 0o2000
key = ctypes.c_int(int(sys.argv[1])).value
print(os.getpid(), ctypes.CDLL(None).shmget(key, 56, IPC_CREAT | IPC_EXCL | 0o600))
"""


def segments() -> set[int]:
    return {int(line.split()[1]) for line in TABLE.read_text().splitlines()[1:]}


def make(key: int) -> tuple[int, int]:
    """Who made a new segment, and is no more, and the segment's id."""
    maker = subprocess.run(
        [sys.executable, "-c", _MAKER, str(key)], check=True, capture_output=True, text=True
    )
    pid, segment = map(int, maker.stdout.split())
    assert segment >= 0
    return pid, segment


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[int, int]]:
    pid, segment = make(tmp_path.stat().st_ino)
    yield pid, segment
    ctypes.CDLL(None).shmctl(segment, 0, None)


@pytest.mark.parametrize("sign", ["", "-"])
def test_it_is_known_before_the_lock_file_names_it(tmp_path, made, sign):
    """A server that is killed right after it has made its segment has written its pid alone."""
    pid, segment = made
    lock_file = tmp_path / "postmaster.pid"
    lock_file.write_text(f"{sign}{pid}\n{tmp_path}\n")
    assert remove_segment(lock_file)
    assert segment not in segments()
    assert not remove_segment(lock_file)


@pytest.fixture
def attached(made: tuple[int, int]) -> Iterator[subprocess.Popen[str]]:
    """A process that has attached itself to the segment, as a backend whose server was killed."""
    program = "import ctypes, sys; c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p\n"
    program += f"c.shmat({made[1]}, None, 0); print('attached', flush=True); sys.stdin.read()"
    backend = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with backend:
        assert backend.stdout is not None
        assert backend.stdout.readline() == "attached\n"
        yield backend


def test_processes_that_have_not_noticed_yet_are_waited_for(tmp_path, made, attached):
    pid, segment = made
    lock_file = tmp_path / "postmaster.pid"
    lock_file.write_text(f"{pid}\n")
    assert not remove_segment(lock_file, within_s=0.05)
    assert segment in segments()
    leaves = threading.Timer(0.1, attached.stdin.close)
    leaves.start()
    assert remove_segment(lock_file)
    assert segment not in segments()
    leaves.join()


def test_another_makers_is_left_alone(tmp_path, made):
    _, segment = made
    lock_file = tmp_path / "postmaster.pid"
    lock_file.write_text(f"{os.getpid()}\n")
    assert not remove_segment(lock_file)
    assert segment in segments()


def test_so_is_one_with_a_key_that_is_not_the_folders(tmp_path, made):
    pid, segment = made
    other = tmp_path / "other"
    other.mkdir()
    for _ in range(100):  # another inode, far from the first
        if abs(other.stat().st_ino - tmp_path.stat().st_ino) > 64:
            break
        other = other / "further"
        other.mkdir()
    else:
        pytest.skip("this file system numbers its folders too close to each other")
    (other / "postmaster.pid").write_text(f"{pid}\n")
    assert not remove_segment(other / "postmaster.pid")
    assert segment in segments()


@pytest.mark.parametrize("text", ["", "\n", "no number\n", "7" * 30 + "\n"])
def test_a_lock_file_that_says_nothing_removes_nothing(tmp_path, made, text):
    _, segment = made
    (tmp_path / "postmaster.pid").write_text(text)
    assert not remove_segment(tmp_path / "postmaster.pid")
    assert segment in segments()
