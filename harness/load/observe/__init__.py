"""Observations while load runs: sessions and locks of the database, the machine, telemetry, and
what bounds a service from outside (pgbench with the same statements, no guard).

Imports test beds and what was recorded. Others use ``Sampler``, ``Meters`` and ``Telemetry``.
"""
