"""A witness: the schedule that shows a counterexample, in a file that a person can read.

``file`` is its format, ``lenient_replay`` follows it on a service that has changed,
``annotation`` says at each step who holds and waits for what, ``export`` writes it in other
people's formats.

Imports the search and the control. Others use ``Witness``, ``read_witness``, ``write_witness``
and ``follow``.
"""
