"""The gate of a target: is it alive, does a burst break it, what does the search say, what of it
is accepted.

Imports the file and the run. Others use ``check``, ``smoke`` and ``find_source``.
"""
