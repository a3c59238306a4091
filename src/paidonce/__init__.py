"""paidonce: proves that a payment service charges exactly once.

The parts are folders at the top of the repository, and links here: so they have an import name of
their own, ``paidonce.harness`` and so on, which no package of a user's has.
"""
