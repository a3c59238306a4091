"""A scenario's webhook of Stripe's own event, delivered before its call is answered."""

from __future__ import annotations

import dataclasses

import pytest
from reference_worlds import LAB

from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Ending
from paidonce.scenarios.catalog import scenario

pytestmark = pytest.mark.xdist_group("reference service explored")

STORY = scenario("webhook_within_call")


def answers(story):
    """What the customer is told, in all executions; the guard looks at a version too late."""
    request = SearchRequest(scenario=story, variant="optimistic_late", validation=None)
    result = LAB.on(story, request.variant, lambda worlds: explore(worlds, request)).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    return {told for outcome in result.outcomes for told in outcome.answers if "customer" in told}


def test_the_webhook_comes_before_the_answer_as_well():
    """Then it has changed the version when the answer is there; without that it never has."""
    assert len(answers(STORY.in_search)) == 2


def test_an_event_that_is_there_already_has_to_be_raised_all_the_same():
    customer, stripe = STORY.in_search.attempts
    late = dataclasses.replace(stripe.steps[0], raised=False, args={})
    assert (stripe.awaits, stripe.delivers_raised) == ("payment_intent.succeeded", True)
    assert not dataclasses.replace(stripe, steps=(late,)).delivers_raised
    assert not customer.delivers_raised
