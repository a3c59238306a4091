"""Random talk of a client with Postgres, and every message it is answered."""

from __future__ import annotations

import asyncio
import random
import struct
from urllib.parse import urlsplit

from postgres_messages import typed, untyped, z

from paidonce.harness.taps.postgres.address import address_of

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, v text);
INSERT INTO item VALUES (1, 'old');
CREATE TABLE one (v int UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO one VALUES (1);
CREATE TABLE noisy (v int);
CREATE FUNCTION cry() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE NOTICE '% at %', NEW.v, TG_WHEN; RETURN NEW; END $$;
CREATE TRIGGER early BEFORE INSERT ON noisy FOR EACH ROW EXECUTE FUNCTION cry();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON noisy
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cry();
CREATE PROCEDURE twice(n int) LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO noisy VALUES (n); COMMIT; INSERT INTO noisy VALUES (n); END $$;
CREATE FUNCTION looks(n int) RETURNS int LANGUAGE plpgsql AS $$
  BEGIN IF NOT EXISTS (SELECT FROM item WHERE id = n) THEN INSERT INTO item VALUES (n, 'f'); END IF;
  RETURN n; END $$;
"""
CHANGES = (
    "UPDATE item SET v = 'x{n}' WHERE id = {n}",
    "UPDATE item SET v = 'é' WHERE id = {n} RETURNING id, v, NULL AS nothing, 1.5::numeric",
    "UPDATE item SET v = 'y' WHERE id = (SELECT max(id) FROM item) RETURNING *",
    "INSERT INTO item VALUES ({n}, 'dup')",
    "INSERT INTO item VALUES ({n}, 'z') ON CONFLICT (id) DO UPDATE SET v = 'again'",
    "INSERT INTO item SELECT {n}, 'w' WHERE NOT EXISTS (SELECT 1 FROM item WHERE id = {n})",
    "INSERT INTO one VALUES ({n})",
    "INSERT INTO one SELECT 1 WHERE EXISTS (SELECT FROM one)",
    "INSERT INTO noisy SELECT {n} FROM item",
    "DELETE FROM item WHERE id = (SELECT min(id) FROM item WHERE id > {n}) RETURNING *;",
    "WITH x AS (INSERT INTO item VALUES ({n}, 'c') RETURNING id) SELECT * FROM x, item",
    "MERGE INTO item USING (SELECT {n} AS n) s ON id = n WHEN MATCHED THEN DELETE",
    "INSERT INTO item VALUES ({n}, 1/0)",
    "INSERT INTO nowhere VALUES ({n})",
    "SELECT looks({n})",
    "SELECT set_config('DateStyle', 'ISO, {d}', false), looks({n})",
    "SELECT set_config('DateStyle', 'ISO, {d}', true), looks({n})",
)
OTHERS = (
    "SELECT * FROM item ORDER BY id",
    "SELECT id FROM item WHERE id = {n} FOR UPDATE",
    "SELECT 1/0",
    "SELEC",
    "",
    ";",
    "-- nothing",
    "VALUES (1), (2)",
    "SELECT $1",
    "VACUUM noisy",
    "CREATE TABLE t{n} (a int)",
    "DROP TABLE IF EXISTS t{n}",
    "COPY item TO STDOUT",
    "CALL twice({n})",
    "DO $$ BEGIN INSERT INTO noisy VALUES (1); COMMIT; RAISE NOTICE 'done'; END $$",
    "LISTEN c",
    "NOTIFY c, 'x'",
    "BEGIN",
    "BEGIN ISOLATION LEVEL SERIALIZABLE",
    "COMMIT",
    "ROLLBACK",
    "COMMIT AND CHAIN",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "SET DateStyle = 'ISO, {d}'",
    "SET LOCAL lock_timeout = 0",
    "DECLARE k CURSOR FOR SELECT * FROM item",
    "FETCH ALL FROM k",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "LOCK TABLE item",
    "EXPLAIN (COSTS OFF) SELECT 1",
)


def statement(draw: random.Random) -> str:
    text = draw.choice(CHANGES if draw.random() < 0.6 else OTHERS)
    return text.replace("{n}", str(draw.randint(1, 4))).replace("{d}", draw.choice(("MDY", "DMY")))


def step(draw: random.Random) -> bytes:
    """What a client sends before it waits: queries, or an extended one up to its Sync."""
    kind = draw.random()
    if kind < 0.4:
        return _query(statement(draw))
    if kind < 0.6:
        return _query(";".join(statement(draw) for _ in range(draw.randint(2, 3))))
    if kind < 0.65:  # several, pipelined
        return b"".join(_query(statement(draw)) for _ in range(2))
    if kind < 0.7:
        return _query("COPY item FROM STDIN") + typed("d", b"7\tseven\n") + typed("c")
    return b"".join(_extended(draw) for _ in range(draw.randint(1, 3))) + typed("S")


def _query(text: str) -> bytes:
    return typed("Q", z(text))


def _extended(draw: random.Random) -> bytes:
    name = draw.choice(("", "", "s1"))
    portal = draw.choice(("", "", "p1"))
    formats = b"\0\1\0\1" if draw.random() < 0.2 else b"\0\0"
    parts = [typed("P", z(name), z(statement(draw)), b"\0\0")]
    if name and draw.random() < 0.4:
        parts = []  # of what is there, or is not
    if draw.random() < 0.2:
        parts.append(typed("D", b"S", z(name)))
    parts.append(typed("B", z(portal), z(name), b"\0\0", b"\0\0", formats))
    if draw.random() < 0.7:
        parts.append(typed("D", b"P", z(portal)))
    parts.append(typed("E", z(portal), struct.pack("!i", draw.choice((0, 0, 1)))))
    if draw.random() < 0.3:
        parts.append(typed("C", *draw.choice(((b"S", z(name)), (b"P", z(portal))))))
    if draw.random() < 0.2:
        parts.append(typed("H"))
    return b"".join(parts)


def _ends(sent: bytes) -> int:
    """How many times the server will say that it is ready."""
    at = found = 0
    while at < len(sent):
        found += sent[at : at + 1] in (b"Q", b"S")
        at += 1 + int.from_bytes(sent[at + 1 : at + 5], "big")
    return found


class Talk:
    """A connection of a client that knows the protocol from the manual alone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def begun(cls, url: str) -> Talk:
        """One that is ready for queries."""
        where, parts = address_of(url), urlsplit(url)
        if where.socket is not None:
            talk = cls(*await asyncio.open_unix_connection(where.socket))
        else:
            talk = cls(*await asyncio.open_connection(where.host, where.port))
        asked = {"user": parts.username or "postgres", "database": parts.path.lstrip("/")}
        words = b"".join(z(n) + z(v) for n, v in asked.items())
        talk._writer.write(untyped(struct.pack("!i", 3 << 16), words, b"\0"))
        await talk._answers(1)
        return talk

    async def ask(self, sent: bytes) -> list[tuple[str, bytes]]:
        """Every message that came, to the last one; what names a server process is left out."""
        self._writer.write(sent)
        return [
            (kind, body[4:] if kind == "A" else body)
            for kind, body in await self._answers(_ends(sent))
        ]

    def close(self) -> None:
        self._writer.close()

    async def _answers(self, ends: int) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        while ends:
            head = await self._reader.readexactly(5)
            body = await self._reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            found.append((chr(head[0]), body))
            ends -= head[:1] == b"Z"
        return found
