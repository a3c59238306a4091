"""What a search relies on, and with what the next one on the same lanes begins."""

from __future__ import annotations

import dataclasses

from paidonce.harness.explore.control.failures import PlannedFailure
from paidonce.harness.explore.control.mode import Mode, what_is_known
from paidonce.harness.service.passing import Passing
from paidonce.harness.taps.faults import NoContact

COLUMN = (("public", "orders"), "reference")


def test_what_one_lane_is_known_to_need_they_all_need():
    one = Mode(late_answers=True, apart=frozenset({"a"}), unnamed=frozenset({COLUMN}))
    other = Mode(shared_memory=True, apart=frozenset({"b"}), put_back=True)
    assert what_is_known([one, other]) == Mode(
        shared_memory=True,
        late_answers=True,
        apart=frozenset({"a", "b"}),
        unnamed=frozenset({COLUMN}),
        put_back=True,
    )


def test_how_much_is_reduced_and_what_was_found_out_is_not_kept():
    learnt = {"in_turn", "late_locks", "hold_all", "lists", "pairs"}
    learnt |= {"failures", "every_crash", "sweeps_first"}
    everything = Mode(
        in_turn=True,
        late_locks=True,
        hold_all=True,
        lists=frozenset({"charges"}),
        pairs=frozenset({("a", "b")}),
        every_crash=True,
        failures=frozenset({PlannedFailure(attempt="a", step=1, fault=NoContact())}),
    )
    assert what_is_known([everything]) == Mode()
    kept = {one.name for one in dataclasses.fields(Mode)} - learnt
    flags = {"shared_memory", "late_answers", "put_back"}
    needed: dict[str, object] = {name: True if name in flags else frozenset({"a"}) for name in kept}
    needed["lapse"] = Passing(30)
    assert what_is_known([Mode(**needed)]) == Mode(**needed)


def test_nothing_is_deferred_where_every_step_is_one_in_memory():
    assert Mode(late_locks=True).defers
    assert not Mode(late_locks=True, shared_memory=True).defers
