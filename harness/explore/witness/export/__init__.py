"""A counterexample in other people's formats: texts made of a narrative.

Imports the narrative. Others use the names below, and ``brief`` for terminals.
"""

from paidonce.harness.explore.witness.export.isolation_spec import isolation_spec, statements_of
from paidonce.harness.explore.witness.export.pytest_test import pytest_test
from paidonce.harness.explore.witness.export.sequence import mermaid, text
from paidonce.harness.explore.witness.export.snapshot import Snapshot, TableName, take_snapshot

__all__ = [
    "Snapshot",
    "TableName",
    "isolation_spec",
    "mermaid",
    "pytest_test",
    "statements_of",
    "take_snapshot",
    "text",
]
