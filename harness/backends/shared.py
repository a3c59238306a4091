"""One Postgres and one Redis server for all processes of a test run, told apart by name.

The process that owns the run (with pytest-xdist: the controller) starts them and puts their URLs
into the environment; its workers find them there and start none. Within them every worker has
databases of its own: Postgres ones with unique names, one numbered Redis database a worker.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
from collections.abc import Iterator, Mapping, MutableMapping
from urllib.parse import urlsplit, urlunsplit

from paidonce.harness.backends.base import PostgresServer, RedisServer
from paidonce.harness.backends.choose import open_postgres, open_redis
from paidonce.harness.errors import UsageError

POSTGRES_VARIABLE = "PAIDONCE_POSTGRES_URL"
REDIS_VARIABLE = "PAIDONCE_REDIS_URL"
THROWN_AWAY_VARIABLE = "PAIDONCE_POSTGRES_THROWN_AWAY"
"""The URL of the Postgres server that the run started and ends: what is in it goes with it."""
WORKER_VARIABLE = "PYTEST_XDIST_WORKER"
"""Set by pytest-xdist in its workers to gw0, gw1, ..."""

_WORKER = re.compile(r"gw(\d+)")
_NAME_LIMIT = 63
_counter = itertools.count(1)


@contextlib.contextmanager
def shared_servers(
    environ: MutableMapping[str, str] | None = None,
    *,
    postgres: str = "embedded",
    redis: str = "embedded",
) -> Iterator[dict[str, str]]:
    """Start what the environment does not name yet, name it there, and stop it at the end.

    Yields the variables and their values, to be passed on to other processes. A server that was
    named already is left alone, so nesting (a worker within a controller) is harmless.
    """
    environment = os.environ if environ is None else environ
    with contextlib.ExitStack() as stack:
        if not environment.get(POSTGRES_VARIABLE):
            server = stack.enter_context(open_postgres(postgres))
            _name(stack, environment, POSTGRES_VARIABLE, server.url())
            _name(stack, environment, THROWN_AWAY_VARIABLE, server.url())
        if not environment.get(REDIS_VARIABLE):
            store = stack.enter_context(open_redis(redis))
            _name(stack, environment, REDIS_VARIABLE, store.url())
        names = (POSTGRES_VARIABLE, REDIS_VARIABLE, THROWN_AWAY_VARIABLE)
        yield {name: environment[name] for name in names if name in environment}


def open_shared_postgres(environ: Mapping[str, str] | None = None) -> PostgresServer:
    """The run's Postgres server, or an embedded one of our own when none is named.

    Stopping it drops the databases made through it, unless the run started the server: then they go
    when that does, which is quicker by 20 to 100 ms for each. The server is stopped only if it is
    our own.
    """
    environment = os.environ if environ is None else environ
    url = environment.get(POSTGRES_VARIABLE)
    if url and url == environment.get(THROWN_AWAY_VARIABLE):
        # Imported where needed: PostgreSQL's client takes 0.2 s to load.
        from paidonce.harness.backends.postgres_url import UrlPostgres

        return UrlPostgres(url, thrown_away=True)
    return open_postgres(url or "embedded")


def open_shared_redis(environ: Mapping[str, str] | None = None) -> RedisServer:
    """This worker's own numbered database on the run's Redis server, or an embedded server.

    Its ``url()`` is the worker's database and ``flush`` empties no other.
    """
    environment = os.environ if environ is None else environ
    url = environment.get(REDIS_VARIABLE)
    return open_redis("embedded" if not url else redis_url_of_worker(url, environment))


def worker_name(environ: Mapping[str, str] | None = None) -> str:
    """``gw0``, ``gw1``, ... in a pytest-xdist worker, ``main`` elsewhere."""
    return (os.environ if environ is None else environ).get(WORKER_VARIABLE) or "main"


def worker_number(environ: Mapping[str, str] | None = None) -> int:
    """0 for the process that owns the run, n + 1 for worker ``gwn``.

    Raises ``UsageError`` when the worker's name is of another form.
    """
    name = worker_name(environ)
    if name == "main":
        return 0
    match = _WORKER.fullmatch(name)
    if match is None:
        raise UsageError(f"{WORKER_VARIABLE}={name}: expected gw0, gw1, ...")
    return int(match.group(1)) + 1


def redis_url_of_worker(url: str, environ: Mapping[str, str] | None = None) -> str:
    """The URL of this worker's database: its number, counted from the URL's own database."""
    parts = urlsplit(url)
    first = parts.path.strip("/") or "0"
    if not first.isdecimal():
        raise UsageError(f"{REDIS_VARIABLE}: path {first!r} is not a database number")
    return urlunsplit(parts._replace(path=f"/{int(first) + worker_number(environ)}"))


def database_name(purpose: str = "run", environ: Mapping[str, str] | None = None) -> str:
    """A Postgres database name no other process or run uses: ``paidonce_gw0_run_1f3a_7``.

    ``purpose`` is shortened and reduced to letters, digits and underscores.
    """
    unique = f"{secrets.token_hex(4)}_{next(_counter)}"
    readable = re.sub(r"[^a-z0-9_]+", "_", f"paidonce_{worker_name(environ)}_{purpose}".lower())
    return f"{readable[: _NAME_LIMIT - len(unique) - 1]}_{unique}"


def _name(
    stack: contextlib.ExitStack, environment: MutableMapping[str, str], variable: str, url: str
) -> None:
    before = environment.get(variable)

    def restore() -> None:
        if before is None:
            environment.pop(variable, None)
        else:
            environment[variable] = before

    environment[variable] = url
    stack.callback(restore)
