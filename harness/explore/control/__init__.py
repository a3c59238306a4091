"""One execution of a service under control: exactly one attempt moves at a time.

``controller`` is the gate of all taps and decides when a step is over; ``reader`` says of what
arrives whose it is and what it touches, and asks what it means of the one of ``readers`` that is
registered for its tap; ``waiting``, ``rest``, ``lock_waits``, ``quiescence``, ``deadlines`` and
``standstill`` are how waiting is told from working; ``execution`` plays one execution on a
``controlled_bench``, ``executions`` gives as many as a search asks for, each from the same initial
state; ``mode`` is what these rely on, ``alarms`` what the search has to know at once.

Imports the search's interface (``search.world``), naming and footprints. Others use
``ServiceWorlds``, ``ServiceWorld``, ``Mode``, ``ExecutionOutcome`` and ``At``.
"""
