"""Sequential models: what the service would answer if one operation ran at a time.

Imports histories' words. Checkers use ``OrderModel``.
"""

from harness.models.base import SequentialModel
from harness.models.order import OrderModel
from harness.models.order_state import OrderState, Phase

__all__ = ["OrderModel", "OrderState", "Phase", "SequentialModel"]
