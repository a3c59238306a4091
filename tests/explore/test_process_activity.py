"""Who is at work, by what the kernel says of its threads."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from paidonce.harness.explore.control.process_activity import runnable

_SLEEPS = "open('/proc/self/comm', 'w').write('x) R (y'); print(1, flush=True); input()"
_SPINS = "open('/proc/self/comm', 'w').write('x) S (y'); print(1, flush=True)\nwhile True: pass"


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by Linux alone")
def test_a_name_that_looks_like_a_state_is_none():
    for program, expected in ((_SLEEPS, False), (_SPINS, True)):
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as child:
            assert child.stdout is not None
            child.stdout.readline()
            try:
                _until(lambda pid=child.pid, wanted=expected: runnable(pid) is wanted)
            finally:
                child.kill()
    assert not runnable(child.pid)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "the process is not seen as it is"
