"""Which addresses load may be sent to: this machine, and nothing else."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from paidonce.harness.errors import UsageError


def loopback_url(text: str, where: str, what: str = "load is sent") -> str:
    """``text``, without a trailing slash, if it is an HTTP address of this machine.

    Load is an attack when it hits a service that nobody offered for it, and a charge when that
    service holds a live key; so a name is accepted only if it is ``localhost`` (which RFC 6761,
    section 6.3, reserves for loopback) or a literal loopback address. Raises ``UsageError``
    naming ``where`` the address came from, and that ``what`` to this machine only.
    """
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{where}: {text!r} is not an address ({error})") from error
    if parts.scheme != "http" or host is None:
        raise UsageError(f"{where}: expected an address like http://127.0.0.1:8000, got {text!r}")
    if not _is_loopback(host):
        raise UsageError(
            f"{where}: {what} to this machine only, and {host!r} is not a loopback address "
            f"(use 127.0.0.1, ::1 or localhost)"
        )
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise UsageError(f"{where}: expected scheme, host and port only, got {text!r}")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
