"""A stateful simulator of Stripe's payments API, run in a process of its own.

``python -m harness.simulator`` serves it. What it simulates behaves as Stripe documents it at
https://docs.stripe.com/api; what it does not simulate is refused and says so.

The modules form three layers, each importing only from those above it:

========== =============================================================================
data       ``objects`` ``cards`` ``money`` ``errors`` ``ids`` ``collection``
domain     ``state`` ``payment_methods`` ``charges`` ``intents`` ``refunds`` ``search``
HTTP       ``forms`` ``params`` ``expand`` ``routes`` ``auth`` ``idempotency`` ``latency``
           ``app`` ``control`` ``server`` ``cli``
========== =============================================================================

``signing`` stands alone: it makes the ``Stripe-Signature`` header of a webhook.
"""
