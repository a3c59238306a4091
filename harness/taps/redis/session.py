"""One connection to Redis: which reply belongs to which command; no I/O.

A command gets one reply, in order, with these exceptions: subscriptions get one confirmation per
channel, CLIENT REPLY switches replies off, and on a connection that monitors or replicates the
server goes on talking for ever, which then just passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from paidonce.harness.taps.held import Phase
from paidonce.harness.taps.redis import resp
from paidonce.harness.taps.redis.commands import RedisCommand
from paidonce.harness.taps.redis.requests import Request
from paidonce.harness.taps.redis.touching import UNKNOWN, Databases, selected

_SUBSCRIBES = frozenset(("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"))
_UNSUBSCRIBES = frozenset(("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"))
_CONFIRMATIONS = frozenset(name.lower().encode() for name in _SUBSCRIBES | _UNSUBSCRIBES)
_MESSAGES = frozenset((b"message", b"pmessage", b"smessage"))
_STREAMS = frozenset(("MONITOR", "SYNC", "PSYNC"))
_ENDS_TRANSACTION = frozenset(("EXEC", "DISCARD", "RESET"))
_DIRECT = frozenset(("MULTI", "WATCH", "QUIT"))
_ENDS_WATCHING = _ENDS_TRANSACTION | {"UNWATCH"}
_FIRST: Databases = frozenset({0})
_QUEUED = resp.Status("QUEUED")


class Meaning(NamedTuple):
    """The meaning of a reply: ``at_once`` it is no answer; ``done``: commands answered now.

    ``told`` is what the client is told in the place of the reply, if it is another.
    """

    at_once: bool = False
    done: tuple[RedisCommand, ...] = ()
    told: bytes | None = None


class RedisSession:
    """State of one connection. ``id`` numbers a tap's connections from 1.

    ``commands`` are those not answered, in order; ``answering`` is one whose answer is held.
    ``databases`` are those it may be at: none is known (``UNKNOWN``) after a SELECT that was not
    to be answered.
    """

    def __init__(self, id: int, next_seq: Callable[[], int]) -> None:
        self.id = id
        self.databases = _FIRST
        self.commands: deque[RedisCommand] = deque()
        self.answering: RedisCommand | None = None
        self.streams = False
        """The server goes on talking; nothing is an answer any more."""
        self._next_seq = next_seq
        self._subscribed: dict[bytes, set[bytes]] = {}
        self._silent = False
        self._skip_next = False
        self._transaction: list[RedisCommand] | None = None
        """The commands queued since MULTI, which is ``_opener``."""
        self._opener: RedisCommand | None = None
        self._watched: list[RedisCommand] = []
        self._resp3 = False

    @property
    def in_flight(self) -> RedisCommand | None:
        """The command whose answer is held, or else the next to be answered, or None."""
        if self.answering is not None:
            return self.answering
        return self.commands[0] if self.commands else None

    @property
    def subscribed(self) -> bool:
        """Return whether messages may arrive."""
        return any(self._subscribed.values())

    def sent(self, request: Request) -> RedisCommand | None:
        """A client's command; None for an empty one, which the server ignores."""
        if not request.args:
            return None
        name, args = request.args[0].decode("latin-1").upper(), request.args[1:]
        transaction = self._transaction
        queues = transaction is not None and name not in _ENDS_TRANSACTION | _DIRECT
        command = RedisCommand(
            seq=self._next_seq(),
            session=self.id,
            name=name,
            args=args,
            databases=self.databases,
            queued=queues,
            replies=self._replies(name, args, queued=queues),
            raw=[request.raw],
        )
        self._follow(command, transaction)
        self.commands.append(command)
        return command

    def forwarded(self, command: RedisCommand) -> tuple[RedisCommand, ...]:
        """``command`` was given to the server. Returns the commands that get no reply."""
        command.phase = Phase.SENT
        return self._settled()

    def received(self, reply: resp.Reply) -> Meaning:
        """One reply of the server's."""
        words = reply.items if isinstance(reply, resp.Push) else reply
        kind = words[0] if isinstance(words, tuple) and words else None
        confirms = isinstance(kind, bytes) and kind in _CONFIRMATIONS
        if isinstance(reply, resp.Push) and not confirms:
            return Meaning(at_once=True)
        if isinstance(kind, bytes) and kind in _MESSAGES and self.subscribed and not self._resp3:
            return Meaning(at_once=True)
        command = self.commands[0] if self.commands else None
        if self.streams or command is None or command.phase is not Phase.SENT:
            return Meaning(at_once=True)
        if confirms and isinstance(words, tuple):
            self._confirmed(words)
        told = None
        if command.refused is not None:
            reply, told = resp.Failure(command.refused), f"-{command.refused}\r\n".encode()
        command.replies -= 1
        command.reply = reply
        if command.replies > 0 and not isinstance(reply, resp.Failure):
            return Meaning()
        self._finish(command)
        self._learn(command)
        return Meaning(done=(command, *self._settled()), told=told)

    def lost(self) -> tuple[RedisCommand, ...]:
        """The server has closed the connection. Returns the commands never answered."""
        gone = tuple(self.commands)
        for command in gone:
            command.lost = True
        self.commands.clear()
        return gone

    # --- helpers ----------------------------------------------------------------------------

    def _follow(self, command: RedisCommand, transaction: list[RedisCommand] | None) -> None:
        """Note which commands will be carried out together, and on what they depend."""
        if transaction is not None and command.queued:
            transaction.append(command)
        elif command.name == "MULTI" and transaction is None:
            self._transaction, self._opener = [], command
        elif command.name == "WATCH":
            self._watched.append(command)
        elif command.name in _ENDS_WATCHING:
            if command.name == "EXEC" and transaction is not None:
                command.transaction, command.watched = tuple(transaction), tuple(self._watched)
            self._watched = []
            if command.name != "UNWATCH":
                self._transaction = None

    def _replies(self, name: str, args: tuple[bytes, ...], *, queued: bool) -> int:
        if queued:
            return 0 if self._silent else 1
        if name == "CLIENT" and len(args) == 2 and args[0].upper() == b"REPLY":
            mode = args[1].upper()
            self._silent = mode == b"OFF" or (self._silent and mode != b"ON")
            self._skip_next = mode == b"SKIP"
            return 1 if mode == b"ON" else 0
        skipped, self._skip_next = self._skip_next, False
        if name == "RESET":
            self._silent = False
            return 1
        if skipped or self._silent:
            return 0
        if name in _SUBSCRIBES:
            return max(1, len(args))
        if name in _UNSUBSCRIBES:
            kind = name.removesuffix("UNSUBSCRIBE").lower().encode() + b"subscribe"
            return len(args) or max(1, len(self._subscribed.get(kind, ())))
        return 1

    def _confirmed(self, words: tuple[resp.Reply, ...]) -> None:
        kind, channel = words[0], words[1] if len(words) > 1 else None
        assert isinstance(kind, bytes)
        channels = self._subscribed.setdefault(kind.replace(b"unsub", b"sub"), set())
        if not isinstance(channel, bytes):
            return
        if b"unsub" in kind:
            channels.discard(channel)
        else:
            channels.add(channel)

    def _learn(self, command: RedisCommand) -> None:
        """Note what a command that was answered changed about the connection."""
        if isinstance(command.reply, resp.Failure):
            if command is self._opener:
                self._not_opened()
            return
        if command.reply == _QUEUED:
            return
        if command.name == "EXEC":
            replies = command.reply if isinstance(command.reply, tuple) else ()
            for done, reply in zip(command.transaction or (), replies, strict=False):
                if not isinstance(reply, resp.Failure):
                    self._succeeded(done)
            return
        self._succeeded(command)

    def _not_opened(self) -> None:
        """MULTI was refused: what was sent behind it is carried out as it comes."""
        for command in self._transaction or ():
            command.queued = False
        self._transaction = None

    def _succeeded(self, command: RedisCommand) -> None:
        match command.name:
            case "SELECT":
                self._now_at(selected(command.args))
            case "HELLO" if command.args:
                self._resp3 = command.args[0] == b"3"
            case "RESET":
                self._now_at(_FIRST)
                self._resp3 = False
                self._subscribed.clear()
            case name if name in _STREAMS:
                self.streams = True
            case _:
                pass

    def _unanswered(self, command: RedisCommand) -> None:
        """Note what a command may have changed whose reply was not wanted."""
        carried_out = (command, *(command.transaction or ()))
        if not command.queued and any(
            redis_command.name == "SELECT" for redis_command in carried_out
        ):
            self._now_at(UNKNOWN)

    def _now_at(self, databases: Databases) -> None:
        self.databases = databases
        for waiting in self.commands:
            waiting.databases = databases

    def _settled(self) -> tuple[RedisCommand, ...]:
        done: list[RedisCommand] = []
        while (
            self.commands and self.commands[0].phase is Phase.SENT and not self.commands[0].replies
        ):
            done.append(self.commands[0])
            self._finish(done[-1])
            self._unanswered(done[-1])
        return tuple(done)

    def _finish(self, command: RedisCommand) -> None:
        self.commands.remove(command)
