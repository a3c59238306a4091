"""Reading the URLs people give for servers of their own."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from paidonce.harness.errors import UsageError
from paidonce.harness.masking import word_without_credentials

_UNREADABLE = (
    "its host and port cannot be read (in a password, / is written as %2F, ? as %3F, # as %23, "
    "[ as %5B and @ as %40)"
)


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
    shown = word_without_credentials(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # Its words have a part of a password with a / in it, which it takes for a port.
        said = str(error) if shown == url else _UNREADABLE
        raise UsageError(f"{role} URL {shown!r}: {said}; {expected}") from None
    if parts.scheme not in schemes:
        raise UsageError(f"{role} URL {shown!r}: scheme {parts.scheme!r} is not known; {expected}")
    if host_needed and not parts.hostname:
        raise UsageError(f"{role} URL {shown!r} names no host; {expected}")
    if port == 0:
        raise UsageError(f"{role} URL {shown!r}: port 0 cannot be connected to; {expected}")
    return parts
