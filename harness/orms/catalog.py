"""The ORMs whose calls are known, by the names that a target file has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from paidonce.harness.orms.calls import Orm
from paidonce.harness.orms.go import BUN, ENT, GORM
from paidonce.harness.orms.jvm import HIBERNATE, JOOQ
from paidonce.harness.orms.node import DRIZZLE, KNEX, KYSELY, MIKRO_ORM, PRISMA, SEQUELIZE, TYPEORM
from paidonce.harness.orms.python import DJANGO, PEEWEE, SQLALCHEMY, TORTOISE
from paidonce.harness.orms.rust import DIESEL, SEA_ORM

OrmName = Literal[
    "drizzle",
    "typeorm",
    "sequelize",
    "mikro-orm",
    "knex",
    "kysely",
    "prisma",
    "sqlalchemy",
    "django",
    "peewee",
    "tortoise",
    "gorm",
    "ent",
    "bun",
    "hibernate",
    "jooq",
    "diesel",
    "sea-orm",
]

_ALL = (
    *(DRIZZLE, TYPEORM, SEQUELIZE, MIKRO_ORM, KNEX, KYSELY, PRISMA),
    *(SQLALCHEMY, DJANGO, PEEWEE, TORTOISE),
    *(GORM, ENT, BUN),
    *(HIBERNATE, JOOQ),
    *(DIESEL, SEA_ORM),
)
ORMS: Mapping[str, Orm] = {one.name: one for one in _ALL}
NAMES: tuple[str, ...] = get_args(OrmName)
