"""What is told where something is not as a file says: what came instead, and what to do."""

from __future__ import annotations

import pytest
from small_services import HERE, check, edited

from paidonce.harness.cli.target_check import plan_of
from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.explore.exploration.leases_over import at_most
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search.execute import check_behind
from paidonce.harness.explore.search.types import Budget, Expected
from paidonce.harness.explore.search.world import InvalidRun, Taken
from paidonce.harness.history import Outcome
from paidonce.harness.http.client import Answer
from paidonce.harness.results.words import gist, quoted
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.answers import asked, told_by
from paidonce.harness.targets.run.requests import Request

TARGET = HERE / "picking" / "target.toml"


def answered(status, body=b"", **headers):
    return Answer(status, headers, body)


def told(status, body=b"", **headers):
    file = load_target(TARGET).file
    table = file.attempts[0]
    return told_by(file, table, table.steps[0], answered(status, body, **headers), last=True)


def test_a_redirect_says_where_to():
    found = told(302, b"<html><body>Found</body></html>", location="/login?next=/pay")
    assert found.outcome is Outcome.FAILED
    assert found.error == "leads to /login?next=/pay; Found"
    assert told(302, location="/login").error == "leads to /login"


def test_what_is_cut_says_so():
    assert told(500, b"x" * 1000).error.endswith("xx…")
    step = load_target(TARGET).file.attempts[0].steps[0]
    found = asked(1, step, Request(method="POST", path="/pay", body=b"y" * 1000))
    assert found["body"].endswith("yy…")
    assert not asked(1, step, Request(method="POST", path="/pay", body=b"y" * 200))[
        "body"
    ].endswith("…")


def test_who_is_not_ready_is_told_with_what_it_answered_instead():
    error = DeadlineExceeded("web to answer /healthz otherwise than with 503", 2)
    assert str(error) == (
        "waited 2 s for web to answer /healthz otherwise than with 503, which did not happen"
    )


def test_of_a_long_list_of_columns_the_table_is_left():
    columns = ", ".join(f'"t"."column_{n}" AS "t_column_{n}"' for n in range(40))
    label = f'postgres SELECT {columns} FROM "tickets" "t" WHERE id = ?'
    assert gist(label) == 'postgres SELECT … FROM "tickets" "t" WHERE id = ?'
    assert quoted(label) == '\'postgres SELECT … FROM "tickets" "t" WHERE id = ?\''
    # Nothing between two labels is left out.
    two = "'postgres SELECT 1' and then many other words of all kinds, 'DELETE FROM jobs'"
    assert gist(two) == two


def test_what_touched_more_names_value_column_and_remedy():
    def touching(**key):
        row = Resource(("pg", "public.orders"), tuple(sorted(key.items())))
        return Footprint(looks=frozenset({row}))

    expected = Expected(actor="tab 1", label="postgres SELECT", footprint=touching(id="7"))
    step = Taken(
        actor="tab 1",
        label="postgres SELECT",
        footprint=touching(id="7", number="A-17").union(touching(owner="9")),
        enabled=("tab 1",),
    )
    with pytest.raises(InvalidRun) as told:
        check_behind(2, expected, step)
    assert "public.orders (owner = '9')" in str(told.value)
    assert "[reset], snapshot = true" in str(told.value)
    other = Taken(
        actor="tab 1", label="postgres SELECT", footprint=touching(id="8"), enabled=("tab 1",)
    )
    with pytest.raises(InvalidRun) as told:
        check_behind(2, expected, other)
    assert "public.orders had id = '7' and has '8'" in str(told.value)
    assert "have a step of [[prepare]] capture it" in str(told.value)


def test_a_target_that_cannot_run_is_wrong_in_words_and_by_its_exit_code(tmp_path):
    path = edited(
        tmp_path,
        "picking",
        ("POST /pick/4815{n}", "POST /pick/nothing"),
        ("[variants.free]\nsound = false\n", ""),
        ("[variants.bare]\nsound = false\n", ""),
        ("[variants.waits]\nsound = false\n", ""),
    )
    said = check(path, tmp_path / "out")
    assert said.exit_code == 2, said.output
    assert "turns: could not be checked" in said.output
    assert "WRONG SET-UP" in said.output
    assert "AS DECLARED" not in said.output


@pytest.mark.slow
def test_what_was_not_searched_to_its_end_is_not_as_declared(tmp_path):
    path = edited(
        tmp_path,
        "picking",
        ("[variants.free]\nsound = false\n", ""),
        ("[variants.bare]\nsound = false\n", ""),
        ("[variants.waits]\nsound = false\n", ""),
    )
    said = check(path, tmp_path / "out", "--time", "1s")
    assert said.exit_code == 3, said.output
    assert "AS DECLARED" not in said.output
    assert "NOT DECIDED" in said.output
    # Which bound it was, and by what it was given.
    assert "--time" in said.output


@pytest.mark.parametrize(
    ("explore", "time", "words"),
    [
        ("", "6m", "by --time"),
        ("[explore]\ncheck_s = 30\n", None, "by check_s in [explore]"),
        ("", None, "by default: --time gives another, or check_s in [explore]"),
    ],
)
def test_what_bounds_a_check_is_named(tmp_path, explore, time, words):
    path = edited(tmp_path, "picking", ("[taps]", f"{explore}[taps]"))
    plan = plan_of(path, None, time, None, tmp_path / "out", 0, 1)
    assert plan.bound_by == words


def test_a_budget_holds_also_for_making_a_counterexample_smaller():
    whole = Budget(schedules=200, seconds=20.0)
    assert whole.within(None) == whole
    assert whole.within(60.0) == whole
    assert whole.within(2.0) == Budget(schedules=200, seconds=2.0)
    assert Budget(schedules=200).within(2.0) == Budget(schedules=200, seconds=2.0)


def test_times_that_nobody_is_known_to_go_by_get_a_time_of_their_own_and_say_so():
    whole = Budget(seconds=289.0, whole=480.0, source="of 480 s by --time")
    part = at_most(whole, 20.0)
    assert part.seconds == 20.0
    assert part.spent_words.startswith("the 20 s are spent")
    assert (part.whole, part.source) == (None, ""), "--time would not give it more"
    assert at_most(whole, 300.0) == whole
