"""Processes forked from one that has loaded what they need: the worked example as a zygote."""

from __future__ import annotations

import os
import sys
import time

import psutil
import pytest

from paidonce.harness.process.child import ChildFailed
from paidonce.harness.process.zygote import Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork ends with its zygote there")

SETTINGS = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STRIPE_API_BASE": "http://127.0.0.1:1",
    "STRIPE_API_KEY": "sk_test_none",
    "STRIPE_WEBHOOK_SECRET": "whsec_none",
    "PAYMENT_GUARD": "claim",
    "HOST": "127.0.0.1",
}
WITHIN_S = 60
SERVES = """
import sys, time
from paidonce.reference_service.ahead import fork_when_asked

def serve(settings):
    print("serves", settings.port, flush=True)
    if settings.port == 1:
        return 7
    time.sleep(600)

sys.exit(fork_when_asked(serve))
"""


def environment(port):
    return {**os.environ, **SETTINGS, "PORT": str(port)}


@pytest.fixture(scope="module")
def zygote():
    found = Zygote("zygote", [sys.executable, "-c", SERVES], environment(9))
    yield found
    found.stop()


def serving(zygote, port):
    forked = zygote.fork("web", environment(port))
    forked.wait_line("serve", lambda line: line == f"serves {port}" or None, WITHIN_S)
    return forked


def test_a_fork_has_the_environment_it_was_given_and_a_session_of_its_own(zygote):
    one, other = serving(zygote, 2), serving(zygote, 3)
    assert one.pid != other.pid
    assert os.getsid(one.pid) == one.pid
    one.kill()
    assert not one.running
    assert other.running
    assert one.end == "killed by SIGKILL"
    other.stop()
    assert not psutil.pid_exists(other.pid)


def test_one_that_ends_by_itself_is_told(zygote):
    forked = zygote.fork("web", environment(1))
    with pytest.raises(ChildFailed, match="web ended"):
        forked.wait_for("never", lambda: None, WITHIN_S)
    assert forked.stop() == 7


def test_a_kill_and_a_start_many_times_leave_nothing_behind(zygote):
    before = psutil.Process().num_fds()
    for _ in range(20):
        serving(zygote, 4).kill()
    parent = psutil.Process(zygote.pid)
    assert parent.children() == []
    assert psutil.Process().num_fds() <= before + 2


def test_forks_end_with_their_zygote():
    zygote = Zygote("zygote", [sys.executable, "-c", SERVES], environment(9))
    forked = serving(zygote, 5)
    zygote.stop()
    deadline = time.monotonic() + WITHIN_S
    while forked.running:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.01)
    assert forked.kill() == -9
    with pytest.raises(ChildFailed, match="zygote ended"):
        zygote.fork("web", environment(6))


def test_each_fork_writes_to_a_log_of_its_own(zygote, tmp_path):
    log = tmp_path / "web.log"
    log.write_text("of one before it\n")
    one = zygote.fork("web", environment(1), log)
    other = serving(zygote, 8)
    with pytest.raises(ChildFailed, match=r"it said last:\nserves 1$"):
        one.wait_for("never", lambda: None, WITHIN_S)
    assert other.output == "serves 8\n"
    assert log.read_text() == "of one before it\nserves 1\n"
    one.stop()
    other.stop()
