"""Statements of serializable transactions are told apart where both orders come to the same."""

from __future__ import annotations

import random

import psycopg
import pytest
from real_swaps import Scripts, check_swaps, told_by_traces
from shop import RESET, SCHEMA

from paidonce.harness.explore.control.attempts import Arrival
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.model import EVERYTHING, LOOKED_AT, Footprint, Resource
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.rw_conflicts import Ends
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.postgres import Unit

BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE"
SEES = "SELECT n FROM counters WHERE name = 'x'"
CHANGES = "UPDATE counters SET n = 1 WHERE name = 'x'"
COUNTS = "SELECT count(*) FROM counters"
PROGRAMS = [range(60), range(964, 966), pytest.param(range(60, 1500), marks=pytest.mark.slow)]
STATEMENTS = (
    *(SEES, "SELECT n FROM counters WHERE name = 'y'", CHANGES, COUNTS),
    "UPDATE counters SET n = n + 1 WHERE name = 'y' AND TRUE",
    "WITH changed AS (UPDATE counters SET n = n + 1 WHERE name = 'x' RETURNING name)"
    " INSERT INTO log (what) SELECT name FROM changed",
    "UPDATE counters SET n = n + 1 WHERE n = 0",
    "UPDATE counters SET name = 'z' WHERE name = 'y'",
    "SELECT credit FROM customers WHERE id = 1",
    "UPDATE customers SET credit = credit + 1 WHERE id = 1",
    "SELECT sum(credit) FROM customers",
    "SELECT count(*) FROM log",
    "SELECT status FROM payments WHERE order_id = 2",
    "INSERT INTO payments (order_id, status) VALUES (1, 'failed')",
    "INSERT INTO counters VALUES ('w', 1) ON CONFLICT DO NOTHING",
    "DELETE FROM counters WHERE name = 'x'",
)


@pytest.fixture
def url(explore_url: str) -> str:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        connection.execute(RESET.encode())
    return explore_url


class Steps:
    """Sessions that nobody waits in; statements are only said to have been answered."""

    def __init__(self, url: str) -> None:
        self._sessions = SqlSessions(url)

    @property
    def ends(self) -> Ends:
        """The counts of their execution."""
        return self._sessions.ends

    def __call__(
        self, session: str, *statements: str, rows: bool = True, waited: bool = False
    ) -> Footprint:
        """Make steps; returns what the last one touched."""
        tracker, touched = self._sessions.tracker(session), Footprint()
        for sql in statements:
            tracker.expect([Query(sql)])
            touched = tracker.done(waited=waited, rows=rows and sql.startswith("SELECT"))
        return touched


@pytest.fixture
def step(url: str) -> Steps:
    return Steps(url)


def test_a_row_that_one_sees_and_the_other_changes_makes_all_their_reads_and_writes_commute(
    step: Steps,
) -> None:
    step("b", BEGIN)
    step("a", BEGIN, SEES)
    sees, changes = step("b", SEES), step("a", CHANGES)
    counts = step("b", COUNTS)
    assert not sees.conflicts(changes)
    assert not counts.conflicts(changes)


def test_the_change_may_be_in_with_and_beside_what_else_is_written(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step("a", BEGIN, SEES)
    counts = step("b", "SELECT count(*) FROM log")
    both = f"WITH c AS ({CHANGES} RETURNING name) INSERT INTO log (what) SELECT name FROM c"
    assert not step("a", both).conflicts(counts)


@pytest.mark.parametrize(
    ("reads", "writes"),
    [
        (COUNTS, CHANGES),
        (SEES, "UPDATE counters SET n = 1 WHERE n = 0"),
        (SEES, "UPDATE counters SET n = 1 WHERE name = 'y'"),
        ("SELECT n FROM counters WHERE name = 'y'", CHANGES),
        ("SELECT max(n) FROM counters WHERE name = 'x'", CHANGES),
        ("SELECT n FROM counters WHERE name = 'x' UNION SELECT 1", CHANGES),
        (SEES, "UPDATE counters SET n = 1 FROM log WHERE name = 'x'"),
        (SEES, f"{CHANGES} AND n = 0"),
    ],
)
def test_what_is_not_certain_conflicts(step: Steps, reads: str, writes: str) -> None:
    step("b", BEGIN)
    step("a", BEGIN, SEES)
    assert step("b", reads).conflicts(step("a", writes))


def test_a_trigger_may_keep_a_row_from_being_changed(step: Steps) -> None:
    sees, changes = "SELECT * FROM orders WHERE id = 1", "UPDATE orders SET total = 1 WHERE id = 1"
    step("b", BEGIN)
    step("a", BEGIN, sees)
    assert step("b", sees).conflicts(step("a", changes))


def test_who_saw_no_row_or_waited_is_not_certain(step: Steps, url: str) -> None:
    step("b", BEGIN)
    step("a", BEGIN, SEES)
    assert step("b", SEES, rows=False).conflicts(step("a", CHANGES))
    other = Steps(url)
    other("b", BEGIN)
    other("a", BEGIN, SEES)
    assert other("b", SEES, waited=True).conflicts(other("a", CHANGES))


def test_who_has_not_seen_the_row_may_find_none_to_change(step: Steps) -> None:
    step("b", BEGIN)
    step("a", BEGIN)
    assert step("b", SEES).conflicts(step("a", CHANGES))


def test_a_commit_between_their_snapshots_may_be_of_another_version(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step("c", "UPDATE counters SET n = 7 WHERE name = 'x'")
    step("a", BEGIN, SEES)
    assert step("b", COUNTS).conflicts(step("a", CHANGES))


def test_once_another_has_ended_its_writer_may_be_a_pivot(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step("a", BEGIN, SEES)
    step("c", BEGIN, "SELECT count(*) FROM log", "INSERT INTO log (what) VALUES ('')", "COMMIT")
    assert step("b", COUNTS).conflicts(step("a", CHANGES))


def test_what_could_not_be_followed_may_have_committed_anything(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step.ends.note(EVERYTHING)
    step("a", BEGIN, SEES)
    assert step("b", COUNTS).conflicts(step("a", CHANGES))


def test_another_execution_counts_anew(step: Steps) -> None:
    step("c", BEGIN, SEES, CHANGES, "COMMIT")
    assert (step.ends.commits, step.ends.serializable) == (1, 1)
    step.ends.forget()
    assert (step.ends.commits, step.ends.serializable) == (0, 0)


def test_who_may_be_a_pivot_may_be_doomed_by_any_statement(step: Steps) -> None:
    step("b", BEGIN)
    step("c", BEGIN, SEES, "INSERT INTO log (what) VALUES ('')")
    before = step("c", "SELECT credit FROM customers WHERE id = 1")
    step("a", BEGIN, "INSERT INTO counters VALUES ('w', 1)", "COMMIT")
    after, dooms = step("c", "SELECT credit FROM customers WHERE id = 1"), step("b", SEES)
    assert after.conflicts(dooms)
    assert not before.conflicts(dooms)


def test_what_is_changed_after_a_savepoint_may_be_taken_back(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step("a", BEGIN, SEES, "SAVEPOINT s")
    assert step("b", COUNTS).conflicts(step("a", CHANGES))


def test_a_row_made_in_a_table_without_a_key_meets_who_looks_at_the_table(step: Steps) -> None:
    step("b", BEGIN)
    step("a", BEGIN)
    looks = step("b", "SELECT count(*) FROM log")
    assert looks.conflicts(step("a", "INSERT INTO log (what) VALUES ('')"))


def test_a_row_is_known_by_the_name_of_its_value(step: Steps) -> None:
    step("b", BEGIN)
    sees = step("b", SEES)
    names = Names({"x": "counter"})
    without = Names({}, unnamed={(("pg", "public.counters"), "name")})
    one, other = names.footprint("b", sees), without.footprint("b", sees)
    assert [lock.key for lock in one.locks if lock.place[0] == LOOKED_AT] == [
        (("\0rw\0public.counters\0name\x000\0counter", "seen"),)
    ]
    assert [lock.key for lock in other.locks if lock.place[0] == LOOKED_AT] == [()]


def test_what_a_statement_is_let_go_with_is_taken_back_when_its_answer_tells_more() -> None:
    before = Footprint(looks=frozenset({Resource(("pg", "t"))}))
    asked = Footprint(locks=frozenset({Resource((LOOKED_AT, "t")), Resource(("pg", "t"))}))
    told = Footprint(locks=frozenset({Resource((LOOKED_AT, "t"), (("row", "seen"),))}))
    arrival = Arrival(
        call=Unit(seq=1, session=1, pid=None, ends="query", statements=()),
        session="s",
        passed=(before, asked),
    )
    step = arrival.told(before.union(asked), told)
    assert step.locks == told.locks | {Resource(("pg", "t"))}
    later = before.union(asked).union(Footprint(publishes=frozenset({Resource(("x",))})))
    assert arrival.told(later, told) == later.union(told), "others have added to it since"


def test_the_end_of_the_writer_conflicts_as_ever(step: Steps) -> None:
    step("b", BEGIN, SEES)
    step("a", BEGIN, SEES, CHANGES)
    assert step("a", "COMMIT").conflicts(step("b", COUNTS))


PIVOT = {
    "a": (BEGIN, SEES, "UPDATE counters SET n = 1 WHERE name = 'y'", "COMMIT"),
    "b": (BEGIN, "SELECT n FROM counters WHERE name = 'y'", CHANGES, "COMMIT"),
}
STRUCTURES: dict[str, Scripts] = {
    "a pivot": PIVOT,
    "a pivot, and both see the row that one of them changes": {
        "a": (BEGIN, SEES, "SELECT n FROM counters WHERE name = 'y'", CHANGES, "COMMIT"),
        "b": (BEGIN, SEES, "UPDATE counters SET n = 1 WHERE name = 'y'", "COMMIT"),
    },
    "a row that is not there, looked for in the page where another is put": {
        "a": (
            BEGIN,
            "SELECT n FROM counters WHERE name = 'q'",
            "INSERT INTO customers VALUES (5, 'e')",
            "COMMIT",
        ),
        "b": (
            BEGIN,
            "SELECT count(*) FROM customers",
            "INSERT INTO counters VALUES ('w', 1)",
            "COMMIT",
        ),
    },
    "a pivot among three": {
        "a": (BEGIN, SEES, "INSERT INTO log (what) VALUES ('a')", "COMMIT"),
        "b": (BEGIN, SEES, CHANGES, "SELECT count(*) FROM customers", "COMMIT"),
        "c": (BEGIN, "INSERT INTO customers VALUES (5, 'e')", "COMMIT"),
    },
    "one that only reads": {
        "a": (BEGIN, SEES, CHANGES, "COMMIT"),
        "b": (BEGIN, SEES, "SELECT credit FROM customers WHERE id = 1", "COMMIT"),
        "c": (BEGIN, SEES, "UPDATE customers SET credit = 9 WHERE id = 1", "COMMIT"),
    },
    "one that may know that it is safe": {
        "a": (BEGIN, SEES, CHANGES, "COMMIT"),
        "b": (f"{BEGIN} READ ONLY", SEES, COUNTS, "COMMIT"),
        "c": (BEGIN, COUNTS, "UPDATE counters SET n = 9 WHERE name = 'y'", "COMMIT"),
    },
}


def orders(scripts: Scripts, most: int) -> list[list[str]]:
    """All orders of what comes after everybody's BEGIN, or so many of them."""
    rest = [name for name, script in scripts.items() for _ in script[1:]]
    rng, found = random.Random(0), dict[tuple[str, ...], None]()
    for _ in range(most):
        rng.shuffle(rest)
        found[tuple(rest)] = None
    return [[*scripts, *one] for one in found]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("most", [120, pytest.param(4000, marks=pytest.mark.slow)])
def test_orders_of_one_trace_come_to_the_same(url: str, structure: str, most: int) -> None:
    scripts = STRUCTURES[structure]
    classes, came = told_by_traces(url, read_catalog(url), scripts, orders(scripts, most))
    assert came > 1
    assert classes >= came


def serializable(rng: random.Random) -> Scripts:
    """Three sessions, each of which makes a transaction or two of few statements."""
    chosen = rng.sample(STATEMENTS, k=rng.randint(3, 6))

    def transaction() -> tuple[str, ...]:
        inside = rng.choices(chosen, k=rng.randint(1, 3))
        if rng.random() < 0.6:
            inside.insert(0, rng.choice(STATEMENTS[:2]))
        if rng.random() < 0.1:
            inside = [*inside[:1], "SAVEPOINT s", *inside[1:2], "ROLLBACK TO s", *inside[2:]]
        return (BEGIN, *inside, "ROLLBACK" if rng.random() < 0.1 else "COMMIT")

    return {
        name: tuple(sql for _ in range(rng.randint(1, 2)) for sql in transaction())
        for name in ("a", "b", "c")
    }


@pytest.mark.parametrize("numbers", PROGRAMS, ids=str)
def test_what_was_done_and_is_said_to_commute_does(url: str, numbers: range) -> None:
    programs = [(serializable(random.Random(number)), number) for number in numbers]
    assert check_swaps(url, read_catalog(url), programs, made=True) >= len(programs) / 4
