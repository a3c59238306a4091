"""Requests of a user of Locust, by those parts of its own HTTP client that they need.

What Locust has in front of them reads the address anew, puts headers together five times and looks
for redirections, which takes two fifths of the processor time of a request. Here nothing leads
elsewhere: the service is on this machine, behind plain HTTP, and an answer is an answer, also one
that redirects. A request of a history is one request: none is sent again. The connections, the
time-outs and the parser are those of ``FastHttpUser``.

Only for a Locust process: users wait on gevent's sockets.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.parse import urlsplit

import gevent.socket
from geventhttpclient import URL
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPSocketPoolResponse
from geventhttpclient.useragent import CompatRequest, CompatResponse
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS
from locust.exception import CatchResponseError

from paidonce.harness.http.client import Request

_BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods that say how long their body is, also where there is none (RFC 9110, section 8.6)."""
_BLOCK = 1 << 16
_AT_ONCE = 10
"""Connections of one user: more than clicks at once."""
_BROKEN = frozenset({errno.ECONNRESET, errno.EPIPE})


class SentRequest:
    """A request that was sent, and its answer, or the ``problem`` for which there is none.

    ``headers`` has lower-case names.
    """

    def __init__(self, request: Request, report: Callable[..., None]) -> None:
        self.request = request
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.problem = ""
        self._report = report
        self._at = time.time()
        self._began = time.perf_counter()
        self._ms = 0.0

    def over(self) -> None:
        """Note that this was the moment of its answer, or of the problem."""
        self._ms = (time.perf_counter() - self._began) * 1000

    def tell(self, name: str, failure: str = "") -> None:
        """Tell Locust's statistics: under that name, as a success or as a ``failure``."""
        self._report(
            request_type=self.request.method,
            name=name,
            response_time=self._ms,
            response_length=len(self.body),
            exception=CatchResponseError(failure) if failure else None,
            start_time=self._at,
            url=self.request.path,
            response=self,
        )


class Sender:
    """Sends the requests of one user to the service at ``base``, with the cookies it was given.

    ``patience`` is how many seconds it waits for a connection, and for anything to come on one.
    ``report`` takes what Locust's event of a request says.
    """

    def __init__(self, base: str, report: Callable[..., None], *, patience: float) -> None:
        parts = urlsplit(base)
        host, port = parts.hostname or "", parts.port or 80
        self._base, self._report = base, report
        self._cookies = CookieJar()
        self._lines = f"Host: {parts.netloc}\r\nUser-Agent: paidonce\r\nAccept-Encoding: identity"
        self._pool = ConnectionPool(
            host,
            port,
            host,
            port,
            size=_AT_ONCE,
            connection_timeout=patience,
            network_timeout=patience,
        )

    def send(self, request: Request) -> SentRequest:
        """Send ``request``, once whatever happens, and wait for its answer.

        Raises ``ValueError`` for a header with a line break.
        """
        sent = SentRequest(request, self._report)
        try:
            answer = self._answer(request)
            headers: Headers = answer.info()
            sent.headers = dict(headers.iterlower())
            # What is compressed though nobody asked for it is read by who knows how.
            encoded = "content-encoding" in sent.headers
            sent.body = CompatResponse(answer).content if encoded else answer.read()
            sent.status = answer.status_code
        except FAILURE_EXCEPTIONS as error:
            sent.problem = f"{type(error).__name__}: {error}"
        sent.over()
        return sent

    def _answer(self, request: Request) -> HTTPSocketPoolResponse:
        asked = None
        if len(self._cookies):
            asked = self._compatible(request)
            self._cookies.add_cookie_header(asked)
        data = self._written(request, asked.get_header("Cookie") if asked is not None else None)
        connection = self._pool.get_socket()
        try:
            connection.sendall(data)
        except gevent.socket.error as error:
            if error.errno not in _BROKEN:
                self._pool.release_socket(connection)
                raise
            # It may have been answered before all of it was read.
        except BaseException:
            self._pool.release_socket(connection)
            raise
        answer = HTTPSocketPoolResponse(
            connection, self._pool, block_size=_BLOCK, method=request.method
        )
        if "set-cookie" in answer.info():
            asked = asked or self._compatible(request)
            self._cookies.extract_cookies(CompatResponse(answer), asked)  # type: ignore[arg-type]
        return answer

    def _written(self, request: Request, cookies: str | None) -> bytes:
        path = request.path
        if not path.isascii() or " " in path:
            path = URL(self._base + path).quoted_uri
        lines = [f"{request.method} {path} HTTP/1.1", self._lines]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        if request.body or request.method in _BODIES:
            lines.append(f"Content-Length: {len(request.body)}")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) + 1:  # three lines are one of ``lines``
            raise ValueError(f"a line break in the path or a header of {request.method} {path}")
        return head.encode("latin-1") + b"\r\n\r\n" + request.body

    def _compatible(self, request: Request) -> CompatRequest:
        """Return a request as a jar of cookies takes it."""
        return CompatRequest(self._base + request.path, request.method, headers=Headers())
