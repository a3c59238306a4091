"""What load is to be made, before any of it is: settings, arrivals, contention, retries.

Imports words that all share; nothing of Locust. Others use ``LoadSettings`` and ``LoadPlan``.
"""
