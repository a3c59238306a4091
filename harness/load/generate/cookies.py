"""The cookies of a user of Locust, who mostly has none."""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import Any


class RareCookies(CookieJar):
    """A jar that does nothing until an answer sets a cookie.

    Python's own looks through its rules for every request and every answer, which takes a tenth of
    the processor time of a user of Locust; a service of payments seldom sets any.
    """

    def add_cookie_header(self, request: Any) -> None:
        """Add the cookies that belong to a request, if there are any at all."""
        if self._cookies:  # type: ignore[attr-defined]
            super().add_cookie_header(request)

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep the cookies that an answer sets."""
        headers = response.headers
        if "set-cookie" in headers or "set-cookie2" in headers:
            super().extract_cookies(response, request)
