"""A stateful simulator of Stripe's payments API, run in a process of its own.

``python -m paidonce.harness.simulator`` serves it. What it simulates behaves as Stripe documents it
at https://docs.stripe.com/api; what it does not simulate is refused and says so.

Each folder imports only from those below it:

============= ==========================================================================
``http``      the server: HTTP/1.1 on one loopback port
``api``       a call from its request to its answer; the control API, the pages
``endpoints`` which path does what: routes, parameters, expansion, lists
``engine``    the clock, saved worlds, faults, idempotency keys, limits, locks, webhooks
``wire``      requests and answers in Stripe's form
``domain``    intents, charges, refunds, cards, customers: their state machines and data
============= ==========================================================================

It imports errors and bounded reading, and nothing else of the harness. Others start it as a process
(``simulator.http.server``), sign webhooks as it does (``engine.signing``), and share its words for
events, errors and faults.

Where a docstring names a status (400, 404 …), that is a ``StripeError`` that is raised; one that
tells what is wrong with a request as it stands is ``Refused``.
"""
