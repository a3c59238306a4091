"""Deadlines of an execution under control: how long it waits for what."""

from __future__ import annotations

from dataclasses import dataclass

WATCH_S = 0.5
"""How long a service is watched, where nobody says, to learn what it sends by itself."""


@dataclass(frozen=True)
class Patience:
    """The times that the control waits, each for what it is named after; seconds.

    ``step``: for a step to come to rest. ``inside``: without any sign of life before an attempt
    is taken to wait inside the service. ``pause``: the same after it was refused what it asked
    for, as it may try again. ``handover``: without any after a step by which another process of the
    service may have been woken. ``tail``: after its answer, for a service that goes on working.
    ``alone``: with nobody else able to move, for an attempt that waits inside the service to go on
    by itself. ``deadlock_gap``: how long a waiting session is left alone so that its own deadlock
    check is behind it; must exceed the server's ``deadlock_timeout``.
    ``back_off``: without any sign of life of who was refused since another's call is under way:
    Stripe's libraries try twice again, the second time after a second at most.
    """

    step: float = 60.0
    inside: float = 0.12
    pause: float = 0.7
    handover: float = 0.02
    tail: float = 0.25
    alone: float = 2.0
    deadlock_gap: float = 0.015
    back_off: float = 3.0
