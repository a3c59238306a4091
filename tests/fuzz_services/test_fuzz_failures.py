"""Small services under one failure: what a search says of one is what real kills and resets do."""

from __future__ import annotations

import pytest
from comparing import Agreement
from comparing_failures import KINDS, Tries, answered, unsafe
from pieces import service
from programme import Path as Way
from programme import Service, Step

LOCK = Step(
    "sql",
    "SELECT id FROM orders WHERE id = %(order)s AND status = 'unpaid' FOR UPDATE",
    "row",
)
PAID = Step("sql", "UPDATE orders SET status = 'paid' WHERE id = %(order)s")
CLAIMS = Step("sql", PAID.text + " AND status = 'unpaid'", "row")
SETNX = Step("redis", '["SETNX", "claim:{order}", "1"]', "row")
ANEW, KEYED = Step("charge", ""), Step("charge", "pay-{order}")
BEGIN, COMMIT = Step("sql", "BEGIN"), Step("sql", "COMMIT")
LOCKED = (BEGIN, LOCK, ANEW, PAID, COMMIT)
LOCKED_KEYED = (BEGIN, LOCK, KEYED, PAID, COMMIT)


@pytest.mark.parametrize(
    ("steps", "kind", "broken"),
    [
        (LOCKED, "crash", "paid twice"),
        (LOCKED, "reset", "paid twice"),
        (LOCKED, "error", "paid twice"),  # 40001 in the place of its COMMIT
        (LOCKED_KEYED, "crash", ""),
        (LOCKED_KEYED, "reset", ""),
        (LOCKED_KEYED, "error", ""),
        ((CLAIMS, ANEW), "crash", ""),  # at most once: nobody charges again
        ((CLAIMS, ANEW), "reset", ""),
    ],
)
def test_plain_threads_know_what_a_failure_breaks(steps, kind, broken, kills):
    known = kills.failed(Service((Way(steps),)), KINDS[kind], 30)
    assert known.broken == broken
    assert known.executions > 1


def test_a_service_that_claims_first_loses_the_payment_in_a_crash(kills):
    known = kills.failed(Service((Way((CLAIMS, ANEW)),)), KINDS["crash"], 30)
    came_to = {(one.charges, one.state.split()[0]) for one in known.outcomes}
    assert {(0, "paid"), (1, "paid")} <= came_to


def test_a_command_of_redis_whose_answer_is_lost_is_sent_again_by_its_client(kills):
    """And finds what it has done itself: nobody pays then."""
    known = kills.failed(Service((Way((SETNX, ANEW)),)), KINDS["reset"], 40)
    assert not known.broken
    assert {0, 1} <= {one.charges for one in known.outcomes}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "kind"),
    [
        *((3012, "reset"), (5004, "reset"), (7104, "reset")),
        *((300005, "error"), (300011, "error")),
    ],
)
def test_a_random_service_is_judged_under_failures_as_it_is(seed, kind, failing_lab):
    compared = failing_lab.compared(service(seed), kind, Tries(full=0))
    assert compared.agreement is not Agreement.SENSELESS
    assert not compared.agreement.wrong, compared.why


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        pytest.param(LOCKED, "reset", id="locked-reset"),
        pytest.param(LOCKED_KEYED, "reset", id="keyed-reset"),
        pytest.param((CLAIMS, KEYED), "reset", id="claims-reset"),
        pytest.param((CLAIMS, KEYED), "error", id="claims-error"),
        pytest.param((CLAIMS, KEYED), "crash", id="claims-crash"),
    ],
)
def test_the_reduction_leaves_out_nothing_under_failures(steps, kind, failing_lab):
    """All interleavings below every plan, each crash among them, against the reduced search."""
    of = Service((Way(steps),))
    reduced, every = failing_lab.searched(of, kind)
    assert unsafe(reduced) == unsafe(every)
    if not unsafe(every):
        assert not every.reason
        assert answered(every) == answered(reduced)
        assert every.failing_executions > reduced.failing_executions


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_complete_under_failures_would_be_noticed(kind, failing_lab):
    """Plain threads break it; a search that looked at nothing would be called wrong."""
    of = Service((Way(LOCKED),))
    compared = failing_lab.compared(of, kind, Tries(full=0), blind=True)
    assert compared.agreement is Agreement.WRONG_COMPLETE
