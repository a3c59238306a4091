"""Short names for SQL that are the same in every execution: no literals, no generated ids.

The SQL is cut into tokens by the lexical rules of the manual, section 4.1 (nested comments,
dollar quotes, escape strings), never by guessing; what cannot be lexed (an open quote) is taken
as it stands.
"""

from __future__ import annotations

import functools
import re

LIMIT = 160
"""Characters of a label."""

_TOKEN = re.compile(
    r"""
      (?P<space>   \s+ | --[^\n]* )
    | (?P<comment> /\* )
    | (?P<literal> (?:[eE]'(?:[^'\\]|\\.|'')*')
                 | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'
                 | \$(?P<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$.*?\$(?(tag)(?P=tag))\$
                 | \$\d+
                 | 0[xXoObB][\da-fA-F_]+
                 | (?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)? )
    | (?P<word>    (?:[uU]&)?"(?:[^"]|"")*"
                 | [A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]* )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


_NAMING = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "FETCH", "MOVE", "CLOSE"})
"""Statements in which all names are those of savepoints or cursors."""
_CURRENT_OF = ["CURRENT", "OF"]
_MADE_UP = re.compile(r"(?=[a-f]*\d)[\da-f]{6,}|\d+")
"""The parts that libraries make names from: counters, addresses (SQLAlchemy's
``c_7f3a51c08d90_1``) and numbers of threads (Django's ``s139786622858944_x4``)."""


@functools.lru_cache(maxsize=4096)
def normalised(sql: str) -> str:
    """``sql`` with literals and parameters as ``?``, without comments, on one line."""
    words: list[str] = []
    at, gap = 0, False
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        assert match is not None, "the last alternative matches any character"
        at = match.end()
        match match.lastgroup:
            case "space":
                gap = True
            case "comment":
                at = _after_comment(sql, at)
                gap = True
            case kind:
                if gap and words:
                    words.append(" ")
                gap = False
                word = "?" if kind in ("literal", "tag") else match.group()
                words.append(_unnumbered(word) if _names_something(words) else word)
    return "".join(words).strip("; ")


def _names_something(before: list[str]) -> bool:
    """Tell whether a word that comes after these is the name of a savepoint or of a cursor."""
    first = before[0].upper() if before else ""
    said = [word.upper() for word in before[-6:] if word != " "]
    return first in _NAMING or (first == "DECLARE" and len(said) == 1) or said[-2:] == _CURRENT_OF


def _unnumbered(name: str) -> str:
    return _MADE_UP.sub("?", name)


def _after_comment(sql: str, at: int) -> int:
    """Return where the comment whose opening ends at ``at`` is over; comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, at)
        if edge is None:
            return len(sql)
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at


def shortened(label: str) -> str:
    """At most ``LIMIT`` characters of it."""
    return label if len(label) <= LIMIT else label[: LIMIT - 1] + "…"
