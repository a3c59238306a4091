"""Reading the URLs people give for servers of their own."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit, urlunsplit

from paidonce.harness.errors import UsageError


def looks_like_url(spec: str) -> bool:
    """Return whether a backend spec is meant as a URL and not as the name of a kind."""
    return "://" in spec


def parse(
    url: str, role: str, schemes: Collection[str], *, host_needed: bool = True
) -> SplitResult:
    """Split a URL and check its scheme, host and port.

    Raises ``UsageError`` that names the role, the URL (its password hidden) and what is expected.
    """
    expected = f"expected {' or '.join(f'{scheme}://' for scheme in schemes)}host:port"
    shown = without_password(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{role} URL {shown!r}: {error}; {expected}") from None
    if parts.scheme not in schemes:
        raise UsageError(f"{role} URL {shown!r}: scheme {parts.scheme!r} is not known; {expected}")
    if host_needed and not parts.hostname:
        raise UsageError(f"{role} URL {shown!r} names no host; {expected}")
    if port == 0:
        raise UsageError(f"{role} URL {shown!r}: port 0 cannot be connected to; {expected}")
    return parts


def without_password(url: str) -> str:
    """The URL as it may be shown: a password in it becomes ``***``."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return url.partition("@")[2] or url
    if password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))
