"""The Postgres tap: a proxy that understands the frontend/backend protocol, 3.0 and 3.2.

Bytes become frames (``frames``), frames become messages (``frontend``, ``backend``), messages
become units (``units``) of a session (``session``), all without input or output; ``tap`` moves
the bytes. Section numbers in these modules are those of the PostgreSQL 18 manual, chapter 54.

Imports what all taps share, and SQL trees. Others use the names below.
"""

from paidonce.harness.taps.held import Phase
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.tap import PostgresTap, ReplicaTap
from paidonce.harness.taps.postgres.units import Answer, Failure, Statement, Unit

__all__ = [
    "Answer",
    "Failure",
    "Phase",
    "PostgresTap",
    "ReplicaTap",
    "Session",
    "Statement",
    "Unit",
]
