"""The clients that make load, in Locust's processes: ``job`` is handed to them, ``locustfile``
runs.

Locust replaces Python's blocking calls with gevent's, so nothing but ``locustfile``, ``users``,
``clients`` and ``current`` may import it. Imports the plan and the recorder. Others use
``LoadJob``.
"""
