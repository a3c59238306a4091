"""Reads SQL into trees and tokens."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import postgast
from google.protobuf.descriptor import FieldDescriptor
from postgast import pg_query_pb2

from paidonce.harness.sql_trees.ast import NODES, Node
from paidonce.harness.sql_trees.enums import ENUMS

ParseError = postgast.PgQueryError
"""Postgres's parser refuses the text."""

Reader = Callable[[Any], Any]
TEXTS = frozenset({"String", "Float", "BitString"})
"""Nodes whose text may be empty; in others an empty one is none."""
_UNNAMED = re.compile(r'("(?:[^"\\]|\\.)*")|(?<=[,\[])\{\}\}')
LISTS = frozenset({"List", "IntList", "OidList"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its first and last character in the text, and its name in Postgres's grammar."""

    start: int
    end: int
    name: str
    kind: str


def parse_sql(sql: str) -> tuple[Any, ...]:
    """Return the statements in ``sql``, each a ``RawStmt``. Raises ``ParseError``."""
    return tuple(_node(statement) for statement in postgast.parse(sql).stmts)


def parse_plpgsql(sql: str) -> Any:
    """Return what PL/pgSQL makes of the functions in ``sql``, as JSON.

    Raises ``ParseError``, and ``ValueError`` where the parser does not say it in JSON.
    """
    try:
        return postgast.parse_plpgsql(sql)
    except json.JSONDecodeError as error:
        # libpg_query knows no words for variables that are made when they are looked at (TG_OP and
        # the like in triggers), and writes "{}}" for each (pg_query_json_plpgsql.c, dump_function).
        return json.loads(_UNNAMED.sub(lambda match: match.group(1) or "{}", error.doc))


def split(sql: str) -> tuple[str, ...]:
    """Return the statements in ``sql`` as texts. Raises ``ParseError``."""
    return tuple(postgast.split(sql))


def scan(sql: str) -> tuple[Token, ...]:
    """Return the tokens of ``sql``, comments among them. Raises ``ParseError``."""
    content = sql.encode()
    tokens, kinds = pg_query_pb2.Token, pg_query_pb2.KeywordKind
    plain = len(content) == len(sql)

    def place(byte: int) -> int:
        return byte if plain else len(content[:byte].decode())

    return tuple(
        Token(
            place(token.start),
            place(token.end) - 1,
            tokens.Name(token.token),
            kinds.Name(token.keyword_kind),
        )
        for token in postgast.scan(sql).tokens
    )


def _node(message: Any) -> Any:
    """Return a message as a node; a list is a tuple."""
    name = message.DESCRIPTOR.name
    if name in LISTS:
        return tuple(map(_unwrapped, message.items))
    node = NODES[name]()
    for slot, read in _plan(name):
        setattr(node, slot, read(message))
    return node


def _unwrapped(message: Any) -> Any:
    """Return the node in a message that may hold any."""
    held = message.WhichOneof("node")
    return None if held is None else _node(getattr(message, held))


@functools.cache
def _plan(name: str) -> tuple[tuple[str, Reader], ...]:
    """Return how each field of a message of that name is read."""
    if name == "A_Const":
        return (
            ("isnull", lambda message: message.isnull),
            ("val", _constant),
            ("location", lambda message: message.location),
        )
    described = pg_query_pb2.DESCRIPTOR.message_types_by_name[name]
    return tuple((field.json_name, _reader(name, field)) for field in described.fields)


def _constant(message: Any) -> Node | None:
    held = message.WhichOneof("val")
    return None if held is None else _node(getattr(message, held))


def _reader(owner: str, field: Any) -> Reader:
    name = field.name
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        convert = _unwrapped if field.message_type.name == "Node" else _node
        if field.is_repeated:
            return lambda message: tuple(map(convert, getattr(message, name))) or None
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    if field.is_repeated:
        return lambda message: tuple(getattr(message, name)) or None
    if field.type == FieldDescriptor.TYPE_ENUM:
        members = {member.value + 1: member for member in ENUMS[field.enum_type.name]}
        return lambda message: members.get(getattr(message, name))
    if field.type == FieldDescriptor.TYPE_STRING and owner not in TEXTS:
        return lambda message: getattr(message, name) or None
    return lambda message: getattr(message, name)
