"""Which keys a script touches: those that its text says, if that says all of them.

A script may touch whatever it makes a name for, whatever keys it was called with. One that calls
commands by their names, each on ``KEYS[1]``, ``KEYS[2]`` and so on as they are, touches those. Any
other way to a command, or to another name for one, makes it a script that may touch anything.
"""

from __future__ import annotations

import functools
import re

from paidonce.harness.taps.redis.keys import Arguments, Keys, Named, keys_of, on_each, on_first

_KEY = r"KEYS\s*\[\s*([1-9][0-9]{0,2})\s*\]"
_CALL = re.compile(
    r"\bredis\s*\.\s*p?call\s*\(\s*(['\"])(?P<name>[A-Za-z]+)\1\s*"
    rf"(?:,\s*(?P<first>{_KEY})(?P<others>(?:\s*,\s*{_KEY})*)\s*)?(?P<then>[,)])"
)
_HARMLESS = re.compile(
    r"\bredis\s*\.\s*(?:error_reply|status_reply|log|sha1hex|setresp|replicate_commands|LOG_[A-Z]+)\b"
)
_READ = re.compile(rf"\b{_KEY}(?!\s*(?:,|--|=(?!=)))")
"""A key that is not set, alone or with others: ``KEYS[1], KEYS[2] = KEYS[2], KEYS[1]``."""
_NAMES = re.compile(r"\b(redis|KEYS)\b")
_OTHER_WAYS = re.compile(
    r"\b(?:_G|_ENV|server|getfenv|setfenv|load|loadstring|loadfile|dofile|require|debug)\b"
)
_NUMBER = re.compile(r"[1-9][0-9]*")
_TEXTS = {"EVAL", "EVAL_RO"}


def keys_of_script(name: str, args: Arguments) -> Keys | None:
    """The keys that a call of a script touches; None where that may be any."""
    if name not in _TEXTS or not args:
        return None
    given = keys_of(name, args)
    said = _said(args[0])
    if given is None or said is None or any(number > len(given) for number, _ in said):
        return None
    return tuple(Named(given[number - 1].key, changes) for number, changes in said)


@functools.lru_cache(maxsize=256)
def _said(script: bytes) -> tuple[tuple[int, bool], ...] | None:
    """The numbers of the keys that are touched, and whether what is there may be changed; None
    where the text does not say which."""
    try:
        text = script.decode("ascii")
    except UnicodeDecodeError:
        return None
    if _OTHER_WAYS.search(text):
        return None
    found: set[tuple[int, bool]] = set()
    understood: set[int] = set()
    for call in _CALL.finditer(text):
        touched = _touched(call)
        if touched is None:
            return None
        found.update(touched)
        understood.update(call.start() + name.start() for name in _NAMES.finditer(call[0]))
    understood |= {harmless.start() for harmless in _HARMLESS.finditer(text)}
    understood |= {key.start() for key in _READ.finditer(text)}
    if any(name.start() not in understood for name in _NAMES.finditer(text)):
        return None
    return tuple(sorted(found))


def _touched(call: re.Match[str]) -> list[tuple[int, bool]] | None:
    name, first, ends = call["name"].upper(), call["first"], call["then"] == ")"
    if first is None:
        return [] if name == "TIME" and ends else None
    keys = [int(number) for number in _NUMBER.findall(first + call["others"])]
    changes = on_first(name)
    if changes is not None:
        return [(keys[0], changes)]
    changes = on_each(name)
    if changes is None or not ends:
        return None
    return [(key, changes) for key in keys]
