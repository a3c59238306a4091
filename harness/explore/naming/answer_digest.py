"""The answers that an attempt got at a tap, in a form that can be compared between executions.

It is kept twice, as short digests. ``said`` is blind to what differs from execution to execution
(times, generated values that have no name): where it differs, the answers differ. ``exactly``
overlooks nothing but times: where it is equal, the answers are. It is empty where more was
answered than is kept, so that nobody can tell.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from paidonce.harness.explore.naming.names import GENERATED, Names

_TIME = re.compile(
    r"""
      \b[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?
      (?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?
    | (?<![0-9.])1[6-9][0-9]{8}(?:\.[0-9]+)?(?![0-9])
    | (?<![0-9.])1[6-9][0-9]{11}(?![0-9.])
    """,
    re.VERBOSE,
)
_DIGEST_BYTES = 8


class AnswerDigest(msgspec.Struct, frozen=True):
    """The answers of one step; see the module."""

    said: str = ""
    exactly: str = ""

    def then(self, more: AnswerDigest) -> AnswerDigest:
        """This, and ``more`` after it."""
        return heard_of((self, more))


NOTHING = AnswerDigest("-", "-")
"""No answer."""


def heard_of(parts: Iterable[AnswerDigest]) -> AnswerDigest:
    """All of ``parts`` as one, in order; ``NOTHING`` if there are none."""
    told = [part for part in parts if part != NOTHING]
    if len(told) < 2:
        return told[0] if told else NOTHING
    exactly = [part.exactly for part in told]
    return AnswerDigest(
        _digest("\n".join(part.said for part in told)),
        _digest("\n".join(exactly)) if all(exactly) else "",
    )


def heard_text(text: str, names: Names, *, whole: bool = True) -> AnswerDigest:
    """Return an answer that is one text; what is generated in it has been given its names before.

    ``whole``: all that was answered is in it.
    """
    exactly = _digest(_named(text, names, blind=False)) if whole else ""
    return AnswerDigest(_digest(_named(text, names, blind=True)), exactly)


def heard_ids(text: str, names: Names) -> AnswerDigest:
    """Return an answer that is full of ids: which those are says nothing that the rest does not,
    and some nobody has seen made."""
    said = _digest(GENERATED.sub("?", _TIME.sub("a time", text)))
    return AnswerDigest(said, _digest(_named(text, names, blind=False)))


def heard_rows(
    head: Iterable[str],
    columns: Sequence[str],
    rows: Iterable[Sequence[str | None]],
    names: Names,
    *,
    whole: bool,
) -> AnswerDigest:
    """Return an answer of rows; ``head`` is what is said of them all."""

    def text(shown: Callable[[str, str], str]) -> str:
        lines = list(head)
        for row in rows:
            for column, value in zip(columns, row, strict=False):
                lines.append("null" if value is None else f"={shown(column, value)}")
        return "\n".join(lines)

    def said(column: str, value: str) -> str:
        if names.numbers_are_in(column) and value.isdigit():
            return names.number(column, value) or "?"
        return _named(value, names, blind=True)

    def exactly(column: str, value: str) -> str:
        known = names.number(column, value) if names.numbers_are_in(column) else None
        return known or _named(value, names, blind=False)

    return AnswerDigest(_digest(text(said)), _digest(text(exactly)) if whole else "")


def _named(text: str, names: Names, *, blind: bool) -> str:
    """``text`` with times left out and generated values by their names; those without one are
    left out too if ``blind``."""

    def name(found: re.Match[str]) -> str:
        value = found.group()
        known = names.seen(value)
        return "?" if blind and known == value else known

    return GENERATED.sub(name, _TIME.sub("a time", names.seen_within(text)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
