"""Sequential models: what the service would answer if one operation ran at a time."""

from harness.models.base import SequentialModel
from harness.models.order import OrderModel, OrderState, Phase

__all__ = ["OrderModel", "OrderState", "Phase", "SequentialModel"]
