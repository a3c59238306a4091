"""A history as a story: who asked what, what Stripe did, what was taken; for histories without a
witness.

Imports charts and histories. Others use ``timeline`` and ``timeline_picture``.
"""
