"""SQL as text: parameters put in as literals, and braces written so that a spec can hold it.

Texts are cut into tokens by Postgres's own scanner (``paidonce.harness.sql_trees``), so a ``$1`` in
a string is left alone. Literals follow the manual, section 4.1.2: doubled quotes, and an escape
string wherever there is a backslash, which reads the same whatever
``standard_conforming_strings`` says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from paidonce.harness import sql_trees
from paidonce.harness.errors import UsageError

UNREADABLE = "NULL /* its value could not be read at the tap */"
_ESCAPED = re.compile(r"\\.|\}", re.DOTALL)


def literal(value: str | None) -> str:
    """``value`` as an SQL literal of unknown type, which takes the type its place asks for."""
    if value is None:
        return "NULL"
    quoted = value.replace("'", "''")
    if "\\" in value:
        return "E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def filled(sql: str, params: Sequence[str | None], nulls: Collection[int] = ()) -> str:
    """``sql`` with ``$1`` … replaced by the parameters, None of which is null if in ``nulls``.

    SQL that the scanner does not take is left as it is.
    """
    if not params:
        return sql
    pieces, at = [], 0
    for token in _tokens(sql):
        if token.name != "PARAM":
            continue
        number = int(sql[token.start + 1 : token.end + 1]) - 1
        if number >= len(params):
            continue
        value = params[number]
        known = value is not None or number in nulls
        pieces += [sql[at : token.start], literal(value) if known else UNREADABLE]
        at = token.end + 1
    return "".join([*pieces, sql[at:]])


def statements(asked: Mapping[str, Any]) -> list[str]:
    """Return the SQL of a unit, each statement with its parameters put in."""
    texts: list[str] = asked.get("sql") or []
    params: list[list[str | None]] = asked.get("params") or [[] for _ in texts]
    nulls: list[list[int]] = asked.get("nulls") or [[] for _ in texts]
    return [
        filled(text, values, absent)
        for text, values, absent in zip(texts, params, nulls, strict=True)
    ]


def without_braces(sql: str) -> str:
    """The same statements without a closing brace, which would end a block of a spec.

    A brace in a string or a quoted name is written as an escape; in a comment it becomes a
    parenthesis. Raises ``UsageError`` where it can be written in no other way.
    """
    if "}" not in sql:
        return sql
    pieces, at = [], 0
    for token in _tokens(sql):
        text = sql[token.start : token.end + 1]
        if "}" in text:
            pieces += [sql[at : token.start], _escaped(token.name, text, sql)]
            at = token.end + 1
    rewritten = "".join([*pieces, sql[at:]])
    if "}" in rewritten:
        raise UsageError(f"a spec cannot hold a closing brace outside of a literal: {sql!r}")
    return rewritten


def _escaped(kind: str, text: str, sql: str) -> str:
    match kind:
        case "SCONST" if text[0] in "eE":
            # A backslash before a brace only stands for the brace.
            return _ESCAPED.sub(lambda m: r"\x7d" if m[0].endswith("}") else m[0], text)
        case "SCONST" if text[0] == "'":
            return "E" + _with_escapes(text)
        case "SCONST" if text[0] == "$":
            tag = text[: text.index("$", 1) + 1]
            inner = text[len(tag) : -len(tag)]
            return "E'" + _with_escapes(inner.replace("'", "''")) + "'"
        case "IDENT":
            return "U&" + text.replace("\\", "\\\\").replace("}", r"\007d")
        case "UIDENT" | "USCONST" if "uescape" not in sql.lower():
            return text.replace("}", r"\007d")
        case "SQL_COMMENT" | "C_COMMENT":
            return text.replace("}", ")")
        case _:
            raise UsageError(f"a spec cannot hold a closing brace in {text!r}")


def _with_escapes(text: str) -> str:
    return text.replace("\\", "\\\\").replace("}", r"\x7d")


def _tokens(sql: str) -> Sequence[sql_trees.Token]:
    try:
        return tuple(sql_trees.scan(sql))
    except (sql_trees.ParseError, ValueError):
        return ()
