"""Figures made of what was recorded: summaries, where time goes, slowdowns with their uncertainty.

Pure: numbers in, numbers out. Imports results as data. Others use ``summarise`` and ``compare``.
"""
