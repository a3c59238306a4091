"""Results as data: what was found, from which every report is written.

``proof`` is the format of results.json, with ``searched`` and ``load_run`` as parts of it;
``grounds`` says what a complete search rests on; ``standing``, ``problems`` and ``findings`` hold
it against what was declared, and ``baseline`` knows what is accepted for a time. The exit status is
decided here.

Imports words that all share, and no report. Others use ``Proof`` and its parts, and the
assessment.
"""

from paidonce.harness.results.baseline import Baseline, Entry, read_baseline, write_baseline
from paidonce.harness.results.findings import Finding, Level, accepting, findings

__all__ = [
    "Baseline",
    "Entry",
    "Finding",
    "Level",
    "accepting",
    "findings",
    "read_baseline",
    "write_baseline",
]
