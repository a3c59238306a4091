"""A command and its reply: what crosses the Redis tap as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.taps.held import Phase
from paidonce.harness.taps.redis import resp
from paidonce.harness.taps.redis.keys import is_local, is_script, keys_of, pattern, words
from paidonce.harness.taps.redis.touching import Databases, Touches, touches, transaction_touches

_SHOWN = 80
"""Characters shown of one argument or string."""
_SHOWN_ITEMS = 8
_HIDDEN = "***"
# Words that change what a command does, and so belong into its label.
_OPTIONS = words(
    "NX XX GT LT CH INCR GET EX PX EXAT PXAT KEEPTTL IFEQ PERSIST WITHSCORES LIMIT COUNT BLOCK "
    "STREAMS GROUP MKSTREAM NOACK ASYNC SYNC REPLACE"
)
_SUBCOMMANDS = words(
    "CLIENT CONFIG COMMAND SCRIPT FUNCTION OBJECT XGROUP XINFO PUBSUB CLUSTER ACL MEMORY LATENCY "
    "DEBUG MODULE SLOWLOG"
)
_SECRET = frozenset(("AUTH", "HELLO", "ACL", "CONFIG", "MIGRATE"))


def _as_it_is(key: str) -> str:
    return key


@dataclass(eq=False)
class RedisCommand:
    """One command. It is a ``paidonce.harness.taps.gate.Call``; the gate may set ``attempt``.

    ``name`` is upper-case, ``databases`` are those it may work on (one, unless nobody can tell).
    ``local`` commands touch nothing but their connection; ``queued`` ones stand between MULTI and
    EXEC and take effect with EXEC, which has them as its ``transaction``; ``watched`` is what WATCH
    commands before it touched. ``replies`` is how many the server will give.
    """

    seq: int
    session: int
    name: str
    args: tuple[bytes, ...]
    databases: Databases = frozenset({0})
    queued: bool = False
    transaction: tuple[RedisCommand, ...] | None = None
    watched: tuple[RedisCommand, ...] = ()
    replies: int = 1
    phase: Phase = Phase.QUEUED
    reply: resp.Reply = None
    lost: bool = False
    attempt: str | None = None
    tap: str = field(default="redis", init=False)
    raw: list[bytes] = field(default_factory=list, repr=False)
    refused: str | None = field(default=None, repr=False)
    """The error that the client is told in the place of its reply: it is not carried out."""
    named: Callable[[str], str] = field(default=_as_it_is, repr=False)
    """A key with what is known of it by its name, for the label: not every id looks generated."""

    @property
    def touches(self) -> Touches | None:
        """Return what it touches, itself or with what it carries out; None: it may be anything."""
        if self.name != "EXEC":
            return touches(self.name, self.args, self.databases)
        if self.transaction is None:
            return None
        queued = ((command.name, command.args) for command in self.transaction)
        watched = (command.touches for command in self.watched)
        return transaction_touches(queued, self.databases, watched)

    @property
    def local(self) -> bool:
        return self.queued or is_local(self.name, self.args)

    @property
    def label(self) -> str:
        """Its name, options and keys without generated ids: ``SET NX PX order:?``."""
        found = [self.name]
        if self.name in _SUBCOMMANDS and self.args:
            found.append(_text(self.args[0]).upper())
        keys = _keys(self.name, self.args)
        if not is_script(self.name):
            rest = (_text(arg).upper() for arg in self.args[len(keys) :])
            found += [word for word in rest if word in _OPTIONS]
        return " ".join([*found, *(pattern(self.named(_text(key))) for key in keys)])

    def as_request(self) -> dict[str, Any]:
        """The ``request`` of an effect; secrets are hidden, long arguments shortened."""
        keys = _keys(self.name, self.args)
        secret = self.name in _SECRET
        return {
            "session": self.session,
            "db": next(iter(self.databases)) if len(self.databases) == 1 else None,
            "command": self.name,
            "key": _text(keys[0]) if keys else None,
            "args": [_HIDDEN if secret else _shown(arg) for arg in self.args],
        }

    def as_answer(self) -> dict[str, Any] | None:
        """The ``answer`` of an effect: ``error`` or ``value``; None when the reply was lost."""
        if self.lost:
            return None
        if isinstance(self.reply, resp.Failure):
            return {"error": _text(self.reply.text.encode("utf-8", "surrogateescape"))}
        return {"value": None if self.name in _SECRET else _summary(self.reply)}


def _keys(name: str, args: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(named.key for named in keys_of(name, args) or ())


def _summary(reply: resp.Reply) -> Any:
    """A reply in plain values, long strings and aggregates cut short."""
    match reply:
        case bytes():
            return _shown(reply)
        case resp.Status(text):
            return text
        case resp.Failure(text):
            return {"error": text}
        case resp.BigNumber(digits):
            return digits
        case resp.Verbatim(_, text):
            return _shown(text)
        case resp.Map(pairs):
            return [[_summary(key), _summary(value)] for key, value in pairs[:_SHOWN_ITEMS]]
        case resp.Members(items) | resp.Push(items):
            return [_summary(item) for item in items[:_SHOWN_ITEMS]]
        case tuple():
            return [_summary(item) for item in reply[:_SHOWN_ITEMS]]
        case _:
            return reply


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _shown(data: bytes) -> str:
    text = _text(data[: 4 * _SHOWN])
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
