"""A call from its request to its answer: authentication, idempotency, faults, locks, in Stripe's
order, and the simulator's own control API and pages.

Imports endpoints and the engine.

``http`` uses ``pipeline``, the way of a call.
"""
