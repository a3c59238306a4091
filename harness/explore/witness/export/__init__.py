"""A counterexample in other people's formats: texts made of a witness and its history."""

from paidonce.harness.explore.witness.export.isolation_spec import isolation_spec, statements_of
from paidonce.harness.explore.witness.export.pytest_test import pytest_test
from paidonce.harness.explore.witness.export.sequence import mermaid, text
from paidonce.harness.explore.witness.export.snapshot import Snapshot, Table, take_snapshot
from paidonce.harness.explore.witness.narrative.narrate import (
    Happening,
    Kind,
    Moment,
    Story,
    Wait,
    history_of,
    tell,
)

__all__ = [
    "Happening",
    "Kind",
    "Moment",
    "Snapshot",
    "Story",
    "Table",
    "Wait",
    "history_of",
    "isolation_spec",
    "mermaid",
    "pytest_test",
    "statements_of",
    "take_snapshot",
    "tell",
    "text",
]
