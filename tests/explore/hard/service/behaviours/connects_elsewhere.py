"""Has a connection to the database that it was not told to make: by an address of its own."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import psycopg
from shop import DATABASE_URL, Shop

from behaviours.base import Behaviour as Base


class Behaviour(Base):
    async def by_itself(self, shop: Shop) -> None:
        server = os.environ["PAIDONCE_POSTGRES_URL"]
        database = urlsplit(DATABASE_URL).path.lstrip("/")
        self.other = await psycopg.AsyncConnection.connect(server, dbname=database)
