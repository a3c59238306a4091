"""A plug-in for pytest: before every test the server forgets everything (``PAIDONCE_RESET``).

Of stripe-python's examples those are left that ask a server about something that is simulated: what
is written for ``StripeClient`` (``…_service``) is answered by a stub of the suite's own.
"""

from __future__ import annotations

import os
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from resources import resource_of

_URL = urlsplit(os.environ.get("PAIDONCE_RESET", ""))
_STUBBED = ("_service", "_service_async", "_async")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Leave what is applicable."""
    items[:] = [
        item
        for item in items
        if resource_of(item.name)
        and not item.name.removesuffix("_non_namespaced").endswith(_STUBBED)
    ]


def pytest_runtest_setup() -> None:
    """Reset the server."""
    if _URL.hostname:
        connection = HTTPConnection(_URL.hostname, _URL.port, timeout=30)
        headers = {"Paidonce-Control": "1", "content-type": "application/json"}
        connection.request("POST", _URL.path, b"{}", headers)
        assert connection.getresponse().status == 200, "the server was not reset"
        connection.close()
