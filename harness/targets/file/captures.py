"""Values taken from answers: ``json:$.id``, ``header:Location``, ``html:input[name=_csrf]@value``.

A capture is written ``KIND:WHERE``; a header, a cookie or what HTML holds may be narrowed down by
a regex after ``~``, whose first group (or all of it) is the value:
``header:Location~/orders/(.+)``.

What reads HTML and JSON paths is imported where it is needed: it takes 0.2 s to load.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.http.client import Answer
from paidonce.harness.http.excerpt import said

KINDS = ("json", "header", "cookie", "html", "regex")


class BadCapture(ValueError):
    """The text is no capture; the message says what was expected."""


class NothingThere(Exception):
    """The answer does not have what was to be captured."""


@dataclass(frozen=True)
class Capture:
    """Where in an answer a value is."""

    kind: str
    where: str
    attribute: str | None = None
    regex: re.Pattern[str] | None = None

    def take(self, answer: Answer) -> Any:
        """The value in ``answer``; of JSON with its type. Raises ``NothingThere``."""
        found = self._found(answer)
        if found is None:
            told = said(answer.body) or "nothing"
            raise NothingThere(f"nothing at {self}; the answer is {answer.status}: {told}")
        if self.regex is None:
            return found
        match = self.regex.search(str(found))
        if match is None:
            raise NothingThere(f"{found!r} does not match {self.regex.pattern!r}")
        return match.group(1) if self.regex.groups else match.group()

    def __str__(self) -> str:
        return f"{self.kind}:{self.where}"

    def _found(self, answer: Answer) -> Any:
        match self.kind:
            case "json":
                return at_path(self.where, answer.body)
            case "header":
                return answer.headers.get(self.where.lower())
            case "cookie":
                return cookies_set(answer).get(self.where)
            case "html":
                return self._in_html(answer.body)
            case _:
                return answer.body.decode("utf-8", "replace")

    def _in_html(self, body: bytes) -> str | None:
        from bs4 import BeautifulSoup

        element = BeautifulSoup(body, "html.parser").select_one(self.where)
        if element is None:
            return None
        if self.attribute is None:
            return str(element.get_text(strip=True))
        value = element.get(self.attribute)
        return value if isinstance(value, str) or value is None else " ".join(value)


def parse_capture(text: str) -> Capture:
    """The capture that ``text`` describes. Raises ``BadCapture``."""
    kind, colon, where = text.partition(":")
    if not colon or kind not in KINDS or not where:
        known = ", ".join(f"{name}:…" for name in KINDS)
        raise BadCapture(f"expected one of {known}; got {text!r}")
    match kind:
        case "json":
            check_path(where)
            return Capture(kind, where)
        case "regex":
            return Capture(kind, where, regex=_regex(where))
        case "html":
            where, regex = _narrowed(where)
            selector, at, attribute = where.rpartition("@")
            selector = selector if at else where
            import soupsieve

            try:
                soupsieve.compile(selector)
            except soupsieve.SelectorSyntaxError as error:
                said = str(error).splitlines()[0]
                raise BadCapture(f"{selector!r} is not a CSS selector: {said}") from None
            return Capture(kind, selector, attribute if at else None, regex)
        case _:
            where, regex = _narrowed(where)
            return Capture(kind, where, regex=regex)


def check_path(path: str) -> None:
    """Raises ``BadCapture`` unless ``path`` is a JSON path."""
    import jsonpath

    try:
        jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        said = str(error).splitlines()[0]
        raise BadCapture(f"{path!r} is not a JSON path like '$.order.id': {said}") from None
    if not path.startswith("$"):
        raise BadCapture(f"{path!r} is not a JSON path like '$.order.id': it begins with $")


def at_path(path: str, body: bytes) -> Any:
    """The first value at a JSON path; None where there is none, or the body is no JSON."""
    try:
        data = decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(data, dict | list):
        return data if path == "$" else None
    import jsonpath

    return next(iter(jsonpath.findall(path, data)), None)


def cookies_set(answer: Answer) -> dict[str, str | None]:
    """The cookies an answer sets; None for one it takes back."""
    cookies: dict[str, str | None] = {}
    for name, value in answer.raw_headers:
        if name.lower() != b"set-cookie":
            continue
        pair, *attributes = value.decode("latin-1").split(";")
        cookie, _, content = pair.strip().partition("=")
        said = {a.strip().partition("=")[0].lower(): a.partition("=")[2] for a in attributes}
        gone = said.get("max-age", "").strip() in ("0", "-1") or "1970" in said.get("expires", "")
        cookies[cookie] = None if gone else content
    return cookies


def _narrowed(where: str) -> tuple[str, re.Pattern[str] | None]:
    # A selector has its own ~ (a sibling, ~= in attributes): only one right before a regex in
    # the end counts, and it has no spaces around it.
    place = re.search(r"(?<=\S)~(?![=\s])", where)
    if place is None:
        return where, None
    return where[: place.start()], _regex(where[place.end() :])


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BadCapture(f"{text!r} is not a regex: {error}") from None
