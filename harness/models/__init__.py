"""Sequential models: what the service would answer if one operation ran at a time.

Imports histories' words. Checkers use ``OrderModel``.
"""

from paidonce.harness.models.base import SequentialModel
from paidonce.harness.models.order import OrderModel
from paidonce.harness.models.order_state import OrderState, Phase

__all__ = ["OrderModel", "OrderState", "Phase", "SequentialModel"]
