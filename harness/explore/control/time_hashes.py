"""Hashes of a known value and the time of now, cut to the second, the minute or the day.

Nothing is seen in such a key. Those that are made in the usual ways are found by making them again:
what was known before anybody moved, beside the time, in the spellings and with the separators that
are common, through the hash functions that give a text of that length. One that comes out is no
accident; that none does says nothing.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta

PERIODS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 86400)
"""Seconds. How many of them have gone by since 1970 is a common way to cut a time."""
_FORMS = (
    *("%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d", "%Y-%m-%d", "%Y-%m-%d-%H", "%Y-%m-%d-%H-%M"),
    *("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d %H:%M", "%Y-%m-%d %H", "%d/%m/%Y", "%Y%m%d%H%M%S"),
)
_LATE = (0, 1, 2)
"""Seconds ago that a key may have been made that comes now."""
_SEPARATORS = ("", ":", "-", "_", "|", "/", ".", ",", " ", "::")
_DIGEST = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})(?![0-9A-Za-z])"
)
_OF_A_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_SPACES = (uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID, uuid.NAMESPACE_X500)
_MOST = 24
_LONGEST = 64
"""Known values that are tried, of so many characters at most: the first ones, and of those that are
given together the longest, since ids are longer than what else is known."""

Hash = Callable[[str], str]


def hashed_time(text: str, known: Iterable[Collection[str]], now: datetime) -> str:
    """Return the time that, with one of the values ``known``, makes a hash that is in ``text``;
    empty if none that is tried does."""
    for digest, functions in _hashes_in(text):
        for made, moment in _made_of(known, now):
            if any(function(made) == digest for function in functions):
                return moment
    return ""


def _hashes_in(text: str) -> Iterator[tuple[str, tuple[Hash, ...]]]:
    """Yield the hashes in a text, and by which functions each may have been made."""
    for found in _DIGEST.findall(text):
        yield found.lower(), (_BY_LENGTH[len(found)],)
    for found in _OF_A_NAME.findall(text.lower()):
        yield found, tuple(map(_within, _SPACES))


def _made_of(known: Iterable[Collection[str]], now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what may have been hashed, and the time in it."""
    times = dict.fromkeys(_times(now))
    ordered = [one for each in known for one in sorted(each, key=lambda one: (-len(one), one))]
    for value in [one for one in ordered if 0 < len(one) <= _LONGEST][:_MOST]:
        for moment in times:
            for between in _SEPARATORS:
                yield f"{value}{between}{moment}", moment
                yield f"{moment}{between}{value}", moment


def _times(now: datetime) -> Iterator[str]:
    for late in _LATE:
        then = now - timedelta(seconds=late)
        yield from (then.strftime(form) for form in _FORMS)
        yield from (str(int(then.timestamp()) // period) for period in PERIODS)


def _hex(name: str) -> Hash:
    return lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def _within(space: uuid.UUID) -> Hash:
    return lambda text: str(uuid.uuid5(space, text))


_BY_LENGTH = {32: _hex("md5"), 40: _hex("sha1"), 64: _hex("sha256")}
