"""Footprints of the model of row locks: steps that do not conflict commute."""

from __future__ import annotations

from collections.abc import Hashable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import actors, programs
from rowlocks import RowLocks
from rowprograms import Begin, Commit, Lock, Program, Read, Step, Write

from paidonce.harness.explore.footprint.sql.catalog import Catalog, Column, ForeignKey, Index, Table
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker
from paidonce.harness.explore.footprint.sql.types import ColumnType

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=400)


def _state(world: RowLocks) -> Hashable:
    """All that can make a difference later."""
    return (
        world.committed(),
        tuple((name, world.blockers(name)) for name in world.blocked),
        tuple((pending.actor, pending.label) for pending in world.pending()),
        tuple(world.answers(name) for name in sorted(world.program.actors)),
        world.locked(),
    )


def _after(program: Program, made: list[str], *more: str) -> RowLocks | None:
    world = RowLocks(program)
    for actor in (*made, *more):
        if actor not in {pending.actor for pending in world.pending()}:
            return None
        world.advance(actor)
    return world


@QUICK
@given(program=programs(most_actors=4), data=st.data())
def test_steps_that_do_not_conflict_commute(program: Program, data: st.DataObject) -> None:
    made: list[str] = []
    world = RowLocks(program)
    while enabled := world.pending():
        for at, one in enumerate(enabled):
            for other in enabled[at + 1 :]:
                if one.footprint.conflicts(other.footprint):
                    continue
                first = _after(program, made, one.actor, other.actor)
                second = _after(program, made, other.actor, one.actor)
                assert first is not None
                assert second is not None
                assert _state(first) == _state(second), (made, one, other)
        chosen = data.draw(st.sampled_from(enabled)).actor
        made.append(chosen)
        world.advance(chosen)


_COMMUTE = test_steps_that_do_not_conflict_commute.hypothesis.inner_test
test_more_steps_that_do_not_conflict_commute = pytest.mark.slow(
    LONG(given(program=programs(most_actors=4), data=st.data())(_COMMUTE))
)


@QUICK
@given(program=programs(most_actors=4), data=st.data())
def test_what_a_step_touched_was_expected(program: Program, data: st.DataObject) -> None:
    world = RowLocks(program)
    while enabled := world.pending():
        chosen = data.draw(st.sampled_from(enabled))
        taken = world.advance(chosen.actor)
        for touched, expected in (
            (taken.footprint.looks, chosen.footprint.looks),
            (taken.footprint.locks, chosen.footprint.locks),
            (taken.footprint.publishes, chosen.footprint.publishes),
        ):
            assert touched <= expected


_EXPECTED = test_what_a_step_touched_was_expected.hypothesis.inner_test
test_more_that_steps_touched_was_expected = pytest.mark.slow(
    LONG(given(program=programs(most_actors=4), data=st.data())(_EXPECTED))
)


def test_a_row_that_was_waited_for_in_vain_stays_locked() -> None:
    """The lock is on a row that is no longer what was asked for: its value tells nothing."""
    program = Program(
        actors={
            "writer": (Begin(), Write(1, 5), Commit()),
            "waiter": (Begin(), Lock((1,), when=0), Read(2), Commit()),
            "third": (Lock((1,), wait="NOWAIT", when=5),),
        },
        rows={1: 0, 2: 0},
    )
    world = RowLocks(program)
    for actor in ("writer", "waiter", "writer", "waiter"):
        world.advance(actor)
    assert world.answers("waiter") == ((), 0)
    commit, third = (pending for pending in world.pending())
    assert (commit.actor, commit.label) == ("waiter", "COMMIT")
    assert commit.footprint.conflicts(third.footprint)
    world.advance("third")
    assert world.answers("third") == ("55P03",)


CATALOG = Catalog(
    tables={
        "public.rows": Table(
            name="public.rows",
            columns=(
                Column(name="id", type=ColumnType("int")),
                Column(name="value", type=ColumnType("int")),
            ),
            unique=(Index(name="public.rows_pkey", columns=("id",), depends=frozenset({"id"})),),
        ),
        "public.keys": Table(
            name="public.keys",
            columns=(
                Column(name="key", type=ColumnType("int")),
                Column(name="row", type=ColumnType("int")),
                Column(name="owner", type=ColumnType("text")),
            ),
            unique=(Index(name="public.keys_pkey", columns=("key",), depends=frozenset({"key"})),),
            foreign_keys=(
                ForeignKey(
                    table="public.keys",
                    columns=("row",),
                    target="public.rows",
                    target_columns=("id",),
                ),
            ),
        ),
    }
)


@QUICK
@given(steps=actors(4, 3))
def test_the_same_footprints_come_out_of_the_sql(steps: tuple[Step, ...]) -> None:
    """What the model says of its steps is what is read from their SQL."""
    world = RowLocks(Program(actors={"a": steps}, rows={1: 0, 2: 0, 3: 0}, keys=(1,)))
    changed = ChangedColumns()
    changed.learn({("public.rows", "value")})
    tracker = TransactionTracker(Footprints(CATALOG), changed=changed)
    told = 0

    def follow(failed: bool) -> None:
        nonlocal told
        for sql in world.sent("a")[told:]:
            if not sql.startswith("--"):
                tracker.expect([Query(sql)])
                status = "E" if tracker.inside else "I"
                tracker.done(failed=failed, status=status if failed else None)
            failed = False  # only the first of them can: it was the step, the rest is local
        told = len(world.sent("a"))

    follow(False)
    while enabled := world.pending():
        (pending,) = enabled
        if not pending.label.startswith("--"):
            assert tracker.expect([Query(pending.label)]) == pending.footprint
        answers = len(world.answers("a"))
        world.advance("a")
        follow(any(isinstance(answer, str) for answer in world.answers("a")[answers:]))
