"""Exploration of one scenario on one variant: opens benches, searches, and keeps what it found.

``request`` is the order for it and the result, ``opening`` opens the services, ``exploring`` joins
the searches: ``searching`` makes one; ``leases_over``, ``search_behind`` and ``under_failures``
those that follow one which found nothing; ``keeping`` makes a counterexample again and writes it
down.

Imports all of the exploration but ``regression``. Others use the names below.
"""

from paidonce.harness.explore.control.deadlines import WATCH_S
from paidonce.harness.explore.exploration.exploring import explore
from paidonce.harness.explore.exploration.keeping import play_again, save
from paidonce.harness.explore.exploration.opening import opened, opened_as
from paidonce.harness.explore.exploration.request import (
    Explored,
    SearchRequest,
    budget_of,
    exit_code,
    scheduler,
)

__all__ = [
    "WATCH_S",
    "Explored",
    "SearchRequest",
    "budget_of",
    "exit_code",
    "explore",
    "opened",
    "opened_as",
    "play_again",
    "save",
    "scheduler",
]
