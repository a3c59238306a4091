"""Exploration of one scenario on one variant: opens benches, searches, and keeps what it found.

Imports all of the exploration but ``regression``. Others use the names below.
"""

from paidonce.harness.explore.exploration.exploring import (
    WATCH_S,
    Explored,
    SearchRequest,
    budget_of,
    exit_code,
    explore,
    opened,
    opened_as,
    play_again,
    save,
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
