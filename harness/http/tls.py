"""One TLS context for all our HTTP clients: making one reads hundreds of certificates each time."""

from __future__ import annotations

import functools
import ssl


@functools.cache
def context() -> ssl.SSLContext:
    """The default client context: certificates and host names are verified."""
    return ssl.create_default_context()
