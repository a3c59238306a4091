"""What a lane has loaded to start killed services from serves all of them, and ends with it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from paidonce.harness.explore.control.crashes import expect_crashes
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.service.running import Ahead, LoadedService, Process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork ends with its zygote there")


class Standing:
    """In a zygote's place: runs until it is stopped."""

    def __init__(self, port):
        self.port, self.running, self.forks = port, True, []

    def fork(self, port):
        if not self.running:
            raise ChildFailed("zygote", "ended", -9, "")
        self.forks.append(port)
        return f"child on {port}"

    def stop(self):
        self.running = False


def ahead(made, loaded=None):
    def load(port):
        made.append(Standing(port))
        return made[-1]

    shared = {} if loaded is None else {"loaded": loaded, "owned": False}
    return Ahead(load, lambda zygote, port: zygote.fork(port), **shared)


def test_services_of_a_lane_are_forked_from_one():
    made, lane = [], LoadedService()
    one, other = ahead(made, lane), ahead(made, lane)
    assert not lane.there
    assert [one.begin(1), other.begin(2)] == ["child on 1", "child on 2"]
    one.stop()  # the service has ended, the lane has not
    assert other.begin(3) == "child on 3"
    assert [each.forks for each in made] == [[1, 2, 3]]
    lane.stop()
    assert not made[0].running


def test_lanes_that_need_it_at_once_load_it_once():
    made, lane, together = [], LoadedService(), threading.Barrier(4)

    def load(port):
        time.sleep(0.05)  # so that the others come meanwhile
        made.append(Standing(port))
        return made[-1]

    def begin(port):
        together.wait()
        return Ahead(load, lambda zygote, port: zygote.fork(port), lane, owned=False).begin(port)

    with ThreadPoolExecutor() as threads:
        assert len(list(threads.map(begin, range(4)))) == 4
    assert len(made) == 1


def test_one_that_has_ended_is_loaded_anew():
    made, lane = [], LoadedService()
    service = ahead(made, lane)
    service.begin(1)
    made[0].running = False
    assert not lane.there
    assert service.begin(2) == "child on 2"
    assert [each.port for each in made] == [1, 2]


def test_a_service_without_a_lane_ends_its_own():
    made = []
    service = ahead(made)
    service.begin(1)
    service.stop()
    assert not made[0].running


def test_a_crash_that_is_expected_is_loaded_for_once():
    made = []
    process = Process("shop", None, 7, None, None, ahead=ahead(made))
    process.expect_crash()
    process.expect_crash()
    assert [(each.port, each.forks) for each in made] == [(7, [])]
    assert process.ahead.begin(7) == "child on 7"
    assert len(made) == 1
    Process("till", None, 8, None, None).expect_crash()  # it has nothing to be started from


@pytest.mark.parametrize(("ours", "expected"), [(True, [7]), (False, [])])
def test_no_crash_is_expected_of_what_cannot_be_killed(ours, expected):
    made = []
    process = Process("shop", None, 7, None, None, () if ours else (1,), ahead=ahead(made))
    bench = SimpleNamespace(
        subject=SimpleNamespace(runs_commands=False),
        running=SimpleNamespace(processes=[process]),
        pids=(1,),
        tls=None,
    )
    asyncio.run(expect_crashes([bench]))
    assert [each.port for each in made] == expected
