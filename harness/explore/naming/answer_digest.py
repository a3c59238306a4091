"""The answers that an attempt got at a tap, in a form that can be compared between executions.

It is kept twice, as short digests. ``said`` is blind to what differs from execution to execution
(times, generated values that have no name): where it differs, the answers differ. ``exactly``
overlooks nothing but times: where it is equal, the answers are. It is empty where more was
answered than is kept, so that nobody can tell.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Sequence

import msgspec

from paidonce.harness.explore.naming.generated import GENERATED, blind_and_named
from paidonce.harness.explore.naming.names import Names

# It begins with a digit so that whatever is none is passed over at once; a test has it plainly.
_TIME = re.compile(
    r"""
    [0-9](?:
      (?<!\w.)[0-9]{3}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?
      (?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?
    | (?<=1)(?<![0-9.].)[6-9][0-9]{8}(?:(?:\.[0-9]+)?(?![0-9])|[0-9]{3}(?![0-9.]))
    )
    """,
    re.VERBOSE,
)
_SHORTEST = 10
"""Characters of the shortest text that has a time or a generated value in it."""
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
    answer_digests = [part for part in parts if part != NOTHING]
    if len(answer_digests) < 2:
        return answer_digests[0] if answer_digests else NOTHING
    exactly = [part.exactly for part in answer_digests]
    return AnswerDigest(
        _digest("\n".join(part.said for part in answer_digests)),
        _digest("\n".join(exactly)) if all(exactly) else "",
    )


def heard_text(text: str, names: Names, *, whole: bool = True) -> AnswerDigest:
    """Return an answer that is one text; what is generated in it has been given its names before.

    ``whole``: all that was answered is in it.
    """
    said, exactly = _named(text, names)
    digest = _digest(said)
    if not whole:
        return AnswerDigest(digest, "")
    return AnswerDigest(digest, digest if said == exactly else _digest(exactly))


def heard_ids(text: str, names: Names) -> AnswerDigest:
    """Return an answer that is full of ids: which those are says nothing that the rest does not,
    but for those that were known beforehand, and some nobody has seen made."""
    said, exactly = blind_and_named(_TIME.sub("a time", names.seen_within(text)), names.seen)
    return AnswerDigest(_digest(said), _digest(exactly))


def heard_rows(
    head: Iterable[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    names: Names,
    *,
    whole: bool,
    ordered: bool = True,
) -> AnswerDigest:
    """Return an answer of rows; ``head`` is what is said of them all.

    Where nobody asked for rows that are ``ordered`` they come as they happen to be stored.
    """
    said: list[str] = []
    exactly: list[str] = []
    if not rows:
        return _rowless(tuple(head), whole=whole)
    for row in rows:
        shown, meant = _row(columns, row, names)
        said.append(shown)
        exactly.append(meant)
    if not ordered:
        said.sort()
        exactly.sort()
    first = list(head)
    digest = _digest("\n".join(first + said))
    if not whole:
        return AnswerDigest(digest, "")
    return AnswerDigest(digest, digest if said == exactly else _digest("\n".join(first + exactly)))


@functools.lru_cache(maxsize=256)
def _rowless(head: tuple[str, ...], *, whole: bool) -> AnswerDigest:
    digest = _digest("\n".join(head))
    return AnswerDigest(digest, digest if whole else "")


def _row(columns: Sequence[str], row: Sequence[str | None], names: Names) -> tuple[str, str]:
    """Return a row as it is said, and exactly."""
    said: list[str] = []
    exactly: list[str] = []
    for column, value in zip(columns, row, strict=False):
        if value is None:
            said.append("null")
            exactly.append("null")
            continue
        blind, named = _named(value, names)
        if names.numbers_are_in(column):
            number = names.number(column, value)
            named = number or named
            if value.isdigit():
                blind = number or "?"
        said.append(f"={blind}")
        exactly.append(f"={named}")
    return "\n".join(said), "\n".join(exactly)


def _named(text: str, names: Names) -> tuple[str, str]:
    """Return ``text`` with times left out and generated values by their names, twice: in the first
    those that have none are left out too."""
    text = names.seen_within(text)
    if len(text) < _SHORTEST:
        return text, text
    text = _TIME.sub("a time", text)
    blind: list[str] = []
    exactly: list[str] = []
    end = 0
    for match in GENERATED.finditer(text):
        value, between = match.group(), text[end : match.start()]
        known = names.seen(value)
        blind += (between, "?" if known == value else known)
        exactly += (between, known)
        end = match.end()
    if not end:
        return text, text
    return "".join((*blind, text[end:])), "".join((*exactly, text[end:]))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
