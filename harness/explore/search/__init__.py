"""The searches: which interleavings to execute, in which order, and what they then prove.

Imports naming and footprints, and knows a service by the interface ``world`` alone. Others use
``search``'s names and ``Worlds``.
"""

from paidonce.harness.explore.search.determinism import Recheck
from paidonce.harness.explore.search.engine import search
from paidonce.harness.explore.search.replay import Divergence, Replayed, bare, expectations, replay
from paidonce.harness.explore.search.schedulers.bounded import Bounded
from paidonce.harness.explore.search.schedulers.dfs import DepthFirst
from paidonce.harness.explore.search.schedulers.dpor import Reduced
from paidonce.harness.explore.search.schedulers.pct import Pct
from paidonce.harness.explore.search.schedulers.predicted_first import Ahead, BadOrder, Foretold
from paidonce.harness.explore.search.schedulers.random_walk import RandomWalk
from paidonce.harness.explore.search.shrink import Shrunk, Without, shrink
from paidonce.harness.explore.search.types import (
    Budget,
    Counts,
    Coverage,
    Ending,
    Execution,
    Expected,
    FoundExecution,
    Judge,
    Nondeterministic,
    Plan,
    Progress,
    Run,
    Schedule,
    Scheduler,
    SearchResult,
    context_switches,
    preemptive_switches,
)

__all__ = [
    "Ahead",
    "BadOrder",
    "Bounded",
    "Budget",
    "Counts",
    "Coverage",
    "DepthFirst",
    "Divergence",
    "Ending",
    "Execution",
    "Expected",
    "Foretold",
    "FoundExecution",
    "Judge",
    "Nondeterministic",
    "Pct",
    "Plan",
    "Progress",
    "RandomWalk",
    "Recheck",
    "Reduced",
    "Replayed",
    "Run",
    "Schedule",
    "Scheduler",
    "SearchResult",
    "Shrunk",
    "Without",
    "bare",
    "context_switches",
    "expectations",
    "preemptive_switches",
    "replay",
    "search",
    "shrink",
]
