"""Checkers: functions from a history to a verdict, usable offline on a saved file.

Imports histories and models, and nothing that made them. Others use ``judge`` and ``CHECKERS``.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.checkers.amounts_agree import AmountsAgree
from paidonce.harness.checkers.base import Checker
from paidonce.harness.checkers.bounded_wait import BoundedWait
from paidonce.harness.checkers.cancelled import NoChargeWhenCancelled
from paidonce.harness.checkers.clean_rejections import CleanRejections
from paidonce.harness.checkers.declared import DeclaredRejections, DeclaredSuccesses
from paidonce.harness.checkers.independent_orders import IndependentOrders
from paidonce.harness.checkers.invariants import Invariants
from paidonce.harness.checkers.judging import judge_with, select
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

__all__ = ["CHECKERS", "Checker", "checker", "judge", "judge_with"]

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
    Invariants(),
    DeclaredSuccesses(),
    DeclaredRejections(),
)

CHECKERS: dict[str, Checker] = {found.name: found for found in _ALL}
"""All checkers by name, in the order in which reports show them."""


def checker(name: str) -> Checker:
    """The checker of this name. Raises ``UsageError`` naming the choices if there is none."""
    return select(CHECKERS, [name])[0]


def judge(history: History, names: Iterable[str] | None = None) -> tuple[Verdict, ...]:
    """Put ``history`` to the checkers named, by default to those its header names.

    Raises ``UsageError`` for an unknown name and when no checker is named at all, since
    a history that nothing was asked of has no verdict.
    """
    chosen = select(CHECKERS, history.header.checkers if names is None else names)
    if not chosen:
        raise UsageError(f"no checker was named; choose from {', '.join(CHECKERS)}")
    return judge_with(chosen, history)
