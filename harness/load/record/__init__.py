"""What happened under load, operation by operation, and parts of several processes as one.

Imports histories. Others use ``Recorder``, ``Latencies``, ``join`` and ``merge``.
"""
