"""Footprints: which things a step touches, and so which steps commute.

A footprint (``model``) says which rows, keys and objects a step reads, writes and locks; it may
say too much, never too little. Each wire has a reader of its own: ``sql``, ``redis``, ``stripe``
(told from the call) and ``stripe_told`` (told by the simulator).

Imports taps for what crossed them, and nothing else of the exploration: it is its lowest floor.
Others use ``Footprint``, ``Resource`` and the readers.
"""
