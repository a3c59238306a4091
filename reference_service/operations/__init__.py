"""The operations by kind, so that a stored attempt finds the one that concludes it.

Imports orders and calls. The flow and the guards use ``OPERATIONS`` and ``Plan``.
"""

from __future__ import annotations

from paidonce.reference_service.operations.amount import ChangeAmount
from paidonce.reference_service.operations.base import Operation
from paidonce.reference_service.operations.cancel import Cancel
from paidonce.reference_service.operations.checkout import OpenCheckout, ReturnFromCheckout
from paidonce.reference_service.operations.coupon import Redeem
from paidonce.reference_service.operations.intent import CreateIntent
from paidonce.reference_service.operations.pay import Pay
from paidonce.reference_service.operations.refund import Refund
from paidonce.reference_service.operations.renew import Renew
from paidonce.reference_service.operations.webhook import ApplyEvent

OPERATIONS: dict[str, type[Operation]] = {
    operation.kind: operation
    for operation in (
        *(Pay, CreateIntent, Cancel, Refund, ChangeAmount, ApplyEvent),
        *(OpenCheckout, ReturnFromCheckout, Redeem, Renew),
    )
}

__all__ = [
    "OPERATIONS",
    "ApplyEvent",
    "Cancel",
    "ChangeAmount",
    "CreateIntent",
    "OpenCheckout",
    "Operation",
    "Pay",
    "Redeem",
    "Refund",
    "Renew",
    "ReturnFromCheckout",
]
