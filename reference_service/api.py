"""HTTP bodies and errors of the service, and their description for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Path
from pydantic import BaseModel, ConfigDict, Field

from paidonce.reference_service.orders import OrderStatus

Amount = Annotated[int, Field(strict=True, ge=50, le=99_999_999, description="Minor units.")]
OrderId = Annotated[str, Path(min_length=1, max_length=64, description="The order's id.")]
ClientKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key on the same order and action gets the same answer.",
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewOrder(_Body):
    amount: Amount
    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")] = "usd"


class ChangedOrder(_Body):
    amount: Amount


class Nothing(_Body):
    pass


class NewPayment(_Body):
    payment_method: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,255}$")] = "pm_card_visa"


class NewCheckout(_Body):
    recurring: bool = False


class NewCoupon(_Body):
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewRefund(_Body):
    amount: Annotated[int, Field(strict=True, ge=1, le=99_999_999)] | None = None


class OrderOut(BaseModel):
    id: str
    amount: int
    currency: str
    payment_status: OrderStatus
    payment_id: str | None
    refunded_amount: int
    checkout_id: str | None
    version: int


class OrderShown(OrderOut):
    handed_out: Annotated[
        list[str], Field(description="What Checkout sold and was handed out, by what paid for it.")
    ]


class CheckoutOut(BaseModel):
    checkout_id: str
    url: str | None
    order: OrderOut


class IntentOut(BaseModel):
    payment_id: str
    client_secret: str | None
    order: OrderOut


class PaymentOut(BaseModel):
    payment_id: str
    payment_status: OrderStatus
    amount: int
    currency: str


class RefundOut(BaseModel):
    refund_id: str
    payment_id: str
    amount: int
    order: OrderOut


class AppliedOut(BaseModel):
    applied: bool


class SettledOut(BaseModel):
    settled: int


class RenewedOut(BaseModel):
    renewed: int


class ReconciledOut(BaseModel):
    applied: int


class ErrorDetail(BaseModel):
    code: str
    message: str
    payment_id: str | None = None


class ErrorOut(BaseModel):
    error: ErrorDetail


def errors(**codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses for error codes given as ``_409="order_already_paid, ..."``."""
    return {
        int(status[1:]): {"model": ErrorOut, "description": names}
        for status, names in codes.items()
    }
