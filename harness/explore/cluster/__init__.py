"""Lanes of a search in other processes and on other machines, by way of Dask.

```
coordinator: scheduler of plans, judge ──> Crew ──> Dask's scheduler ──> workers: lanes, each with
                                             ^                             a service of its own
                                             └── what became of a plan ────────┘
```

Dask hands out the work, notices a worker that is lost, and gives what it had to another. Nothing
here knows what a lane is: it is opened where the work comes to, and *jobs* are run on it.

Imports the search and its interface; ``service_lanes`` test beds and control as well. Others use
``crew_at``, ``local_cluster`` and ``parted``.
"""
