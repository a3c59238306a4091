"""One problem of a proof, and how much it weighs."""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.results.standing import Standing


class Weight(enum.StrEnum):
    """The weight of a problem in the exit status."""

    CONTRADICTED = "contradicted"
    """A declaration was shown to be false: exit status 1."""
    UNDECIDED = "undecided"
    """Something that should have been decided was not: exit status 3."""
    NOTE = "note"
    """Worth knowing; changes nothing."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know, in a sentence. ``variant`` and ``scenario`` are empty where none applies.

    ``standing`` is that of the cell the problem is about, if it is about one. ``history`` is the
    file that shows it, relative to the report.
    """

    weight: Weight
    text: str
    variant: str = ""
    scenario: str = ""
    standing: Standing | None = None
    history: str | None = None
