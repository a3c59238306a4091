"""Makes the reference service slower by a known share; Python imports it where it is on its path.

Each request takes ``SLOWER`` (0.2: a fifth) longer than it did: the thread that handled it spends
as much processor time again, and waits as much longer, as that share of what it spent and waited.
"""

import os
import sys
import time

_SHARE = float(os.environ.get("SLOWER", "0"))


def _slow_down() -> None:
    from paidonce.reference_service.flow import Flow

    run = Flow.run

    def slower(self, *args, **kwargs):
        began, worked = time.perf_counter(), time.thread_time()
        try:
            return run(self, *args, **kwargs)
        finally:
            worked = time.thread_time() - worked
            waited = max(0.0, time.perf_counter() - began - worked)
            time.sleep(_SHARE * waited)
            until = time.thread_time() + _SHARE * worked
            while time.thread_time() < until:
                pass

    Flow.run = slower


if _SHARE and "paidonce.reference_service" in sys.orig_argv:
    _slow_down()
