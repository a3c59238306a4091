"""Time as one of those who move: at a moment of the search's choice some of it has passed.

What ends by the clock of Redis or of Stripe ends because that clock is moved. A lease that is kept
in Postgres ends by a statement that says so, since Postgres has no clock to move. The service's own
timers go on as they would.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

EVERY_LEASE_OVER = "every lease over"
"""The name of the time that passes where a search has met leases; see ``Script.lapsing``."""
SEARCH_CAUGHT_UP = "Stripe's search caught up"
"""The same where a search has met searches at Stripe."""
LAPSES = (EVERY_LEASE_OVER, SEARCH_CAUGHT_UP)
INDEXED_WITHIN_S = 60.0
"""A search at Stripe finds all that was written a minute before, under normal conditions
(https://docs.stripe.com/search#data-freshness)."""
TIME = "paidonce time"
"""The name by which a session at Postgres says that what it sends is time that passes."""
CATCHES_UP = "the replica catches up"
"""The label of the step by which a replica moves on."""


@dataclass(frozen=True)
class Passing:
    """Time that passes once in an execution.

    ``seconds`` pass for what expires in Redis and at Stripe (none at all where 0; at Stripe only if
    ``at_stripe``: leases are the service's own); then the statements of ``sql`` are run, each a
    transaction of its own, sent to the database as the service sends its own. Where it is asked
    what they have ``left`` they are time that passes and nothing else: triggers and rules, which
    time does not set off, are kept out as far as the service's user may do that.
    """

    seconds: float = 0.0
    sql: tuple[str, ...] = ()
    _: KW_ONLY
    at_stripe: bool = True
    catches_up: bool = False
    """True if it is the replica that moves on, to where the primary is."""
    indexes: bool = False
    """True if it is the index of Stripe's search that moves on, to what there is by then; until
    then it is as it was when the first attempt began."""
    left: tuple[str, ...] = ()
    """By statement of ``sql``, which returns its transaction with each row, a query for the columns
    whose times it has left as they were, though it was to move them; none where that is not asked.
    Its parameters are ``before``, the snapshot of the moment in which the statement was let go, and
    ``by``, its transaction; None where it has met no row."""

    @property
    def lapse_name(self) -> str:
        """Return its name where no script says that it passes."""
        return SEARCH_CAUGHT_UP if self.indexes else EVERY_LEASE_OVER

    @property
    def label(self) -> str:
        """Return the label of its first step."""
        if self.catches_up:
            return CATCHES_UP
        if self.indexes:
            return "Stripe's search catches up"
        return f"{self.seconds:g} s pass" if self.seconds else "start"
