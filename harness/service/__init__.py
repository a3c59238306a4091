"""The service under test, as data and as a process: how it is described, started, asked and told.

``description`` is a service by its actions (pay, cancel …), ``launch`` starts and stops it,
``responses`` reads its answers, ``webhooks`` writes what Stripe would send it, ``script`` is what
is played on it, whatever describes that.

Imports processes, HTTP, results' variants. Others use ``Target``, ``Service``, ``Script``.
"""
