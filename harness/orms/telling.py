"""Which ORM speaks, where that can be told with certainty: by habits that no other one has.

The words of query builders (Drizzle, Knex, Kysely, jOOQ, Diesel, SeaORM, Tortoise's) are like one
another, or like what people write by hand: those are not guessed at, a target file names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = r'"[^"]+"'
_HABITS = {
    "typeorm": r'SELECT "([^"]+)"\."([^"]+)" AS "\1_\2"',
    "sequelize": rf'SELECT {_NAME}(?:, {_NAME})* FROM {_NAME} AS "([^"]+)" WHERE \(?"\1"\."',
    "mikro-orm": r'select .* from "([a-z])[^"]*" as "\1\d+"',
    "prisma": rf"SELECT ({_NAME})\.({_NAME})\.{_NAME}.* FROM \1\.\2 .*OFFSET \$\d+$",
    "sqlalchemy": r'SELECT (\w+)\.\w+[^"]* \nFROM \1 ?\n',
    "django": rf"SELECT ({_NAME})\.{_NAME}.* FROM \1 .*LIMIT 21(?: FOR UPDATE.*)?$",
    "peewee": rf'SELECT "t1"\.{_NAME}.* FROM {_NAME} AS "t1"',
    "gorm": rf"SELECT \* FROM ({_NAME}) .*ORDER BY \1\.{_NAME} LIMIT \S+(?: FOR UPDATE)?$",
    "ent": rf"SELECT ({_NAME})\.{_NAME}.* FROM \1 WHERE \1\..* LIMIT 2(?: FOR UPDATE)?$",
    "bun": rf'SELECT (?!"t[0-9])({_NAME})\.{_NAME}.* FROM {_NAME} AS \1 WHERE [(]',
    "hibernate": r"select (\w+1_0)\.\w+.* from \w+(?:\.\w+)? \1\b",
}
_KNOWN = {name: re.compile(pattern, re.DOTALL) for name, pattern in _HABITS.items()}


def spoken(statements: Iterable[str]) -> str | None:
    """Return the ORM that sent these; None where none shows itself, or two do."""
    texts = [statement.strip().rstrip(";") for statement in statements]
    found = {name for name, habit in _KNOWN.items() if any(map(habit.match, texts))}
    return found.pop() if len(found) == 1 else None
