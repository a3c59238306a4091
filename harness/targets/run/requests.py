"""Makes the HTTP request of a step: placeholders filled in, cookies added, webhooks signed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import UNSET

from paidonce.harness.http.client import Request
from paidonce.harness.service.webhooks import signed_headers
from paidonce.harness.targets.file.format import StepTable
from paidonce.harness.targets.file.placeholders import NoSuchPlace, filled, filled_deep
from paidonce.harness.targets.run.scope import Scope
from paidonce.harness.testbed.bench import Bench

_LEADING = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_IN_PATHS = "/%-._~:@!$&'()*+,;="
_ASKED = f"{_IN_PATHS}?"
"""Characters that a path, and what comes after ``?``, have as they are (RFC 3986, 3.3 and 3.4)."""


def values_of(scope: Scope) -> dict[str, str | int]:
    """Return the values that a step knows, with one that no step had before."""
    return {"uuid": str(uuid.uuid4()), **scope.values, "fresh": scope.fresh()}


def request_of(
    bench: Bench,
    step: StepTable,
    scope: Scope,
    user: str,
    common: Mapping[str, str],
    where: str,
    event: bytes | None = None,
) -> Request:
    """The request that ``user`` sends. ``common`` are the headers of every step, ``event`` is the
    body of a webhook.

    Raises ``NoSuchPlace`` where a value is not known.
    """
    values = values_of(scope)
    method, path = step.request.strip().split(maxsplit=1)
    headers: dict[str, str] = {}
    body = b""
    if event is not None:
        body = event
        headers = signed_headers(body, bench.webhook_secret)
    elif step.json is not UNSET:
        body = msgspec.json.encode(filled_deep(step.json, values, where))
        headers["Content-Type"] = "application/json"
    elif step.form is not None:
        body = urlencode({k: filled(v, values, where) for k, v in step.form.items()}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif step.graphql is not None:
        variables = filled_deep(step.variables, values, where)
        body = msgspec.json.encode({"query": step.graphql, "variables": variables})
        headers["Content-Type"] = "application/json"
    elif step.body is not None:
        body = filled(step.body, values, where).encode()
    cookie = scope.cookie_header(user)
    if cookie is not None and step.to == "service":
        headers["Cookie"] = cookie
    own = step.headers if step.to == "stripe" else {**common, **step.headers}
    for name, text in own.items():
        _put(headers, name, filled(text, values, where))
    return Request(method=method, path=_path(path, values, where), headers=headers, body=body)


def _path(text: str, values: Mapping[str, str | int], where: str) -> str:
    """A path with what was captured: quoted, unless it begins with it, which is then a path itself,
    or an address, of which the path and what is asked for are taken."""
    quoted = {name: quote(str(value), safe="-._~:@!$'()*,;=") for name, value in values.items()}
    leading = _LEADING.match(text)
    if leading is None:
        return filled(text, quoted, where)
    found = filled(leading.group(), values, where)
    parts = urlsplit(found)
    path = parts.path or "/" if parts.netloc else parts.path
    if not path.startswith("/"):
        raise NoSuchPlace(
            f"{where}: {leading.group()} is {found!r}, which is not a path or an address"
        )
    asked = urlunsplit(("", "", quote(path, safe=_IN_PATHS), quote(parts.query, safe=_ASKED), ""))
    return asked + filled(text[leading.end() :], quoted, where)


def _put(headers: dict[str, str], name: str, value: str) -> None:
    """A header given by a person replaces ours, however it is spelt."""
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    headers[name] = value
