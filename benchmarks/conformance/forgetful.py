"""A plug-in for pytest: before every test the server forgets everything (``PAIDONCE_RESET``)."""

from __future__ import annotations

import os
from http.client import HTTPConnection
from urllib.parse import urlsplit

_URL = urlsplit(os.environ.get("PAIDONCE_RESET", ""))


def pytest_runtest_setup() -> None:
    """Reset the server."""
    if _URL.hostname:
        connection = HTTPConnection(_URL.hostname, _URL.port, timeout=30)
        headers = {"Paidonce-Control": "1", "content-type": "application/json"}
        connection.request("POST", _URL.path, b"{}", headers)
        assert connection.getresponse().status == 200, "the server was not reset"
        connection.close()
