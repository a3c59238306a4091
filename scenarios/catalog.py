"""All scenarios, in the order in which they are told."""

from __future__ import annotations

from paidonce.harness.errors import UsageError
from paidonce.harness.scenario.model import Scenario
from paidonce.scenarios import (
    amount_changed,
    coupon_limit,
    create_vs_pay,
    declined_then_paid,
    double_click,
    many_orders,
    pay_vs_cancel,
    pay_vs_webhook,
    refund_vs_refund,
    renewal_twice,
    retry_after_timeout,
    return_vs_webhook,
    session_expires_vs_paid,
    slow_stripe_lease,
    slow_stripe_timeouts,
    two_intents,
    two_tabs,
    webhook_within_call,
)
from paidonce.scenarios.ordeals import ORDEALS

SCENARIOS: tuple[Scenario, ...] = (
    two_tabs.SCENARIO,
    double_click.SCENARIO,
    two_intents.SCENARIO,
    create_vs_pay.SCENARIO,
    retry_after_timeout.SCENARIO,
    pay_vs_cancel.SCENARIO,
    pay_vs_webhook.SCENARIO,
    amount_changed.SCENARIO,
    declined_then_paid.SCENARIO,
    refund_vs_refund.SCENARIO,
    return_vs_webhook.SCENARIO,
    webhook_within_call.SCENARIO,
    session_expires_vs_paid.SCENARIO,
    renewal_twice.SCENARIO,
    coupon_limit.SCENARIO,
    slow_stripe_lease.SCENARIO,
    slow_stripe_timeouts.SCENARIO,
    many_orders.SCENARIO,
)


def scenario(name: str) -> Scenario:
    """The scenario of that name, or the story of an ordeal, since witnesses name those too.

    Raises ``UsageError`` listing the choices.
    """
    for candidate in (*SCENARIOS, *(ordeal.story for ordeal in ORDEALS)):
        if candidate.name == name:
            return candidate
    choices = ", ".join(candidate.name for candidate in SCENARIOS)
    raise UsageError(f"unknown scenario {name!r}; choose one of: {choices}")
