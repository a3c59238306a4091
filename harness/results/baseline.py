"""The baseline: findings that are known and accepted for a time, each with a reason and a day.

    target = "shop"

    [[accepted]]
    finding = "racy/one charge at most"
    reason = "replaced by the new checkout"
    expires = 2027-03-31

It is strict on purpose: an entry that expired, or that names nothing the target has, is an error.
"""

from __future__ import annotations

import datetime
import difflib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from paidonce.harness.bounded import decode_toml, read_file
from paidonce.harness.errors import UsageError
from paidonce.harness.results.findings import DECLARED, Finding, Level

DEFAULT_NAME = "paidonce-baseline.toml"
GRACE_DAYS = 90
"""How long what is written anew is accepted."""

_KEYS = ("finding", "reason", "expires")
_HEAD = """\
# Findings of "paidonce check" that are known and accepted for a time; see docs/ci.md.
# Each needs a reason; after the day it expires it is an error.
"""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted finding. It is accepted up to the day ``expires``, which is included."""

    finding: str
    reason: str
    expires: datetime.date

    @property
    def words(self) -> str:
        """Return why it is accepted, and until when, for reports."""
        return f"accepted until {self.expires.isoformat()}: {self.reason}"


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    target: str
    accepted: tuple[Entry, ...] = ()

    @property
    def words(self) -> dict[str, str]:
        """By finding, why and until when it is accepted."""
        return {entry.finding: entry.words for entry in self.accepted}


def read_baseline(
    path: Path, target: str, known: Sequence[str], today: datetime.date, *, writing: bool = False
) -> Baseline:
    """The baseline in ``path``, of the target ``target``, whose findings can be those ``known``.

    Where it is about to be written anew (``writing``) it need not exist, and may hold entries
    that expired or have no reason yet. Raises ``UsageError`` naming file, key and what was
    expected.
    """
    try:
        data = decode_toml(read_file(path))
    except FileNotFoundError:
        if writing:
            return Baseline(target=target)
        raise UsageError(
            f"baseline {path} does not exist; write a first one by --write-baseline"
        ) from None
    except OSError as error:
        raise UsageError(f"baseline {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    _known_keys(data, ("target", "accepted"), str(path))
    if data.get("target") != target:
        raise UsageError(f"{path}, target: expected {target!r}, got {data.get('target')!r}")
    entries = data.get("accepted", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path}, accepted: expected tables, each begun by [[accepted]]")
    found: list[Entry] = []
    for number, table in enumerate(entries, start=1):
        place = f"{path}, [[accepted]] {number}"
        entry = _entry(table, place, known, None if writing else today)
        if entry.finding in (other.finding for other in found):
            raise UsageError(f"{place}, finding: {entry.finding!r} is accepted above already")
        found.append(entry)
    return Baseline(target=target, accepted=tuple(found))


def write_baseline(
    path: Path, baseline: Baseline, found: Sequence[Finding], today: datetime.date
) -> int:
    """Add what was found and is not accepted yet; returns how many. Raises ``UsageError``."""
    new = [
        finding for finding in found if finding.level is Level.ERROR and finding.what != DECLARED
    ]
    entries = [
        *baseline.accepted,
        *(
            Entry(
                finding=finding.id, reason="", expires=today + datetime.timedelta(days=GRACE_DAYS)
            )
            for finding in new
        ),
    ]
    text = f"{_HEAD}\ntarget = {_quoted(baseline.target)}\n"
    for entry in entries:
        text += f"\n[[accepted]]\nfinding = {_quoted(entry.finding)}\n"
        text += f"reason = {_quoted(entry.reason)}\nexpires = {entry.expires.isoformat()}\n"
    try:
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"baseline {path} cannot be written: {error.strerror}") from None
    return len(new)


def _entry(
    table: dict[str, Any], place: str, known: Sequence[str], today: datetime.date | None
) -> Entry:
    _known_keys(table, _KEYS, place)
    for key in _KEYS:
        if key not in table:
            raise UsageError(f"{place}, {key}: missing")
    finding, reason, expires = (table[key] for key in _KEYS)
    if finding not in known:
        near = difflib.get_close_matches(str(finding), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"{place}, finding: the target has no {finding!r}; {hint}")
    if not isinstance(reason, str):
        raise UsageError(f"{place}, reason: expected a text, got {reason!r}")
    if type(expires) is not datetime.date:
        raise UsageError(f"{place}, expires: expected a day like 2027-03-31, got {expires!r}")
    if today is not None and not reason.strip():
        raise UsageError(f"{place}, reason: say why {finding!r} is accepted")
    if today is not None and expires < today:
        raise UsageError(
            f"{place}, expires: {finding!r} was accepted until {expires.isoformat()}; fix it, or "
            "set a later day"
        )
    return Entry(finding=finding, reason=reason.strip(), expires=expires)


def _known_keys(table: dict[str, Any], keys: Sequence[str], place: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(keys)}"
            raise UsageError(f"{place}, {key}: unknown key; {hint}")


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
