"""A Redis server of the user's own: checked, used, and never stopped."""

from __future__ import annotations

from urllib.parse import urlunsplit

import redis

from paidonce.harness.backends import redis_client, urls
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.masking import word_without_credentials


class UrlRedis(Stoppable):
    """The server behind a ``redis://`` or ``rediss://`` URL; constructing it connects once.

    The URL's database (``/0`` if it names none) is taken to be ours to empty. Raises
    ``UsageError`` (malformed URL, refused password) or ``Unavailable`` (nothing answers).
    """

    kind = "url"
    owned = False

    def __init__(self, url: str) -> None:
        self._parts = urls.parse(url, "Redis", ("redis", "rediss"))
        self._url = url
        shown = word_without_credentials(url)
        number = self._parts.path.strip("/")
        if number and not number.isdecimal():
            raise UsageError(f"Redis URL {shown!r}: path {number!r} is not a database number")
        self._db = int(number or 0)
        try:
            self.version = redis_client.server_version(url)
        except redis.AuthenticationError as error:
            raise UsageError(
                f"Redis URL {shown!r}: the server refuses the connection ({error})"
            ) from None
        except redis.ConnectionError as error:
            problem = f"nothing answers at {shown} ({error})"
            remedy = "Start the server, correct the URL, or use the backend 'embedded'"
            raise Unavailable("redis", problem, remedy) from None
        except redis.RedisError as error:
            raise UsageError(f"Redis URL {shown!r}: {error}") from None
        except (TypeError, ValueError):  # what the client makes of a query that it does not know
            raise UsageError(
                f"Redis URL {shown!r}: its query has an option that Redis.from_url does not know"
            ) from None

    def url(self, db: int | None = None) -> str:
        """The URL of a numbered database, counted from the URL's own."""
        number = self._db + (db or 0)
        return self._url if not db else urlunsplit(self._parts._replace(path=f"/{number}"))

    def flush(self) -> None:
        """Empty the URL's database, and no other."""
        redis_client.flush(self._url, everything=False)

    def stop(self) -> None:
        """Nothing was started, so nothing is stopped."""
