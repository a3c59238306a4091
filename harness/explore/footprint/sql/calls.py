"""The effects of calling a function.

Nothing, for most: what a built-in function does that is immutable or stable shows in its
arguments. Values of sequences are taken to matter to nobody (generated ids are normalised).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from paidonce.harness.explore.footprint.sql.catalog import Function
from paidonce.harness.explore.footprint.sql.effects import SEQUENCES, Context
from paidonce.harness.explore.footprint.sql.routines import body_effects, changes_settings
from paidonce.harness.explore.footprint.sql.symbols import Match, Pattern, pattern
from paidonce.harness.explore.footprint.sql.trees import Tree, strings
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast

ADVISORY = "pg-advisory"
NOTIFY = "pg-notify"

SESSION_SETTINGS = frozenset(
    {
        *("search_path", "role", "session_authorization", "session_replication_role"),
        *("default_transaction_isolation", "transaction_isolation"),
    }
)
"""Settings that change what a statement's text means."""

_ROLES = frozenset({"role", "session_authorization"})

_INT = ColumnType("int")
_TEXT = ColumnType("text")
_ADVISORY = re.compile(r"pg_(try_)?advisory_(xact_)?(?:lock|(unlock))(_shared)?")

# Volatile and built in, but without an effect on others, or none that is not normalised.
_HARMLESS = frozenset(
    {
        *("nextval", "currval", "lastval", "random", "random_normal", "setseed"),
        *("clock_timestamp", "timeofday", "pg_sleep", "pg_sleep_for", "pg_sleep_until"),
        *("gen_random_uuid", "uuidv4", "uuidv7", "set_config", "pg_backend_pid"),
        *("txid_current", "pg_current_xact_id", "pg_is_in_recovery", "pg_postmaster_start_time"),
    }
)
# Stable, but they show more than their arguments.
_LOOKING = frozenset(
    {
        *("query_to_xml", "query_to_xml_and_xmlschema", "cursor_to_xml", "table_to_xml"),
        *("schema_to_xml", "database_to_xml", "txid_current_snapshot", "pg_current_snapshot"),
        *(
            "txid_status",
            "pg_xact_status",
            "txid_visible_in_snapshot",
            "pg_notification_queue_usage",
        ),
        *("pg_visible_in_snapshot", "pg_sequence_last_value"),
    }
)
# Extensions all of whose functions work on their arguments alone.
_CALCULATING = frozenset(
    {
        *("pgcrypto", "uuid-ossp", "citext", "pg_trgm", "unaccent", "fuzzystrmatch", "hstore"),
        *("ltree", "intarray", "btree_gin", "btree_gist", "cube", "isn", "earthdistance", "vector"),
    }
)
_READABLE = frozenset({"sql", "plpgsql"})
# Cannot fail whatever they are given, so that calling them in a transaction loses no locks.
_SAFE = frozenset(
    {
        *("count", "min", "max", "now", "coalesce", "lower", "upper", "length", "concat", "trim"),
        *("json_agg", "jsonb_agg", "array_agg", "bool_and", "bool_or", "json_build_object"),
        *("jsonb_build_object", "row_to_json", "to_json", "to_jsonb", "version"),
        *("current_database", "current_schema", "gen_random_uuid", "md5", "btrim", "row_number"),
    }
)


def call(ctx: Context, node: ast.FuncCall) -> None:
    """Read one call; its arguments are read elsewhere."""
    words = strings(node.funcname)
    schema, name = (words[-2] if len(words) > 1 else None), words[-1]
    effects = ctx.effects
    if schema in (None, "pg_catalog") and name in ctx.catalog.builtin:
        if advisory := _ADVISORY.fullmatch(name):
            _advisory(ctx, node.args or (), advisory)
        elif name == "pg_advisory_unlock_all":
            effects.session[Pattern((ADVISORY,))] = None
        elif name == "pg_notify":
            _notify(ctx, node.args or ())
        elif name == "nextval":  # whoever asks a sequence how far it is can tell
            effects.looks[Pattern((SEQUENCES,))] = None
        elif name in _LOOKING or (
            ctx.catalog.builtin[name] == "volatile" and name not in _HARMLESS
        ):
            effects.everything()
        effects.may_fail |= name not in _SAFE
        if name == "set_config" and not _unimportant(ctx, node.args or ()):
            effects.everything()
            effects.unsettle("local" if _for_a_transaction(node.args or ()) else "session")
        # One of the user's with the same name may be meant, for arguments of other types.
        for function in ctx.catalog.function(schema, name, ctx.path):
            function_effects(ctx, function)
        return
    functions = ctx.catalog.function(schema, name, ctx.path)
    if not functions:
        effects.everything()
        effects.recursive = True  # or whatever else looks any number of times
    for function in functions:
        function_effects(ctx, function)


def function_effects(ctx: Context, function: Function) -> None:
    """Add the effects of calling a user-defined function, whatever its arguments are."""
    ctx.effects.may_fail = True
    if function.extension in _CALCULATING:
        return
    if f"parts of {function.name}" not in ctx.reading:
        inner = ctx.inside(f"parts of {function.name}")
        for part in function.parts:
            named_effects(inner, part)
        for name in ctx.catalog.conversions:
            if re.search(rf"\b{re.escape(name)}\b", function.definition):
                unnamed(inner, ctx.catalog.conversions[name])
    if function.aggregate:
        return
    if function.volatility == "immutable" and function.language not in _READABLE:
        return  # one that can be read may turn out to be called so wrongly
    if function.extension is not None:
        ctx.effects.everything()
        if changes_settings(function.source):
            ctx.effects.unsettle("session")
        return
    body_effects(ctx, function)


def named_effects(ctx: Context, name: str) -> None:
    """Add the effects of all functions with this name (and schema)."""
    for function in ctx.catalog.functions.get(name, ()):
        function_effects(ctx, function)


def unnamed(ctx: Context, functions: Iterable[str]) -> None:
    """Add the effects of functions that no text names: those of casts, operators and types'
    conditions."""
    for name in functions:
        named_effects(ctx, name)


def _advisory(ctx: Context, args: tuple[Tree, ...], found: re.Match[str]) -> None:
    tries, transaction, unlock, shared = found.groups()
    # One key and two keys are different spaces (manual, section 9.28.10).
    space = "number" if len(args) == 1 else "pair"
    key = {}
    for name, arg in zip(("key", "second"), args, strict=False):
        symbol = ctx.reader.symbol(arg)
        if symbol is not None:
            key[name] = Match(symbol, _INT)
    locked = pattern((ADVISORY, space), key, shared=shared is not None and unlock is None)
    kept = ctx.effects.locks if transaction else ctx.effects.session
    kept[locked] = None
    if tries:
        ctx.effects.tests[locked] = None


def _unimportant(ctx: Context, args: tuple[Tree, ...]) -> bool:
    """Return whether a setting leaves what statements do as it is."""
    name, value = (*map(_literal, args[:2]), None, None)[:2]
    if name is None:
        return False
    if name.lower() in _ROLES and value is not None:
        return not ctx.catalog.has_schema(value)  # "$user" in the path may mean one
    return name.lower() not in SESSION_SETTINGS


def _for_a_transaction(args: tuple[Tree, ...]) -> bool:
    """Return whether the setting is certain to end with the transaction."""
    if len(args) != 3 or not isinstance(args[2], ast.A_Const):
        return False
    return isinstance(args[2].val, ast.Boolean) and bool(args[2].val.boolval)


def _literal(node: Tree) -> str | None:
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.String):
        return str(node.val.sval)
    return None


def _notify(ctx: Context, args: tuple[Tree, ...]) -> None:
    symbol = ctx.reader.symbol(args[0]) if args else None
    key = {} if symbol is None else {"channel": Match(symbol, _TEXT)}
    ctx.effects.writes[pattern((NOTIFY,), key)] = None
