"""Takes credentials out of texts that are shown or written: commands, errors, last words.

Reports are uploaded by CI and messages end up in its logs, where many can read them. What is masked
is known by where it stands, never by what it is: a password that is somebody's name, too, would
otherwise take that name out of everything.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"

# The last @ before the host ends the credentials (RFC 3986, 3.2.1), and a password may hold one
# that somebody forgot to write as %40.
_IN_URL = re.compile(r"(?P<head>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@'\"]*:)[^\s/?#'\"]*(?=@)")
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS, and what drivers
# take in the query of a URL.
_PARAMETER = re.compile(
    r"(?P<head>\b(?:ssl)?pass(?:word|wd|code)?\s*=\s*)(?P<value>'[^']*'|[^\s&;'\"]+)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<head>\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic|token)?\s*)"
    r"[^\s'\",}]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{8,}")
# https://docs.stripe.com/keys and https://docs.stripe.com/webhooks/signature: long ones only, since
# short ones are made up, as in sk_test_paidonce.
_STRIPE = re.compile(r"(?P<head>\b(?:(?:sk|rk)_(?:org_)?(?:test|live)_|whsec_))[A-Za-z0-9+/=]{12,}")
_PATTERNS = (_IN_URL, _PARAMETER, _HEADER, _BEARER, _STRIPE)

_URL_WORD = re.compile(
    r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)(?P<password>.*)(?=@)", re.DOTALL
)
"""A word that ends with a URL: all up to its last @ is the password, which may hold what a password
in a text is ended by (quotes, blanks, a # that nobody has written as %23)."""

_SECRET_NAME = re.compile(
    r"PASS(?:WORD|WD|CODE|PHRASE)?$|SECRET|TOKEN|CREDENTIAL|PRIVATE|KEY$", re.IGNORECASE
)
_SHORTEST = 6
"""Values that are shorter are no secrets, and would be found in too much."""


def without_credentials(text: str) -> str:
    """Return ``text`` with ``***`` in the place of passwords in URLs and connection strings, of
    what authorizes a request, and of Stripe's keys and signing secrets."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<head>{HIDDEN}", text)
    return text


def without_secrets_of(environ: Mapping[str, str], text: str) -> str:
    """Return ``text`` without credentials, and without values of variables that are called secret,
    password, token, key or the like."""
    named = (value for name, value in environ.items() if _SECRET_NAME.search(name))
    return without_credentials(_without(named, text))


def word_without_credentials(word: str) -> str:
    """Return a URL, or a word of a command that ends with one, without credentials."""
    return without_credentials(_URL_WORD.sub(rf"\g<head>{HIDDEN}", word))


def without_password_of(url: str, text: str) -> str:
    """Return ``text``, in which others tell of ``url`` in words of their own, without credentials
    and without its password."""
    passwords = [match["password"] for match in _URL_WORD.finditer(url)]
    passwords += [match["value"] for match in _PARAMETER.finditer(url)]
    for password in filter(None, passwords):
        # libpq takes the first @ for the end of it, and what follows for the host.
        rest = password.partition("@")[2]
        text = text.replace(password, HIDDEN).replace(f"{rest}@", f"{HIDDEN}@" if rest else "@")
    return without_credentials(text)


def command_line(arguments: Sequence[str] | None = None) -> str:
    """Return the command as it was typed (default: ours), without credentials."""
    words = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["paidonce", *map(word_without_credentials, words)])


def _without(values: Iterable[str], text: str) -> str:
    # The longest first: one may be a part of another.
    for value in sorted(set(values), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    return text
