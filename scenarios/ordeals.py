"""The ordeals of the guards, beside the scenarios: failures, and what follows them.

One customer pays; at most one failure happens, at any step; then recovery follows. What is
declared of each guard is in its docstring, and here by the guards that do not survive.
"""

from __future__ import annotations

from dataclasses import replace

from paidonce.harness.history import Action
from paidonce.harness.proof.adversities import (
    Ordeal,
    crashes,
    keeps_a_failure,
    loses,
    refuses,
)
from paidonce.harness.results.proof import Adversity
from paidonce.harness.scenario.model import Attempt, Scenario, Step
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

_HOLDING = frozenset({"row_lock", "row_lock_nowait", "advisory_lock"})
_UNKEYED = frozenset({"none", "optimistic_late", "redis_lock_unfenced"})
"""They send Stripe no key of their own, and record nothing before they call it."""
_UNRECONCILED = frozenset({"recovery"})
"""The sweep where Stripe's books are not compared."""
_LEASE_S = 3600.0

_PAYS = Scenario(
    name="",
    title="One customer pays, and something fails",
    story="One customer pays one order. At most one thing goes wrong, at any step.",
    attempts=(Attempt("customer", (Step(Action.PAY, key="{fresh}"),)),),
    checkers=CHECKERS_OF_A_PAYMENT,
)
_GONE = replace(_PAYS, name="crash_reconciled", recovery=RecoveryBounds(asks=False))
_FORGOTTEN = replace(_GONE, name="crash_forgotten", sweeps=_UNRECONCILED)
_TOLD = Scenario(
    name="redelivery",
    title="Stripe tells of a payment twice, and something fails",
    story="The customer has paid in the browser. Stripe delivers the event, and then once more.",
    prepare=(Step(Action.CREATE_INTENT), Step(Action.CONFIRM_IN_BROWSER)),
    attempts=(Attempt("stripe", (Step(Action.WEBHOOK), Step(Action.WEBHOOK))),),
    checkers=CHECKERS_OF_A_PAYMENT,
)
_LEASE = Scenario(
    name="lease_over",
    title="Two tabs pay while time passes",
    story="Two tabs pay one order, and at any moment every lease is over.",
    attempts=(
        Attempt("tab 1", (Step(Action.PAY, key="{fresh}"),)),
        Attempt("tab 2", (Step(Action.PAY, key="{fresh}"),)),
        Attempt(
            "time",
            (),
            passing=Passing(
                seconds=_LEASE_S,
                at_stripe=False,
                sql=("UPDATE attempts SET lease_until = now() WHERE lease_until > now()",),
            ),
        ),
    ),
    checkers=CHECKERS_OF_A_PAYMENT,
    recovery=RecoveryBounds(always=True),
)

ORDEALS: tuple[Ordeal, ...] = (
    Ordeal(
        Adversity(
            name="lost_answer",
            title="an answer is lost, or there is no contact",
            story="A connection to Postgres, Stripe or Redis is reset; the customer asks again.",
        ),
        replace(_PAYS, name="lost_answer"),
        loses,
        breaks=_UNKEYED,
    ),
    Ordeal(
        Adversity(
            name="saved_500",
            title="Stripe answers a 500, and keeps it",
            story="With its effect or without; the customer asks again under the same key.",
        ),
        replace(_PAYS, name="saved_500"),
        keeps_a_failure,
        breaks=_UNKEYED,
    ),
    Ordeal(
        Adversity(
            name="refused",
            title="an error that leaves nothing behind",
            story="429 and the like of Stripe's, 40001, 40P01 and 57P01 of Postgres's.",
        ),
        replace(_PAYS, name="refused"),
        refuses,
    ),
    Ordeal(
        Adversity(
            name="crash_asks_again",
            title="a crash, and the customer asks again",
            story="Killed around Stripe, around each COMMIT, at the end; nobody reconciles.",
        ),
        replace(_PAYS, name="crash_asks_again", sweeps=_UNRECONCILED),
        crashes,
        breaks=_UNKEYED,
    ),
    Ordeal(
        Adversity(
            name="crash_forgotten",
            title="a crash, nobody comes back, nobody reconciles",
            story="The lease ends and the recovery runs; Stripe's books are not looked at.",
        ),
        _FORGOTTEN,
        crashes,
        breaks=_UNKEYED | _HOLDING,
    ),
    Ordeal(
        Adversity(
            name="crash_reconciled",
            title="a crash, nobody comes back, Stripe's books are compared",
            story="As before, and every payment that Stripe took is looked for.",
        ),
        _GONE,
        crashes,
    ),
    Ordeal(
        Adversity(
            name="redelivery",
            title="an event is delivered twice, and a crash",
            story="The process is killed in one of two deliveries; Stripe delivers it again.",
        ),
        _TOLD,
        crashes,
    ),
    Ordeal(
        Adversity(
            name="lease_over",
            title="every lease is over, at any moment",
            story="Two tabs pay; no failure but that.",
        ),
        _LEASE,
        None,
        breaks=_UNKEYED,
    ),
)
