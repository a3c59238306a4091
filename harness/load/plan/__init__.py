"""The plan of a load, before any of it is made: settings, arrivals, contention, retries.

Imports words that all share; nothing of Locust. Others use ``LoadSettings`` and ``LoadPlan``.
"""
