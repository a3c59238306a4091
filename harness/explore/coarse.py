"""Footprints by the kind of a statement alone: the whole database, looked at or written.

Too much, never too little: for what finer analysis is not to be had.
"""

from __future__ import annotations

import re

from harness.explore.footprint import EVERYTHING, LOCAL, Footprint, Resource

_ALL = frozenset({Resource(("pg",))})
_LOCAL = (
    *("begin", "start", "set", "show", "reset", "discard", "deallocate", "savepoint", "release"),
    *("select 1", "select version()", "select pg_catalog.version()"),
    *("empty query", "sync", "describe"),
)
_CHANGES = re.compile(r"\b(insert|update|delete|merge|truncate|into)\b")
_LOCKS = re.compile(r"\bfor\s+(no\s+key\s+)?(update|share|key\s+share)\b|advisory")
_CALLS = re.compile(r"([a-z_][a-z0-9_.]*)\s*\(")
_HARMLESS = re.compile(
    r"count|sum|min|max|avg|coalesce|nullif|now|lower|upper|length|exists|in|any|some|all|values|as"
    r"|over|and|or|not|cast|greatest|least|select|where|on|from|with|make_interval|extract"
    r"|pg_(try_)?advisory_(xact_)?(lock|unlock)|hashtext(extended)?"
)


class CoarseTracker:
    """Follows one session's transactions."""

    def __init__(self) -> None:
        self.locked = False
        self.wrote = False

    def unit(self, text: str, *, inside: bool) -> Footprint:
        """The footprint of a unit with this SQL; ``inside`` tells that it is in a transaction."""
        words = text.strip().lower()
        if words.startswith(("commit", "end", "rollback", "abort")):
            return self._ends(published=words.startswith(("commit", "end")))
        if words.startswith(_LOCAL) or not words:
            return LOCAL
        changes = _CHANGES.search(words) is not None
        if not words.startswith(
            ("select", "table", "values", "with", "insert", "update", "delete")
        ):
            return EVERYTHING
        if not changes and not all(_HARMLESS.fullmatch(call) for call in _CALLS.findall(words)):
            return EVERYTHING  # a function that may do anything
        if not changes and not _LOCKS.search(words):
            return Footprint(looks=_ALL)
        self.locked = True
        self.wrote = self.wrote or changes
        touched = Footprint(looks=_ALL, locks=_ALL)
        return touched if inside else touched.union(self._ends(published=True))

    def _ends(self, *, published: bool) -> Footprint:
        locks = _ALL if self.locked else frozenset()
        publishes = _ALL if self.wrote and published else frozenset()
        self.locked = self.wrote = False
        return Footprint(locks=locks, publishes=publishes)
