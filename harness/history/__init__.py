"""History: the append-only record of a run, and the only thing checkers ever look at.

Imports errors alone. Others use everything that is named here.
"""

from paidonce.harness.history.events import (
    FORMAT,
    Action,
    Backend,
    ChargeObserved,
    Completed,
    Effect,
    Ended,
    Event,
    Fault,
    Header,
    IntentObserved,
    Invariant,
    Invoked,
    Note,
    Observed,
    OrderCreated,
    OrderObserved,
    Outcome,
    Recovered,
    Recovering,
    Rules,
)
from paidonce.harness.history.history import History, Operation
from paidonce.harness.history.journal import Journal
from paidonce.harness.history.reader import read_history
from paidonce.harness.history.recorder import Recorder

__all__ = [
    "FORMAT",
    "Action",
    "Backend",
    "ChargeObserved",
    "Completed",
    "Effect",
    "Ended",
    "Event",
    "Fault",
    "Header",
    "History",
    "IntentObserved",
    "Invariant",
    "Invoked",
    "Journal",
    "Note",
    "Observed",
    "Operation",
    "OrderCreated",
    "OrderObserved",
    "Outcome",
    "Recorder",
    "Recovered",
    "Recovering",
    "Rules",
    "read_history",
]
