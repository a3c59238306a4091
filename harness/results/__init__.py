"""A check as a gate: what it found, one by one, and what of it is accepted for a time."""

from harness.results.baseline import Baseline, Entry, read_baseline, write_baseline
from harness.results.findings import Finding, Level, accepting, findings

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
