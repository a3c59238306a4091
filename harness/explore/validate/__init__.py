"""Tries what a complete search relied on, on the service in front of it.

A search leaves executions out because of claims: that two steps commute, that a statement is a
single moment, that a statement could only have waited, that attempts are interchangeable.
``claims`` gathers them, one kind each; ``pairs``, ``moments``, ``deferrals`` and ``exchange`` try
each kind once in an execution of its own; ``whole`` goes on without any reduction; ``learnt`` is
what they found wrong.

Imports the search, never the control: a trial is an execution like any other. Others use
``validated``, ``Validation`` and ``Learning``.
"""
