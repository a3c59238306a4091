"""The operations by kind, so that a stored attempt finds the one that concludes it."""

from __future__ import annotations

from paidonce.reference_service.operations.amount import ChangeAmount
from paidonce.reference_service.operations.base import Operation
from paidonce.reference_service.operations.cancel import Cancel
from paidonce.reference_service.operations.intent import CreateIntent
from paidonce.reference_service.operations.pay import Pay
from paidonce.reference_service.operations.refund import Refund
from paidonce.reference_service.operations.webhook import ApplyEvent

OPERATIONS: dict[str, type[Operation]] = {
    operation.kind: operation
    for operation in (Pay, CreateIntent, Cancel, Refund, ChangeAmount, ApplyEvent)
}

__all__ = [
    "OPERATIONS",
    "ApplyEvent",
    "Cancel",
    "ChangeAmount",
    "CreateIntent",
    "Operation",
    "Pay",
    "Refund",
]
