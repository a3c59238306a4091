"""Units that one attempt sends at once go in one order, which has to be as good as any other."""

from __future__ import annotations

from paidonce.harness.explore.control.attempts import Arrival
from paidonce.harness.explore.control.side_by_side import AtOnce, SideBySide
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.taps.postgres import Unit
from paidonce.harness.taps.stripe.calls import StripeCall

CHARGE, MARK, LOOK = "stripe payment_intent.create", "postgres UPDATE orders", "postgres SELECT"
ORDER, INTENT = Resource(("orders",)), Resource(("intents",), (("maker", "tab 1"),))
WRITES = Footprint(publishes=frozenset({ORDER}))
LOOKS = Footprint(looks=frozenset({ORDER}))
MAKES = Footprint(publishes=frozenset({INTENT}))


def arrived(label: str) -> Arrival:
    if label.startswith("stripe"):
        return Arrival(StripeCall(1, "POST", "/v1/payment_intents", "create"), "one", label=label)
    return Arrival(Unit(1, 1, 1, "sync", ()), "two", label=label)


def ordered(known: AtOnce, *labels: str) -> list[str]:
    held = [arrived(label) for label in labels]
    known.order(held)
    return [one.label for one in held]


def test_which_came_first_makes_no_difference():
    known = AtOnce()
    assert ordered(known, MARK, CHARGE) == ordered(known, CHARGE, MARK) == [CHARGE, MARK]


def test_one_that_commutes_may_be_carried_out_before_another():
    steps = SideBySide()
    steps.made("tab 1", CHARGE, MAKES, beside=MARK)
    steps.made("tab 1", MARK, WRITES)
    steps.made("tab 2", LOOK, LOOKS)
    assert list(steps.untried()) == []


def test_one_that_others_mind_goes_last_from_then_on():
    steps = SideBySide()
    steps.made("tab 2", LOOK, LOOKS)
    steps.made("tab 1", MARK, WRITES, beside=CHARGE)
    steps.made("tab 1", CHARGE, MAKES)
    assert steps.learn() == {MARK}
    assert ordered(steps.known, MARK, "postgres a") == ["postgres a", MARK]


def test_all_that_others_mind_are_learnt_from_one_execution():
    steps = SideBySide()
    steps.made("tab 1", LOOK, LOOKS, beside=MARK)
    steps.made("tab 1", MARK, WRITES, beside=CHARGE)
    steps.made("tab 1", CHARGE, MAKES)
    steps.made("tab 2", MARK, WRITES)
    assert steps.learn() == steps.known.minded == {LOOK, MARK}
    assert steps.learn() == frozenset()


def test_two_that_others_mind_were_tried_in_one_order_only():
    steps = SideBySide(AtOnce(minded={MARK}))
    steps.made("tab 2", LOOK, LOOKS)
    steps.made("tab 1", MARK, WRITES, beside=LOOK)
    steps.made("tab 1", LOOK, LOOKS)
    assert list(steps.untried()) == [("tab 1", MARK, LOOK)]


def test_what_its_own_attempt_does_later_counts():
    steps = SideBySide(AtOnce(minded={LOOK}))
    steps.made("tab 1", LOOK, LOOKS, beside=CHARGE)
    steps.made("tab 1", CHARGE, MAKES)
    steps.made("tab 1", MARK, WRITES)
    assert list(steps.untried()) == [("tab 1", LOOK, CHARGE)]
