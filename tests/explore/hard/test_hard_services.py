"""What the explorer concludes of services that are hard on explorers; every part is real.

Each behaviour is a file in ``service/behaviours``. A test says precisely how the search must end,
which outcomes it must meet, and what it must name.
"""

from __future__ import annotations

import pytest
from hard_target import PAY_VS_CANCEL, TWO_TABS, Lab

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import Explored, play_again
from paidonce.harness.explore.search import BadOrder, Ending, Foretold, Reduced, Run
from paidonce.harness.explore.search.execute import execute
from paidonce.harness.explore.search.replay import expectations
from paidonce.harness.explore.witness.export import Snapshot, isolation_spec, statements_of
from paidonce.harness.explore.witness.narrative import narrate
from paidonce.harness.history import Completed, Effect

REPLAYS = 20
BOTH_WAYS = {("ok", "not_payable"), ("not_payable", "ok")}
HEARTBEAT = "postgres UPDATE heartbeats SET beats = beats + ?"


def answers(explored: Explored) -> set[tuple[str, ...]]:
    """How the attempts were answered, in each outcome that was met: the code, or the outcome."""
    return {
        tuple(code or outcome for _, _, outcome, code in came.answers)
        for came in explored.result.outcomes
    }


def complete(explored: Explored) -> None:
    result = explored.result
    assert (result.ending, result.reason, result.invalid) == (Ending.COMPLETE, "", ())
    assert result.coverage == "all interleavings of 2 attempts over tap steps"


def charged_twice(explored: Explored) -> None:
    result = explored.result
    assert result.ending is Ending.COUNTEREXAMPLE
    assert result.invalid == ()
    assert explored.witness is not None
    assert {"one-success", "one-charge"} <= {broken.checker for broken in explored.witness.broken}


def waits_inside(explored: Explored) -> bool:
    return any("wait for each other inside the service" in note for note in explored.notes)


# --- waiting for a row ---------------------------------------------------------------------------


@pytest.mark.slow
def test_who_waits_for_a_row_that_is_replaced_is_not_taken_for_one_who_comes_later(
    lab: Lab,
) -> None:
    explored = lab.explored("replaces_row")
    complete(explored)
    assert {tuple(sorted(found)) for found in answers(explored)} == {
        ("no_such_order", "ok"),
        ("not_payable", "ok"),
    }


# --- snapshots -----------------------------------------------------------------------------------


def test_where_a_statement_is_parsed_makes_no_difference_to_who_sees_what(lab: Lab) -> None:
    """Every other execution has its first statements parsed in round trips of their own."""

    async def executed(worlds: ServiceWorlds) -> list[Run]:
        order = BadOrder(reader="tab 1", label="start", rival="tab 2")
        (plan,) = Foretold((order,), Reduced()).upcoming(1)
        return [await execute(worlds, plan) for _ in range(4)]

    runs = lab.on("parses_at_times", TWO_TABS, executed)
    steps = [[(one.actor, one.label, one.footprint) for one in run.taken] for run in runs]
    assert steps == [steps[0]] * 4
    # Tab 1 has begun before tab 2, and has not looked: it sees what tab 2 did.
    assert {tuple(code for *_, code in run.outcome.answers) for run in runs} == {
        ("not_payable", "")
    }


@pytest.mark.slow
def test_a_search_of_snapshots_is_complete_wherever_they_are_taken(lab: Lab) -> None:
    explored = lab.explored("parses_at_times")
    complete(explored)
    # "lost_race": it saw "unpaid", and was too late. Who begins first may be either.
    assert answers(explored) == {
        ("lost_race", "ok"),
        ("ok", "lost_race"),
        ("not_payable", "ok"),
        ("ok", "not_payable"),
    }


# --- waiting inside the service ------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour", ["mutex", pytest.param("pool_of_one", marks=pytest.mark.slow)]
)
def test_who_waits_inside_the_service_keeps_no_order_from_being_explored(
    lab: Lab, behaviour: str
) -> None:
    explored = lab.explored(behaviour)
    complete(explored)
    assert waits_inside(explored)
    # Who is who makes no difference to a search: the first tab begins first.
    assert {tuple(sorted(found)) for found in answers(explored)} == {("not_payable", "ok")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "met"),
    [
        ("mutex_midway", BOTH_WAYS),
        # Who begins first has the connection, and makes its claim before it is given back. The
        # first tab begins first: it would be the same with the two exchanged.
        ("pool_of_one_claim", {("ok", "not_payable")}),
    ],
)
def test_waiting_in_the_middle_of_an_attempt_takes_every_order(
    lab: Lab, behaviour: str, met: set[tuple[str, ...]]
) -> None:
    explored = lab.explored(behaviour)
    complete(explored)
    assert waits_inside(explored)
    assert answers(explored) == met


@pytest.mark.parametrize(
    "behaviour", ["mutex_too_late", pytest.param("pool_of_one_racy", marks=pytest.mark.slow)]
)
def test_waiting_inside_that_does_not_cover_the_race_hides_nothing(
    lab: Lab, behaviour: str
) -> None:
    charged_twice(lab.explored(behaviour))


@pytest.mark.slow
def test_a_mutex_of_one_process_among_two_proves_nothing(lab: Lab) -> None:
    """Which process an attempt comes to is the kernel's choice: it may be the same one each time,
    and then the mutex seems to be sound."""
    explored = lab.explored("mutex_in_each_process")
    assert explored.result.ending is not Ending.COMPLETE


# --- what the database decides -------------------------------------------------------------------


@pytest.mark.slow
def test_each_can_be_the_victim_of_a_deadlock_and_a_schedule_says_who(lab: Lab) -> None:
    explored = lab.explored("deadlock", PAY_VS_CANCEL, stop_at_first=False)
    result = explored.result
    assert result.invalid == ()
    # In the order canceller, payer: a victim is answered 500.
    assert answers(explored) == {
        ("ok", "not_payable"),
        ("not_payable", "ok"),
        ("failed", "ok"),
        ("ok", "failed"),
    }
    victims = [found.execution for found in result.found]
    assert len(victims) == 2

    async def replays(worlds):
        return [
            [await play_again(worlds, expectations(victim.taken)) for _ in range(REPLAYS)]
            for victim in victims
        ]

    for victim, replayed in zip(victims, lab.on("deadlock", PAY_VS_CANCEL, replays), strict=True):
        assert [str(again.divergence) for again, _ in replayed] == ["None"] * REPLAYS
        assert {judged.came for _, judged in replayed} == {victim.outcome}


@pytest.mark.slow
def test_failures_to_serialize_are_answers_to_explore_past(lab: Lab) -> None:
    explored = lab.explored("serializable")
    complete(explored)
    assert answers(explored) == BOTH_WAYS | {("ok", "try_again"), ("try_again", "ok")}


@pytest.mark.parametrize(
    ("behaviour", "story", "met"),
    [
        ("foreign_key", PAY_VS_CANCEL, BOTH_WAYS),
        pytest.param("trigger", TWO_TABS, BOTH_WAYS, marks=pytest.mark.slow),
    ],
)
def test_locks_that_no_statement_names_are_reckoned_with(lab: Lab, behaviour, story, met) -> None:
    reduced = lab.explored(behaviour, story)
    full = lab.explored(behaviour, story, search="dfs")
    complete(reduced)
    assert full.result.ending is Ending.COMPLETE
    assert set(full.result.outcomes) == set(reduced.result.outcomes)
    assert answers(reduced) == met
    assert reduced.result.counts.explored < full.result.counts.explored


@pytest.mark.parametrize("behaviour", ["inserts_unless_there", "inserts_unless_there_simply"])
def test_a_statement_that_commits_by_itself_is_overtaken_before_it_does(
    lab: Lab, behaviour: str
) -> None:
    explored = lab.explored(behaviour)
    charged_twice(explored)
    assert [step.label for step in explored.witness.steps].count("postgres commit by itself") == 2
    story = narrate(explored.witness, explored.history)
    assert [text for text in statements_of(story) if text == "COMMIT"] == ["COMMIT"] * 2
    spec = isolation_spec(story, Snapshot(setup="SELECT 1;", teardown=""))
    assert spec.count("BEGIN;\nINSERT INTO payments") == 2


@pytest.mark.slow
def test_what_is_overtaken_and_fails_for_that_is_sound(lab: Lab) -> None:
    explored = lab.explored("inserts_once")
    complete(explored)
    assert {tuple(sorted(found)) for found in answers(explored)} == {("not_payable", "ok")}


@pytest.mark.slow
def test_what_may_come_between_statements_sent_as_one_was_not_tried(lab: Lab) -> None:
    result = lab.explored("inserts_unless_there_in_one").result
    assert result.ending is Ending.INCOMPLETE
    assert "is several statements sent as one" in result.reason


# --- what nobody asked for -----------------------------------------------------------------------


def test_what_a_timer_sends_is_learnt_let_through_and_named(lab: Lab) -> None:
    explored = lab.explored("timer")
    complete(explored)
    assert answers(explored) == BOTH_WAYS
    assert explored.notes == (f"the service sends {HEARTBEAT!r} by itself; it is let through",)


@pytest.mark.slow
def test_a_timer_that_was_not_there_in_the_beginning_is_learnt_in_the_end(lab: Lab) -> None:
    explored = lab.explored("timer_from_then_on")
    # That the timer was not there at first is told too, where a beat fell into the first execution.
    cold = ("the first execution on a fresh service differs", "the service does not come to do the")
    notes = tuple(note for note in explored.notes if not note.startswith(cold))
    assert notes == (f"the service sends {HEARTBEAT!r} by itself; it is let through",)
    complete(explored)


@pytest.mark.slow
def test_a_timer_that_was_never_watched_leaves_nothing_complete(lab: Lab) -> None:
    explored = lab.explored("timer_from_then_on", watch=0.0, recheck=1.0)
    assert explored.result.ending is Ending.INCOMPLETE
    assert "determin" in explored.result.reason
    assert "step " in explored.result.reason


@pytest.mark.slow
def test_a_timer_that_touches_what_the_attempts_do_leaves_nothing_complete(lab: Lab) -> None:
    explored = lab.explored("timer_on_orders")
    assert explored.result.ending is Ending.INCOMPLETE
    assert (
        "the service sends 'postgres UPDATE orders SET refunded_amount = ? "
        "WHERE payment_status = ?' by itself, which touches what the attempts do"
    ) in explored.result.reason


# --- what comes after the answer -----------------------------------------------------------------


def test_a_commit_after_the_answer_is_a_step_and_its_race_is_found(lab: Lab) -> None:
    explored = lab.explored("answers_early")
    charged_twice(explored)
    history = explored.history
    assert history is not None
    first = next(op.invoked.attempt for op in history.operations if op.completed is not None)
    answered = next(at for at, event in enumerate(history.events) if isinstance(event, Completed))
    commits = [
        at
        for at, event in enumerate(history.events)
        if isinstance(event, Effect) and (event.attempt, event.label) == (first, "COMMIT")
    ]
    assert commits
    assert answered < commits[-1], "the client had its answer before anything was committed"


def test_a_transaction_begun_after_the_answer_belongs_to_the_attempt(lab: Lab) -> None:
    explored = lab.explored("writes_later")
    charged_twice(explored)
    steps = [step for step in explored.witness.steps if step.actor == "tab 1"]
    assert [step.label for step in steps if "UPDATE orders" in step.label] != []


# --- what is sent again --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour", ["stripe_retries", pytest.param("driver_retries", marks=pytest.mark.slow)]
)
def test_a_library_that_tries_again_is_explored_to_the_end(lab: Lab, behaviour: str) -> None:
    explored = lab.explored(behaviour)
    complete(explored)
    assert answers(explored) == BOTH_WAYS


# --- what cannot be explored ---------------------------------------------------------------------


def test_a_service_that_tosses_coins_is_found_out_and_the_step_named(lab: Lab) -> None:
    result = lab.explored("tosses_coins", recheck=1.0).result
    assert result.ending is Ending.INCOMPLETE
    assert "determin" in result.reason
    assert "step " in result.reason
    assert "SELECT count(*) FROM" in result.reason


def test_a_database_that_is_reached_past_the_tap_leaves_nothing_complete(lab: Lab) -> None:
    result = lab.explored("connects_elsewhere").result
    assert result.ending is Ending.INCOMPLETE
    assert result.reason == "the service has connections to Postgres that are not behind the tap"


def test_a_leaked_transaction_is_named_and_does_not_stop_the_next_execution(lab: Lab) -> None:
    result = lab.explored("leaks").result
    assert result.ending is Ending.INCOMPLETE
    assert "the service leaks a transaction: postgres session" in result.reason
    assert "is still in one after tab 2 got its answer" in result.reason
    assert result.counts.invalid >= 2, "the next one was made although the row had been locked"


def test_a_connection_that_ends_lets_go_of_what_it_held(lab: Lab) -> None:
    explored = lab.explored("hangs_up", PAY_VS_CANCEL)
    complete(explored)
    assert answers(explored) == {("ok", "changed_its_mind"), ("ok", "not_payable")}
