"""A payment service with its race protection on one switch.

A FastAPI application over PostgreSQL and Stripe that sells orders. Every operation that moves
money is written once (``operations``) and run by one flow (``flow``); how concurrent requests
for one order are kept apart is a *guard* (``guards``), chosen by ``PAYMENT_GUARD``. Some guards
are sound, some carry the classic mistakes on purpose. It imports nothing of the test harness:
it is a target like any other.

The harness uses its address and its settings.
"""
