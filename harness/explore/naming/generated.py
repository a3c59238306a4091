"""The generated values within a text: ids, times, tokens."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

# What generated values look like: UUIDs, Stripe's ids, stripe-go's idempotency keys
# (NewIdempotencyKey: nanoseconds and six characters of base 64), the time (in seconds, milli-,
# micro- or nanoseconds, or as ISO 8601 and RFC 3339 write it), long hexadecimal or base-64 tokens.
# A word of a language is shorter, or has no digit in it. Every answer goes through this, so each
# kind is asked for only where its first character is (`(?<=p)`), not in the middle of a word
# (`(?<!\w.)`) unless it may be there; a test has it written plainly.
GENERATED = re.compile(
    r"""
    [0-9A-Za-z](?:
      (?<=[0-9A-Fa-f])(?:
        [0-9A-Fa-f]{7}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}
      | (?<=1)(?:
          (?<!\w.)[0-9]{18}_[A-Za-z0-9_-]{6}(?![A-Za-z0-9_-])
        | (?<![0-9.].)[6-9][0-9]{8}(?:
            [0-9]{3}(?![0-9.])
          | (?:\.[0-9]{1,9}|[0-9]{6}|[0-9]{9})?(?![0-9._])
          )
        )
      | (?<=2)(?<![0-9].)
        0[0-9]{2}-[0-9]{2}-[0-9]{2}[T\ ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?
        (?:\ ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?))?
      )
    | (?<!\w.)(?:
        (?<=[pcrest])
        (?:(?<=p)[iym]|(?<=c)(?:h|us)|(?<=r)eq?|(?<=e)vt|(?<=s)(?:eti|rc)|(?<=t)(?:xn|ok))
        _[A-Za-z0-9_]{8,}
      | (?=[A-Za-z0-9]{19})
        (?:(?<=[0-9])|(?=[A-Za-z0-9]*[0-9]))(?:(?<=[A-Za-z])|(?=[A-Za-z0-9]*[A-Za-z]))
        [A-Za-z0-9]{19,}\b
      )
    )
    """,
    re.VERBOSE,
)

_SHORTEST = 10
"""Characters of the shortest generated value."""
_LONGEST_PLAIN = 64
"""Characters of a piece of text that may be kept as one with nothing generated in it."""
_MOST_PLAIN = 4096
_plain: set[str] = set()
"""Pieces between quotation marks that have nothing generated in them: names of members, mostly."""
_REMEMBERED = 4096
"""Texts of fewer characters are worth remembering."""


def generated(text: str) -> tuple[str, ...]:
    """The generated values in ``text``. Statements and labels come again in every execution."""
    if len(text) < _SHORTEST:
        return ()
    return _remembered(text) if len(text) < _REMEMBERED else tuple(_found_in(text))


@functools.lru_cache(maxsize=1024)
def _remembered(text: str) -> tuple[str, ...]:
    return tuple(_found_in(text))


def _found_in(text: str) -> list[str]:
    return [
        value
        for piece in text.split('"')
        if not _is_plain(piece)
        for value in _found_in_piece(piece)
    ]


def replaced(text: str, by: Callable[[str], str]) -> str:
    """Return ``text`` with every generated value in it replaced.

    It is read in pieces between quotation marks, which no such value has in it: most of an
    answer in JSON is the same each time, and is not looked through again.
    """
    return '"'.join(
        [piece if _is_plain(piece) else _replaced_in_piece(piece, by) for piece in text.split('"')]
    )


def blind_and_named(text: str, by: Callable[[str], str]) -> tuple[str, str]:
    """Return ``text`` twice: with ``?`` for every generated value in it, and with each replaced.

    As ``replaced`` does it, in one reading.
    """
    blind: list[str] = []
    named: list[str] = []
    for piece in text.split('"'):
        if _is_plain(piece):
            blind.append(piece)
            named.append(piece)
            continue
        said = _replaced_in_piece(piece, by)
        blind.append(GENERATED.sub("?", piece) if said is not piece else piece)
        named.append(said)
    return '"'.join(blind), '"'.join(named)


def _is_plain(piece: str) -> bool:
    return len(piece) < _SHORTEST or piece in _plain


def _found_in_piece(piece: str) -> list[str]:
    found = GENERATED.findall(piece)
    if not found:
        _remember_plain(piece)
    return found


def _replaced_in_piece(piece: str, by: Callable[[str], str]) -> str:
    said, times = GENERATED.subn(lambda match: by(match.group()), piece)
    if not times:
        _remember_plain(piece)
        return piece
    return said


def _remember_plain(piece: str) -> None:
    if len(piece) <= _LONGEST_PLAIN:
        if len(_plain) >= _MOST_PLAIN:
            _plain.clear()
        _plain.add(piece)
