"""One request on a connection of its own, asked by a thread that waits: is a server there, does a
backend forget what it holds.

The standard library does it (``http.client``), so that nothing is loaded for it. Proxies that the
environment names are not used, redirects are not followed, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from paidonce.harness.http.client import Answer, NoAnswer
from paidonce.harness.http.tls import context


def ask_once(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request and return its answer; its reading ends after ``seconds`` of silence.

    Raises ``NoAnswer`` when no connection can be made, or no whole answer comes.
    """
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    connection = (
        HTTPSConnection(host, parts.port, timeout=seconds, context=context())
        if parts.scheme == "https"
        else HTTPConnection(host, parts.port, timeout=seconds)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        read = answer.read()
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"no answer from {host}:{connection.port}: {error!r}") from error
    finally:
        connection.close()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, named, read, reason=answer.reason)
