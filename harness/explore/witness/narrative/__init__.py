"""A counterexample told in order, as data: who did what at each step, which rows and calls that
was about, what it was answered, and what it waited for.

``narrate`` joins a witness to its history; ``row_access`` says what statements do to rows;
``wording`` has the words that all writers use.

Imports the witness's file and histories. Every writer (exports, terminal, CI comment, film)
formats a ``Narrative``, and none reads the history again.
"""

from paidonce.harness.explore.witness.narrative.model import (
    Asked,
    Exchange,
    Moment,
    Narrative,
    Reply,
    Wait,
)
from paidonce.harness.explore.witness.narrative.narrate import history_of, narrate

__all__ = [
    "Asked",
    "Exchange",
    "Moment",
    "Narrative",
    "Reply",
    "Wait",
    "history_of",
    "narrate",
]
