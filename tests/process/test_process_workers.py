"""How many processes answer at one address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from paidonce.harness.process.workers import workers

FORKING = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
children = []
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        os.write(1, b"up\\n")
        sys.stdin.read()
        os._exit(0)
    children.append(child)
os.write(1, b"up\\n")
sys.stdin.read()
"""


@contextmanager
def forked(children: int) -> Iterator[int]:
    """A program that listens, and so many children that listen with it; yields its pid."""
    program = subprocess.Popen(
        [sys.executable, "-c", FORKING, str(children)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout is not None
        for _ in range(children + 1):
            assert program.stdout.readline() == "up\n"
        yield program.pid
        program.communicate("")


@pytest.mark.parametrize(("children", "answer"), [(0, 1), (1, 1), (3, 3)])
def test_a_parent_that_listens_for_its_children_does_not_answer(children: int, answer: int):
    with forked(children) as pid:
        assert workers([pid]) == answer


def test_two_programs_are_not_one():
    with forked(0) as one, forked(0) as other:
        assert workers([one, other]) == 1


def test_who_is_gone_answers_nowhere():
    with forked(0) as pid:
        pass
    assert workers([pid]) == 0
