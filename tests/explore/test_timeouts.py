"""Which time-outs of Postgres are in force where somebody waits for a lock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from paidonce.harness.explore.caveats import honest, notes
from paidonce.harness.explore.control.database_timeouts import Timeouts
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Function
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.session_settings import settings_at_first, timeouts_of
from paidonce.harness.explore.footprint.sql.timeouts import NAMES, UNKNOWN, seconds
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker
from paidonce.harness.explore.search import Counts, Ending, SearchResult

SETS = Function(
    name="public.hurry",
    volatility="volatile",
    language="plpgsql",
    source="BEGIN PERFORM set_config('lock_timeout', '5', false); END",
)
CATALOG = Catalog(
    builtin={"set_config": "volatile"},
    functions={"public.hurry": (SETS,)},
    timeouts={"statement_timeout": "0", "lock_timeout": "0"},
)
WAITS = "SELECT id FROM orders FOR UPDATE"


def in_force(*units: str | Query, first: dict[str, str] | None = None) -> dict[str, str]:
    """Those that may run out for the last of ``units``."""
    tracker = TransactionTracker(Footprints(CATALOG), times=first or {})
    for unit in units[:-1]:
        tracker.expect([Query(unit) if isinstance(unit, str) else unit])
        tracker.done()
    tracker.expect([Query(unit) if isinstance(unit := units[-1], str) else unit])
    return {name: value for name, value in tracker.times.items() if seconds(value) != 0}


@pytest.mark.parametrize(
    ("units", "found"),
    [
        (["SET lock_timeout = '1s'"], {"lock_timeout": "1s"}),
        (["SET SESSION lock_timeout TO 500"], {"lock_timeout": "500"}),
        (["SET lock_timeout = 0"], {}),
        (["SET lock_timeout = '1s'", "RESET lock_timeout"], {}),
        (["SET lock_timeout = '1s'", "RESET ALL"], {}),
        (["SET lock_timeout = '1s'", "DISCARD ALL"], {}),
        (["SET lock_timeout = '1s'", "SET lock_timeout TO DEFAULT"], {}),
        (["SET LOCAL lock_timeout = '1s'"], {}),
        (["BEGIN", "SET LOCAL lock_timeout = '1s'"], {"lock_timeout": "1s"}),
        (["BEGIN", "SET LOCAL lock_timeout = '1s'", "COMMIT"], {}),
        (["BEGIN", "SET transaction_timeout = 9", "COMMIT"], {"transaction_timeout": "9"}),
        (["BEGIN", "SET transaction_timeout = 9", "ROLLBACK"], {}),
        (
            ["SET lock_timeout = 1", "BEGIN", "SET lock_timeout = 0", "ROLLBACK"],
            {"lock_timeout": "1"},
        ),
        (
            ["BEGIN", "SAVEPOINT s", "SET LOCAL statement_timeout = 7", "ROLLBACK TO s"],
            {},
        ),
        (["SELECT set_config('lock_timeout', '3s', false)"], {"lock_timeout": "3s"}),
        (["SELECT set_config('lock_timeout', '3s', true)"], {}),
        (["BEGIN", "SELECT set_config('lock_timeout', '3s', true)"], {"lock_timeout": "3s"}),
        (["DO $$ BEGIN SET lock_timeout = 1; END $$"], {"lock_timeout": UNKNOWN}),
        (["SELECT hurry()"], {"lock_timeout": UNKNOWN}),
        (["SET work_mem = '1MB'", "SET search_path = 'public'"], {}),
    ],
)
def test_what_a_session_has_set(units: list[str], found: dict[str, str]) -> None:
    assert in_force(*units, WAITS) == found


def test_a_value_may_be_a_parameter() -> None:
    asks = Query("SELECT set_config($1, $2, false)", ("statement_timeout", "2500"))
    assert in_force(asks, WAITS) == {"statement_timeout": "2500"}
    untold = Query("SELECT set_config('lock_timeout', $1, false)", (None,))
    assert in_force(untold, WAITS) == {"lock_timeout": UNKNOWN}


def test_a_setting_may_be_updated_like_a_row() -> None:
    update = "UPDATE pg_settings SET setting = $1 WHERE name = $2"
    assert in_force(update, WAITS) == dict.fromkeys(sorted(NAMES), UNKNOWN)
    assert in_force("SELECT setting FROM pg_settings", WAITS) == {}


def test_a_session_begins_with_what_it_asks_for_or_its_role_has() -> None:
    catalog = Catalog(
        user="postgres",
        timeouts={"lock_timeout": "0", "statement_timeout": "4000"},
        roles={"": {}, "shop": {"lock_timeout": "2s"}},
    )

    def begins(**startup: str) -> dict[str, str]:
        return timeouts_of(settings_at_first(startup, catalog), catalog)

    assert begins() == {"lock_timeout": "0", "statement_timeout": "4000"}
    assert begins(options="-c lock_timeout=5s")["lock_timeout"] == "5s"
    assert begins(user="shop") == {"lock_timeout": "2s"}
    assert in_force(WAITS, first=begins(user="shop")) == {"lock_timeout": "2s"}


def test_what_the_server_has_stored_counts(explore_url: str) -> None:
    """The service connects as a role of its own, which is not the one of the URL."""
    with psycopg.connect(explore_url, autocommit=True) as connection:
        name, me = connection.info.dbname, connection.info.user
        hasty = f"{name}_hasty"
        connection.execute(f'CREATE ROLE "{hasty}" LOGIN'.encode())
        try:
            for sql in (
                f"ALTER DATABASE \"{name}\" SET statement_timeout = '20s'",
                f"ALTER ROLE \"{hasty}\" SET lock_timeout = '3s'",
                "CREATE FUNCTION hurry() RETURNS void LANGUAGE plpgsql "
                "SET transaction_timeout = '1s' AS $$ BEGIN END $$",
            ):
                connection.execute(sql.encode())
            sessions = SqlSessions(explore_url, lambda session: {"user": session})
            found = {role: given(sessions, role) for role in (hasty, me)}
            calls = given(sessions, me, "SELECT hurry()")
        finally:
            connection.execute(f'DROP ROLE "{hasty}"'.encode())
    assert {name: seconds(value) for name, value in found[me].items()} == {"statement_timeout": 20}
    assert {name: seconds(value) for name, value in found[hasty].items()} == {
        "statement_timeout": 20,
        "lock_timeout": 3,
    }
    assert calls["transaction_timeout"] == UNKNOWN


def given(sessions: SqlSessions, session: str, sql: str = WAITS) -> dict[str, str]:
    tracker = sessions.tracker(session)
    tracker.expect([Query(sql)])
    return {name: value for name, value in tracker.times.items() if seconds(value) != 0}


@pytest.mark.parametrize(
    ("value", "lasts"),
    [("500", 0.5), ("'2s'", 2), ("1.5 min", 90), ("0", 0), ("500us", 5e-4), ("soon", None)],
)
def test_a_number_without_a_unit_is_milliseconds(value: str, lasts: float | None) -> None:
    assert seconds(value) == (None if lasts is None else pytest.approx(lasts))


def test_who_waits_and_who_holds_have_different_ones() -> None:
    timeouts = Timeouts()
    both = {"lock_timeout": "1s", "idle_in_transaction_session_timeout": "30000"}
    timeouts.waits("LOCK", both, [{**both, "statement_timeout": "1s"}])
    assert timeouts.found == {
        "'LOCK' waits for a lock, and lock_timeout is 1 s",
        "'LOCK' waits for a lock that another transaction holds, whose "
        "idle_in_transaction_session_timeout is 30 s",
    }


def test_what_is_out_of_the_way_is_not_named() -> None:
    timeouts = Timeouts()
    timeouts.waits("LOCK", {"lock_timeout": "0", "statement_timeout": "2min"}, [{}])
    assert timeouts.found == set()
    timeouts.waits("LOCK", {"lock_timeout": UNKNOWN}, [])
    assert timeouts.found == {"'LOCK' waits for a lock, and lock_timeout is a time"}


def worlds(*, hold: bool) -> Any:
    timeouts = Timeouts()
    timeouts.waits("LOCK", {"lock_timeout": "1s"}, [])
    subject = SimpleNamespace(
        keeps_state_unseen=False,
        copies=(),
        answering=(),
        picked_at_stripe=(),
        leases_hold=False,
        timeouts_hold=hold,
    )
    return SimpleNamespace(
        bench=SimpleNamespace(
            subject=subject,
            controlled=False,
            taps={},
            stripe_tap=SimpleNamespace(live_keys=set()),
            egress=None,
            talks_past_the_tap=lambda _: False,
            workers=lambda: 1,
        ),
        background=SimpleNamespace(learnt=set(), disturbing={}),
        warmth=SimpleNamespace(notes=()),
        scenario=SimpleNamespace(
            attempts=[SimpleNamespace(name="tab 1", awaits="", passing=None, again="")]
        ),
        leases=SimpleNamespace(found={}, stayed=set()),
        timeouts=timeouts,
        alone={},
        surprise="",
        mode=Mode(),
    )


def test_a_search_that_rests_on_one_is_not_complete_unless_they_are_said_to_hold() -> None:
    result = SearchResult(
        ending=Ending.COMPLETE, coverage="", reason="", counts=Counts(), seconds=1.0, outcomes=()
    )
    said = honest([worlds(hold=False)], result)
    why = "'LOCK' waits for a lock, and lock_timeout is 1 s; time-outs do not run out in a search"
    assert (said.ending, said.reason) == (Ending.INCOMPLETE, f"it rests on a time-out: {why}")
    assert notes([worlds(hold=False)]) == ()
    assert honest([worlds(hold=True)], result) == result
    assert notes([worlds(hold=True)]) == (why,)
