"""The surroundings of every call: saved worlds, the clock, faults, idempotency keys, limits, locks,
webhooks and their signatures.

Imports the domain and the wire.

``api`` and ``http`` use ``Simulation``.
"""
