"""The scenarios: a story a module, told against the reference service and whatever is described as
it is.

``catalog`` lists them, ``reference`` describes the reference service from outside, ``ordeals`` are
the failures it is searched under.

Imports scenarios' parts and services of the harness. The command line uses ``SCENARIOS``,
``TARGET`` and ``ORDEALS``; pytest plays each as a test.
"""
