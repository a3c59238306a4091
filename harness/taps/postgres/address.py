"""Where a libpq URL points to, and the same URL pointing to a tap."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from paidonce.harness.errors import UsageError

_EXPECTED = "expected postgresql://user@host:port/database"
_DEFAULT_PORT = 5432
# What would make a client look for the server elsewhere, or insist on encryption: the tap is on
# the loopback interface and answers that it has none.
_PLACE = frozenset({"host", "hostaddr", "port"})
_ENCRYPTION = frozenset(
    {"sslmode", "sslnegotiation", "gssencmode", "channel_binding", "sslrootcert", "requiressl"}
)
_INSISTS = frozenset({"require", "verify-ca", "verify-full"})


class Address(NamedTuple):
    """A host and port, or, where ``host`` begins with a slash, the folder of a Unix socket."""

    host: str
    port: int

    @property
    def socket(self) -> str | None:
        """The path of the Unix socket, None over TCP."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else None


def address_of(url: str) -> Address:
    """The server of a libpq URL (section 32.1.1.2), whose parameters win over its authority.

    Raises ``UsageError`` where it names no host, several, or no number for a port, and where it
    insists on encryption.
    """
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise UsageError(f"Postgres URL with scheme {parts.scheme!r}: {_EXPECTED}")
    named = dict(parse_qsl(parts.query))
    try:
        port = int(named.get("port") or parts.port or _DEFAULT_PORT)
    except ValueError:
        raise UsageError(f"Postgres URL without a single numeric port: {_EXPECTED}") from None
    host = named.get("hostaddr") or named.get("host") or unquote(parts.hostname or "")
    if named.get("sslmode", "") in _INSISTS:
        raise UsageError(
            f"Postgres URL with sslmode={named['sslmode']}: the tap speaks to the server without "
            "encryption; expected none of sslmode=require, verify-ca and verify-full"
        )
    if not host:
        raise UsageError(f"Postgres URL names no host: {_EXPECTED}")
    if "," in host:
        raise UsageError(f"Postgres URL names several hosts ({host}); name the one to be tapped")
    return Address(host, port)


def redirected(url: str, address: Address) -> str:
    """``url`` with its server replaced; user, password, database and other parameters stay."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    named = [(n, v) for n, v in parse_qsl(parts.query, keep_blank_values=True) if n not in _PLACE]
    encrypted = any(name in _ENCRYPTION for name, _ in named)
    named = [(n, v) for n, v in named if n not in _ENCRYPTION]
    if encrypted:
        named.append(("sslmode", "disable"))
    if address.socket is not None:
        named += [("host", address.host), ("port", str(address.port))]
        netloc = f"{user}{at}"
    else:
        netloc = f"{user}{at}{address.host}:{address.port}"
    query = urlencode(named, quote_via=quote)
    return urlunsplit(parts._replace(netloc=netloc, query=query))
