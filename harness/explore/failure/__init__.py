"""Searches under failures: one complete search of orders below each plan of failures.

``plans`` says which plans there are, from what was possible in executions; ``loop`` searches below
each of them. May import all of ``explore`` below ``exploration``.

Others use ``FailureLoop`` and ``chosen_by``.
"""
