"""Time as one of those who move: at a moment of the search's choice some of it has passed.

What ends by the clock of Redis or of Stripe ends because that clock is moved. A lease that is kept
in Postgres ends by a statement that says so, since Postgres has no clock to move. The service's own
timers go on as they would.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY_LEASE_OVER = "every lease over"
"""The name of the time that passes where a search has met leases; see ``Script.lapsing``."""
CATCHES_UP = "the replica catches up"
"""The label of the step by which a replica moves on."""


@dataclass(frozen=True)
class Passing:
    """Time that passes once in an execution.

    ``seconds`` pass for what expires in Redis and at Stripe (none at all where 0); then the
    statements of ``sql`` are run, each a transaction of its own, sent to the database as the
    service sends its own. Where it is asked what they have ``left`` they are time that passes and
    nothing else: triggers and rules, which time does not set off, are kept out as far as the
    service's user may do that.
    """

    seconds: float = 0.0
    sql: tuple[str, ...] = ()
    catches_up: bool = False
    """True if it is the replica that moves on, to where the primary is."""
    left: tuple[str, ...] = ()
    """By statement of ``sql``, which returns its transaction with each row, a query for the columns
    whose times it has left as they were, though it was to move them; none where that is not asked.
    Its parameters are ``before``, the snapshot of the moment in which the statement was let go, and
    ``by``, its transaction; None where it has met no row."""

    @property
    def label(self) -> str:
        """Return the label of its first step."""
        if self.catches_up:
            return CATCHES_UP
        return f"{self.seconds:g} s pass" if self.seconds else "start"
