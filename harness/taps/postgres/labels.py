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


@functools.lru_cache(maxsize=4096)
def normalised(sql: str) -> str:
    """``sql`` with literals and parameters as ``?``, without comments, on one line."""
    words: list[str] = []
    at, gap = 0, False
    while at < len(sql):
        found = _TOKEN.match(sql, at)
        assert found is not None, "the last alternative matches any character"
        at = found.end()
        match found.lastgroup:
            case "space":
                gap = True
            case "comment":
                at = _after_comment(sql, at)
                gap = True
            case kind:
                if gap and words:
                    words.append(" ")
                gap = False
                words.append("?" if kind in ("literal", "tag") else found.group())
    return "".join(words).strip("; ")


def _after_comment(sql: str, at: int) -> int:
    """Where the comment whose opening ends at ``at`` is over; comments nest."""
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
