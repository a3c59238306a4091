"""A stateful simulator of Stripe's payments API, run in a process of its own.

``python -m harness.simulator`` serves it. What it simulates behaves as Stripe documents it at
https://docs.stripe.com/api; what it does not simulate is refused and says so.

The modules form layers, each importing only from those below it:

============ ===========================================================================
program      ``cli`` ``server`` ``app`` ``http``
requests     ``api`` (``admission``, ``call``, ``executing``), ``control`` (``commands``), ``pages``
endpoints    ``routes``, one module for each family of objects, ``intent_params``, ``expand``,
             ``listing``
server       ``simulation`` ``settings`` ``faults`` ``idempotency`` ``limits`` ``locks`` ``saved``
             ``webhooks``
payments     ``intents`` ``confirming`` ``charges`` ``refunds`` ``payment_methods`` ``customers``
             ``search``, on ``state``
words        ``errors`` ``params`` ``forms`` ``auth`` ``wire`` ``latency`` ``signing``
data         ``objects`` ``cards`` ``money`` ``collection`` ``ids``
============ ===========================================================================

Where a docstring names a status (400, 404 …), that is a ``StripeError`` that is raised; one that
tells what is wrong with a request as it stands is ``Refused``.
"""
