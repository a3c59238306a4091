"""Faults of a service's calls, and of the service itself: their kinds, as data.

A gate says what becomes of a call by returning one of ``AtTap``, and the tap carries it out over
its sockets::

    service ──request──> tap ──> gate.request ──┬── None ──────────> dependency
                          ^                     ├── NoContact ─────> both connections reset
                          │                     └── ErrorAnswer ───> an error, nothing done
    service <──answer──── tap <── gate.answer <─┬── None ─────────── dependency's answer
                                                ├── LostAnswer ────> both connections reset
                                                └── ErrorAnswer ───> an error, though it is done

``FromOutside`` happens to the service and to what surrounds it, at a moment that the gate chooses:
a gate asks the test bed for it (``paidonce.harness.testbed.outside``) before it returns from
``request`` or ``answer``.

Each is a value: it can be compared, hashed, and written into a file, and ``label`` says in a few
words what it is, so that a search can offer it as a choice like any other. Which of them a tap can
carry out is in its ``faults``.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class _Kind(msgspec.Struct, frozen=True, tag_field="fault", forbid_unknown_fields=True):
    """The form in which faults are written: ``{"fault": "no_contact"}``."""

    @property
    def kind(self) -> str:
        """Its kind in one word, as it is written."""
        return str(self.__struct_config__.tag)


class NoContact(_Kind, frozen=True, tag="no_contact"):
    """The connection is reset before the request went on; the dependency never heard of it."""

    @property
    def label(self) -> str:
        return "no contact"


class LostAnswer(_Kind, frozen=True, tag="lost_answer"):
    """The dependency has done what it was asked, and the connection is reset in its answer's place.

    What a Postgres transaction had not committed by then is rolled back with its connection.
    """

    @property
    def label(self) -> str:
        return "answer lost"


class ErrorAnswer(_Kind, frozen=True, tag="error_answer"):
    """The service is answered an error of that protocol, in the place of the dependency.

    ``error`` is its name there: an SQLSTATE, a code of Stripe's, the first word of Redis's reply.
    """

    error: str

    @property
    def label(self) -> str:
        return f"answered {self.error}"


class Crash(_Kind, frozen=True, tag="crash"):
    """A process of the service is killed with all that it started (SIGKILL), and started again.

    ``process`` is its name in the target, empty for the first one.
    """

    process: str = ""

    @property
    def label(self) -> str:
        return f"crash of {self.process}" if self.process else "crash"


class TimePasses(_Kind, frozen=True, tag="time_passes"):
    """``seconds`` pass for what expires in Redis and at Stripe; Postgres has no clock to move.

    At Stripe they do not pass where ``at_stripe`` is False.
    """

    seconds: float
    at_stripe: bool = True

    @property
    def label(self) -> str:
        return f"{self.seconds:g} s pass"


AtTap = NoContact | LostAnswer | ErrorAnswer
FromOutside = Crash | TimePasses


class Faults(NamedTuple):
    """The faults that a tap can carry out in a request's place, and in an answer's."""

    request: tuple[AtTap, ...]
    answer: tuple[AtTap, ...]


def cannot(fault: AtTap, label: str, side: str) -> ValueError:
    """The error of a gate that asks for what cannot be there; ``side`` is "request" or "answer"."""
    return ValueError(f"a gate returned {fault!r} for the {side} of {label!r}, where it cannot be")
