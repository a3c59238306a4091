"""Child processes, temp folders and ports of ours, and the promise that none is left behind.

Imports errors. Others use ``Child``, ``TempFolder``, ``HeldPort`` and ``in_thread``.
"""
