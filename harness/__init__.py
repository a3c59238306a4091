"""paidonce: proves that a payment service charges exactly once."""

__version__ = "0.1.0"
