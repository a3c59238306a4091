"""Exploration: every interleaving of a few attempts that differs, chosen at the taps.

``footprint`` and ``naming`` say what a step is, ``search`` chooses, ``control`` executes,
``validate`` tries what was relied on, ``witness`` keeps what was found, ``cluster`` spreads it over
machines. ``exploration`` joins them. Imports scenarios and test beds. Others use ``explore`` and
``SearchRequest``.
"""
