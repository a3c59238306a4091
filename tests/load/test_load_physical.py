"""The same SQL without the service: recorded of real guards, checked, and run by pgbench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from paidonce.harness.load.observe import physical
from paidonce.harness.load.observe.physical import measure_limit
from paidonce.harness.load.observe.sqlscript import Script
from paidonce.harness.process import event_loop as loop
from paidonce.harness.results.load_observed import Alone, Limit
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.reference import TARGET


def measured(folder: Path, guards: Sequence[str]) -> list[tuple[Alone | None, Limit]]:
    async def run() -> list[tuple[Alone | None, Limit]]:
        async with open_stack(Described(TARGET), Choice()) as stack:
            lane = await stack.lane()
            return [
                await measure_limit(stack, lane, guard, 3, folder / "pgbench.log", orders=100)
                for guard in guards
            ]

    return loop.run(run())


def test_a_payment_alone_is_counted_and_its_sql_runs_without_the_service(tmp_path: Path) -> None:
    [(fenced, limit)] = measured(tmp_path, ["redis_lock"])
    assert fenced == Alone(
        round_trips=3, statements=3, transactions=3, stripe_calls=1, redis_commands=3
    )
    assert limit.why_not == ""
    assert limit.payments is not None
    assert limit.payments > 0
    assert (limit.clients, limit.made, limit.failed) == (3, 99, 0)


@pytest.mark.slow
def test_every_guard_s_sql_runs_without_the_service(tmp_path: Path) -> None:
    guards = [variant.name for variant in TARGET.variants]
    for guard, (alone, limit) in zip(guards, measured(tmp_path, guards), strict=True):
        assert alone is not None
        assert alone.stripe_calls == 1
        assert (alone.redis_commands > 0) is guard.startswith("redis"), guard
        assert limit.why_not == "", guard
        assert limit.made + limit.failed == 99, guard
        assert limit.failed == 0 or guard == "serializable"


@pytest.mark.slow
def test_sql_that_does_other_work_than_the_service_s_gives_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_script = physical.script

    def without_orders(*given: object) -> Script:
        made = true_script(*given)  # type: ignore[arg-type]
        trips = tuple(
            tuple(sql.replace("WHERE id =", "WHERE 'no' || id =") for sql in trip)
            for trip in made.round_trips
        )
        return Script(trips, made.tags)

    monkeypatch.setattr(physical, "script", without_orders)
    [(alone, limit)] = measured(tmp_path, ["row_lock"])
    assert alone is not None
    assert limit.payments is None
    assert "the server said 'SELECT 0' where it said 'SELECT 1'" in limit.why_not
