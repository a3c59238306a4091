"""Which execution is made next: one scheduler a file, all behind ``Scheduler`` of ``search.types``.

``dfs`` makes every interleaving, ``dpor`` those that differ, ``bounded`` those with few switches,
``random_walk`` and ``pct`` some at random, ``predicted_first`` what was predicted before the rest.
``tree`` is what ``dfs`` and ``dpor`` keep of where they have been.

Imports the rest of ``search``, never the control of a service. Others choose by name through
``search``.
"""
