"""The story of one order: who asked what, what Stripe did and took; and words for it.

Imports histories and words. Others use ``story`` and ``phrases``.
"""
