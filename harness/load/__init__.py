"""Load: many real clients at once, in real time, recorded operation by operation.

Load proves little (it finds what happens to happen) and measures what exploration cannot:
throughput, latency and waiting for locks. Locust runs in processes of its own, because it
replaces Python's blocking calls with gevent's; nothing in this package but some modules of
``generate`` may import it.

``plan``, ``generate``, ``record``, ``observe`` and ``analyse`` are its parts, in the order of their
use; ``run``, ``measure`` and ``sweep`` are one run, one guard, and many.

Imports test beds, services and results, and nothing of explorations but taps' readers. Others use
``LoadSettings``, ``Workload`` and ``join``.
"""
