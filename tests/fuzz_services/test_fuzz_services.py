"""Random small services: what a search says of one is what plain threads see of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import Agreement, Effort
from deliveries import delivered
from further import further
from pieces import service
from programme import Path as Way
from programme import Service, Step, read

from paidonce.harness.explore.validate.spending import Validation

FOUND = Path(__file__).parent / "found"
OPEN: dict[str, str] = {}
"""Services in ``found`` that are still misjudged, and why."""
CHEAP = Effort(
    reduced=40, full=0, quick=10, deep=10, validation=Validation(seconds=30.0, executions=3)
)
QUICK = (
    *(3003, 3004, 3005, 3010, 3011, 3012, 3013, 3015, 3022, 3023, 3024),
    *(3030, 3034, 3035, 3037, 3038, 3039, 3040, 3041, 3043, 3045, 3048, 3050),
    *(300000, 300001, 300004, 300005, 300007, 300008, 300013, 300014, 300017, 300019, 300024),
    *(300030, 300034, 300044, 300046, 300047, 300050, 300052, 300055, 300056, 300057, 300062),
    *(300064, 300069, 300083),
)
QUICK_FURTHER = (0, 2, 3, 5, 13, 14, 16, 20, 23, 25, 29, 32)
"""Seeds whose services make sense serially and are searched in a few executions."""
QUICK_DELIVERIES = (0, 2, 4, 8, 10)
CLAIM = Step(
    "sql", "UPDATE orders SET status = 'paid' WHERE id = %(order)s AND status <> 'paid'", "row"
)
HANDS_OUT = Step("sql", "INSERT INTO effects (order_id) VALUES (%(order)s)")
TOLD = ("payment_intent.succeeded",)

LOOK = Step("sql", "SELECT id FROM orders WHERE id = %(order)s AND status = 'unpaid'", "row")
LOCK = Step("sql", LOOK.text + " FOR UPDATE", "row")
PAID = Step("sql", "UPDATE orders SET status = 'paid' WHERE id = %(order)s")
CHARGE = Step("charge", "")
BEGIN, COMMIT = Step("sql", "BEGIN"), Step("sql", "COMMIT")
ABSENT, REMEMBERED = Step("memory", "absent"), Step("memory", "add")


@pytest.mark.parametrize(
    ("steps", "broken"),
    [
        ((LOOK, CHARGE, PAID), "paid twice"),
        ((BEGIN, LOOK, CHARGE, PAID, COMMIT), "paid twice"),
        ((BEGIN, LOCK, CHARGE, PAID, COMMIT), ""),
        ((BEGIN, LOCK, COMMIT, CHARGE, PAID), "paid twice"),
        # Two of these overlap although each is a single statement.
        (
            (
                Step(
                    "sql",
                    f"UPDATE orders SET status = 'paid' WHERE id = ({LOOK.text})",
                    "row",
                ),
                CHARGE,
            ),
            "paid twice",
        ),
        ((Step("sql", PAID.text + " AND status = 'unpaid'", "row"), CHARGE), ""),
        ((BEGIN, PAID, PAID, Step("sql", "LOCK TABLE orders"), CHARGE, COMMIT), "paid twice"),
        ((ABSENT, REMEMBERED, CHARGE), ""),
        ((ABSENT, Step("sql", LOOK.text), REMEMBERED, CHARGE), "paid twice"),
    ],
)
def test_plain_threads_know_what_holds(steps, broken, lab):
    told = lab.truth.told(Service((Way(steps),)), 60)
    assert told.broken == broken
    assert told.executions > 1 or broken


def test_plain_threads_refuse_what_makes_no_sense(lab):
    kept = Step("sql", "SELECT pg_advisory_lock(%(order)s)")
    assert not lab.truth.makes_sense(Service((Way((kept, LOOK, CHARGE, PAID)),)))
    assert lab.truth.makes_sense(Service((Way((LOOK, CHARGE, PAID)),)))
    assert not lab.truth.makes_sense(Service((Way((LOOK, CHARGE)),)))
    assert not lab.truth.makes_sense(Service((Way((CHARGE, PAID)),)))


@pytest.mark.parametrize("seed", QUICK)
def test_a_random_service_is_judged_as_it_is(seed, lab):
    check(service(seed), lab, CHEAP)


@pytest.mark.parametrize("seed", QUICK_FURTHER)
def test_a_random_service_of_further_pieces_is_judged_as_it_is(seed, lab):
    check(further(seed), lab, CHEAP)


@pytest.mark.parametrize("seed", QUICK_DELIVERIES)
def test_a_random_service_that_events_are_delivered_to_is_judged_as_it_is(seed, lab):
    check(delivered(seed), lab, CHEAP)


@pytest.mark.parametrize(
    ("pays", "handler", "events", "broken"),
    [
        ((CHARGE, CLAIM, HANDS_OUT), (CLAIM, HANDS_OUT), TOLD, ""),
        ((CHARGE, CLAIM, HANDS_OUT), (CLAIM, HANDS_OUT), TOLD * 2, ""),
        ((CHARGE, LOOK, HANDS_OUT, PAID), (LOOK, HANDS_OUT, PAID), TOLD, "handed out twice"),
        # Who pays hands out before anybody can be told; the events themselves meet.
        ((CHARGE,), (LOOK, HANDS_OUT, PAID), TOLD * 2, "handed out twice"),
        ((CHARGE,), (LOOK, HANDS_OUT, PAID), TOLD, ""),
        # Within the transaction of who pays.
        (
            (BEGIN, CHARGE, LOOK, PAID, HANDS_OUT, COMMIT),
            (BEGIN, LOCK, PAID, HANDS_OUT, COMMIT),
            TOLD,
            "handed out twice",
        ),
    ],
)
def test_plain_threads_know_what_events_break(pays, handler, events, broken, lab):
    attempts = (0, *(1,) * len(events))
    of = Service((Way(pays), Way(handler)), attempts, events=events)
    assert lab.truth.makes_sense(of)
    assert lab.truth.told(of, 60).broken.endswith(broken)
    assert bool(lab.truth.told(of, 60).broken) == bool(broken)


def test_plain_threads_deliver_no_event_before_it_is_raised(lab):
    """Else who looks whether it is paid would be told so by the event alone, and not charge."""
    of = Service((Way((CLAIM, CHARGE)), Way((CLAIM, HANDS_OUT))), (0, 1), events=TOLD)
    told = lab.truth.told(of, 60)
    assert {(one.charges, one.effects) for one in told.outcomes} == {(1, 0)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_more_random_services_that_events_are_delivered_to_are_judged_as_they_are(seed, lab):
    compared = lab.compared(delivered(seed), Effort())
    assert not compared.agreement.wrong, f"{compared.why}\n{delivered(seed).text()}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_more_random_services_are_judged_as_they_are(seed, lab):
    check(service(seed), lab, Effort())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_more_random_services_of_further_pieces_are_judged_as_they_are(seed, lab):
    check(further(seed), lab, Effort())


def _found():
    for path in sorted(FOUND.glob("*.json")):
        why = OPEN.get(path.stem)
        marks = [] if why is None else [pytest.mark.xfail(strict=True, reason=why)]
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("path", list(_found()))
def test_a_service_that_was_misjudged_once_is_not_again(path, lab):
    check(read(path.read_text()), lab, Effort())


def check(of, lab, effort):
    compared = lab.compared(of, effort)
    assert compared.agreement is not Agreement.SENSELESS
    assert not compared.agreement.wrong, f"{compared.why}\n{of.text()}"
