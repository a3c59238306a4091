"""A user of Locust keeps the cookies it is given, and is told of none until then."""

from __future__ import annotations

from email.message import Message
from types import SimpleNamespace
from typing import Any
from urllib.request import Request

from paidonce.harness.load.generate.cookies import RareCookies

URL = "http://shop.example/orders"


def answer(**headers: str) -> Any:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return SimpleNamespace(headers=message, info=lambda: message)


def test_a_cookie_goes_with_the_requests_that_follow_it() -> None:
    jar = RareCookies()
    first = Request(URL)
    jar.add_cookie_header(first)
    jar.extract_cookies(answer(Content_Type="application/json"), first)
    assert first.get_header("Cookie") is None
    assert len(jar) == 0
    jar.extract_cookies(answer(Set_Cookie="session=abc; Path=/"), first)
    second = Request(URL)
    jar.add_cookie_header(second)
    assert second.get_header("Cookie") == "session=abc"
