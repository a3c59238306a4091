"""What workers of one run agree on, without pytest in between."""

from __future__ import annotations

import threading

from gate_shop import shop_in

from paidonce.harness.pytest_plugin.run import Settings
from paidonce.harness.pytest_plugin.session import RaceSession
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.subject import TargetSubject

WAIT_S = 120


def session(tmp_path):
    shared = tmp_path / "shared"
    return RaceSession(Settings(out=tmp_path / "out", unknown="skip", backends=None, shared=shared))


def target(tmp_path, *, port):
    path = shop_in(tmp_path)
    if port:
        path.write_text(path.read_text().replace("[taps]\n", "[taps]\npostgres_port = 6432\n"))
    loaded = load_target(path)
    return loaded, TargetSubject(loaded)


def entered_while_another_is_in(tmp_path, *, port, wait_s):
    """Whether a second worker comes in while the first one is."""
    wanted = target(tmp_path, port=port)
    inside, leave, second = threading.Event(), threading.Event(), threading.Event()

    def first():
        with session(tmp_path).alone(wanted):
            inside.set()
            leave.wait(WAIT_S)

    def other():
        with session(tmp_path).alone(wanted):
            second.set()

    threads = [threading.Thread(target=first), threading.Thread(target=other)]
    threads[0].start()
    assert inside.wait(WAIT_S)
    threads[1].start()
    came_in = second.wait(wait_s)
    leave.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert second.is_set()
    return came_in


def test_ports_that_are_taken_as_they_are_belong_to_one_worker_at_a_time(tmp_path):
    assert not entered_while_another_is_in(tmp_path, port=True, wait_s=1)


def test_other_targets_are_played_side_by_side(tmp_path):
    assert entered_while_another_is_in(tmp_path, port=False, wait_s=WAIT_S)


def test_folders_are_never_used_twice_and_go_when_nobody_needs_them(tmp_path):
    one = session(tmp_path)
    first, second = (
        one.folder("tests/test_a.py::test[x y]"),
        one.folder("tests/test_a.py::test[x y]"),
    )
    assert first.name == "tests-test_a.py-test-x-y"
    assert second.name == "tests-test_a.py-test-x-y-2"
    one.leave(first)
    assert (tmp_path / "out").exists()
    one.leave(second)
    assert not (tmp_path / "out").exists()
