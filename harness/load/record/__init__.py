"""Records of what happened under load, operation by operation; those of several processes as one.

Imports histories. Others use ``Recorder``, ``Latencies``, ``join`` and ``merge``.
"""
