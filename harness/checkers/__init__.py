"""Checkers: functions from a history to a verdict, usable offline on a saved file.

Imports histories and models, and nothing that made them. Others use ``judge`` and ``CHECKERS``.
A new checker is a module here and its line in ``_ALL``: what reports say of it, and which runs it
judges, is in its own ``telling``.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import recovered
from paidonce.harness.checkers.amounts_agree import AmountsAgree
from paidonce.harness.checkers.base import Checker, Telling
from paidonce.harness.checkers.bounded_wait import BoundedWait
from paidonce.harness.checkers.cancelled import NoChargeWhenCancelled
from paidonce.harness.checkers.charges_recorded import CHARGED_RECORDED, RECORDED_CHARGED
from paidonce.harness.checkers.clean_rejections import CleanRejections
from paidonce.harness.checkers.comes_to_rest import ComesToRest
from paidonce.harness.checkers.coupon_limit import CouponLimit
from paidonce.harness.checkers.declared import DeclaredRejections, DeclaredSuccesses
from paidonce.harness.checkers.event_lost import EventLost
from paidonce.harness.checkers.handed_out import HandedOutOnce
from paidonce.harness.checkers.held import Held
from paidonce.harness.checkers.independent_orders import IndependentOrders
from paidonce.harness.checkers.invariants import Invariants
from paidonce.harness.checkers.judging import can_judge, judge_with, select
from paidonce.harness.checkers.key_lost import KeyLost
from paidonce.harness.checkers.ledger_agrees import LedgerAgrees
from paidonce.harness.checkers.linearizable import Linearizable
from paidonce.harness.checkers.one_charge import OneCharge
from paidonce.harness.checkers.one_intent import OneIntent
from paidonce.harness.checkers.one_success import OneSuccess
from paidonce.harness.checkers.progress import Progress
from paidonce.harness.checkers.refunds_bounded import RefundsBounded
from paidonce.harness.checkers.same_key import SameKeySameAnswer
from paidonce.harness.errors import UsageError
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict

__all__ = [
    "CHECKERS",
    "Checker",
    "checker",
    "judge",
    "judge_with",
    "load_checkers",
    "recovery_checkers",
    "target_checkers",
    "target_tables",
    "telling",
]

_ALL: tuple[Checker, ...] = (
    OneSuccess(),
    Progress(),
    CleanRejections(),
    OneIntent(),
    OneCharge(),
    LedgerAgrees(),
    AmountsAgree(),
    RefundsBounded(),
    SameKeySameAnswer(),
    Linearizable(),
    IndependentOrders(),
    BoundedWait(),
    NoChargeWhenCancelled(),
    HandedOutOnce(),
    CouponLimit(),
    Invariants(),
    DeclaredSuccesses(),
    DeclaredRejections(),
    CHARGED_RECORDED,
    RECORDED_CHARGED,
    EventLost(),
    Held(),
    KeyLost(),
    ComesToRest(),
)

CHECKERS: dict[str, Checker] = {checker.name: checker for checker in _ALL}
"""All checkers by name, in the order in which reports show them."""


def checker(name: str) -> Checker:
    """The checker of this name. Raises ``UsageError`` naming the choices if there is none."""
    return select(CHECKERS, [name])[0]


def load_checkers() -> tuple[str, ...]:
    """Name what every run of load is judged by."""
    return tuple(name for name, checker in CHECKERS.items() if checker.telling.of_load)


def target_checkers() -> tuple[str, ...]:
    """Name what every run of a target file is judged by."""
    return tuple(name for name, checker in CHECKERS.items() if checker.telling.of_targets)


def recovery_checkers() -> tuple[str, ...]:
    """Name what every run is judged by that had to recover."""
    return tuple(name for name, checker in CHECKERS.items() if checker.telling.of_recovery)


def target_tables() -> dict[str, str]:
    """Return the table of a target file that asks for a checker, by the checker's name.

    It holds the checkers whose findings bear their own name; those of ``invariants`` bear the
    names that the file gives.
    """
    return {
        name: checker.telling.table for name, checker in CHECKERS.items() if checker.telling.table
    }


def telling(name: str) -> Telling:
    """Return how what a checker finds is told; of one that is not known any more, without words."""
    return CHECKERS[name].telling if name in CHECKERS else Telling()


def judge(history: History, names: Iterable[str] | None = None) -> tuple[Verdict, ...]:
    """Put ``history`` to the checkers named, by default to those its header names; where there
    was something to recover from, to those of recovery as well.

    Raises ``UsageError`` for an unknown name and when no checker is named at all, since
    a history that nothing was asked of has no verdict.
    """
    if names is None:
        names = history.header.checkers
        if recovered(history) is not None:
            # What an order of a target file is to come to its own invariants say, and nobody else.
            told = Capability.ORDER_STATE in history.header.capabilities
            names = (
                *names,
                *(n for n in recovery_checkers() if told or can_judge(CHECKERS[n], history)),
            )
    chosen = select(CHECKERS, names)
    if not chosen:
        raise UsageError(f"no checker was named; choose from {', '.join(CHECKERS)}")
    return judge_with(chosen, history)
