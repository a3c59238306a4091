"""The body of a function or trigger, read if it is in SQL or PL/pgSQL.

Its parameters and variables have values that are not known here. Whatever it does under some
condition, it is taken to do. SQL that is put together as a string is not read: such a function
may do anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.sql.catalog import Function, Trigger
from paidonce.harness.explore.footprint.sql.effects import Context, Effects
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast

_ENDS = frozenset({"PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback"})
_DYNAMIC = frozenset({"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}) | _ENDS
_LOOPS = frozenset(
    f"PLpgSQL_stmt_{kind}"
    for kind in ("loop", "while", "fori", "fors", "forc", "foreach_a", "dynfors")
)
_STATEMENT, _EXPRESSION = 0, 2  # RawParseMode in src/include/parser/parser.h; 3 to 5: assignment
_TARGET = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<name>\w+))(?P<rest>[^:=]*):?=', re.DOTALL)
_SETS = re.compile(r"search_path|set_config|isolation|session_replication_role", re.IGNORECASE)
_FIELD = re.compile(r'\s*\.\s*(?:"(?P<quoted>[^"]+)"|(?P<name>\w+))\s*')


@dataclass(frozen=True)
class Body:
    """The SQL in a body: statements, expressions, and which columns of NEW it assigns.

    ``dynamic`` if there is SQL in it that cannot be read, ``commits`` if it may end transactions
    (only a procedure's does, manual, section 41.8); ``assigns`` is None if it may assign
    any column, or replace the row altogether. ``repeated`` are statements in loops; ``looks_once``
    if there is but one in it that can look at anything.
    """

    statements: tuple[str, ...] = ()
    dynamic: bool = False
    assigns: frozenset[str] | None = frozenset()
    commits: bool = False
    repeated: frozenset[str] = frozenset()
    looks_once: bool = False


def body_effects(ctx: Context, function: Function) -> None:
    """Read what a function's body does, once even if it calls itself."""
    name = f"function {function.name}"
    if name in ctx.reading:
        ctx.effects.recursive = True
        return
    body = body_of(function)
    path = _path(function.search_path) or ctx.path
    inner = replace(ctx.apart(path).inside(name), reader=ctx.reader.inside_a_body())
    ctx.effects.may_fail = True
    apart = function.volatility == "volatile"
    if body.dynamic:
        done = Effects()
        done.everything()
        if apart:
            ctx.effects.within += [done] * (1 if body.looks_once else 2)
        else:
            ctx.effects.add(done)
        ctx.effects.commits |= body.commits
        if changes_settings(function.source):
            ctx.effects.unsettle("session")
        return
    try:
        for text in body.statements:
            for statement in parsed(text):
                # Each has a snapshot of its own (manual, section 38.7) in what is VOLATILE, so that
                # what it waits for comes after no look of another's.
                done = Effects()
                ctx.statement(inner.gathering(done), statement, None)
                done.over()
                if apart:
                    ctx.effects.within += [done] * (2 if text in body.repeated else 1)
                else:
                    ctx.effects.add(done)
    except NotParsed:
        ctx.effects.everything()


def anonymous(node: ast.DoStmt) -> Function:
    """The function that DO makes, calls and forgets."""
    options = {option.defname: option.arg.sval for option in node.args or ()}
    source, language = str(options.get("as", "")), str(options.get("language", "plpgsql")).lower()
    quote = "$body$"
    while quote in source:
        quote = f"${quote[1:-1]}_$"
    head = f"CREATE FUNCTION done() RETURNS void LANGUAGE {language} AS"
    definition = f"{head} {quote}{source}{quote}"
    return Function(
        name="DO",
        volatility="volatile",
        language=language,
        source=source,
        definition=definition,
        procedure=True,
    )


def changes_settings(source: str) -> bool:
    """Return whether code that cannot be read may change what names mean, going by its words."""
    return _SETS.search(source) is not None


def assigned_columns(ctx: Context, trigger: Trigger) -> frozenset[str] | None:
    """The columns of the new row a BEFORE trigger may change; None for any."""
    found: set[str] = set()
    for function in ctx.catalog.functions.get(trigger.function, ()):
        assigns = body_of(function).assigns
        if assigns is None:
            return None
        found |= assigns
    return frozenset(found) if ctx.catalog.functions.get(trigger.function) else None


def body_of(function: Function) -> Body:
    """The SQL in a function."""
    if function.language == "sql":
        text = function.source.strip()
        if match := re.fullmatch(r"BEGIN ATOMIC(.*)END;?", text, re.DOTALL | re.IGNORECASE):
            text = match.group(1)
        text = re.sub(r"^\s*RETURN\b", "SELECT", text, flags=re.IGNORECASE)
        return Body(statements=(text,))
    if function.language != "plpgsql":
        return Body(dynamic=True, assigns=None, looks_once=function.language in ("c", "internal"))
    try:
        found_tree = sql_trees.parse_plpgsql(function.definition)
    except (sql_trees.ParseError, ValueError):
        return Body(dynamic=True, assigns=None)
    if "variable_conflict" in function.definition.lower():
        return Body(dynamic=True, assigns=None)  # what looks like a column may be a variable
    return _plpgsql(found_tree)


def _plpgsql(tree: Any) -> Body:
    statements: list[str] = []
    assigns: set[str] = set()
    repeated: set[str] = set()
    looped = set(_in_loops(tree))
    any_column = dynamic = commits = False
    for kind, node in _nodes(tree):
        commits |= kind in _ENDS
        if kind in _DYNAMIC or "dynquery" in node:
            dynamic = True
        if kind == "PLpgSQL_expr":
            text = str(node.get("query", ""))
            mode = int(node.get("parseMode", _STATEMENT))
            if mode > _EXPRESSION:
                match = _TARGET.match(text)
                if match is None:
                    dynamic = True
                    continue
                column = _assigned(match)
                any_column |= column is None
                if column:
                    assigns.add(column)
                statements.append(f"SELECT ({text[match.end() :]})")
            elif mode == _STATEMENT:
                statements.append(text)
            else:
                statements.append(f"SELECT {text}")
            if id(node) in looped:
                repeated.add(statements[-1])
        if kind == "PLpgSQL_stmt_return":
            # RETURN NEW keeps the row, RETURN OLD or NULL drops the change; any other record
            # takes its place.
            expression = node.get("expr", {}).get("PLpgSQL_expr", {}).get("query", "")
            any_column |= expression.strip().lower() not in ("", "new", "old", "null")
        for target in _targets(node):
            field = _FIELD.fullmatch(target[3:])
            if field:
                assigns.add(field.group("quoted") or field.group("name").lower())
            else:
                any_column = True
    assigned = None if any_column else frozenset(assigns)
    once = not looped and _looking(tree) <= 1
    return Body(tuple(statements), dynamic, assigned, commits, frozenset(repeated), once)


def _in_loops(tree: Any) -> Iterator[int]:
    """The expressions (their ``id``) that may be run more than once."""
    for kind, node in _nodes(tree):
        if kind in _LOOPS:
            for part in (node.get("body"), node.get("cond")):
                yield from (id(found) for name, found in _nodes(part) if name == "PLpgSQL_expr")


def _looking(tree: Any) -> int:
    """Return how many of the expressions may look at anything: all SQL, and whatever calls a
    function but to put SQL together."""
    put_together = {
        id(found)
        for kind, node in _nodes(tree)
        if kind in _DYNAMIC or "dynquery" in node
        for name in ("query", "dynquery")
        for _, found in _nodes(node.get(name))
    }
    dynamic = sum(kind in _DYNAMIC or "dynquery" in node for kind, node in _nodes(tree))
    return dynamic + sum(
        int(node.get("parseMode", _STATEMENT)) == _STATEMENT or "(" in str(node.get("query", ""))
        for kind, node in _nodes(tree)
        if kind == "PLpgSQL_expr" and id(node) not in put_together
    )


def _assigned(found: re.Match[str]) -> str | None:
    """The column of NEW an assignment is to; "" if it is to something else, None if to any."""
    name = found.group("quoted") or found.group("name").lower()
    if name != "new":
        return ""
    field = _FIELD.match(found.group("rest"))
    return None if field is None else field.group("quoted") or field.group("name").lower()


def _targets(node: dict[str, Any]) -> Iterator[str]:
    """The parts of NEW that an INTO, a FOR or a FETCH assigns."""
    for field in ("target", "var", "row", "rec"):
        for row_kind, row in _nodes(node.get(field)):
            if row_kind == "PLpgSQL_rec" and row.get("refname") == "new":
                yield "new"
            for part in row.get("fields", ()) if row_kind == "PLpgSQL_row" else ():
                name = str(part.get("name", "")).lower()
                if name == "new" or name.startswith("new."):
                    yield name


def _nodes(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of PL/pgSQL's tree with its kind; declarations (``datums``) included."""
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            if isinstance(part, dict) and name.startswith("PLpgSQL_"):
                yield name, part
            yield from _nodes(part)


def _path(text: str | None) -> tuple[str, ...]:
    """The schemas in a setting of ``search_path``."""
    return tuple(part.strip().strip('"') for part in (text or "").split(",") if part.strip())
