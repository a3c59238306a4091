"""Stripe's domain: intents, charges, refunds, cards, customers, and their state machines.

Imports nothing of the simulator, and knows no HTTP.

All other parts use ``World`` and one module a kind of object.
"""
