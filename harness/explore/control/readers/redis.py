"""Reads the commands that arrive at the tap before Redis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paidonce.harness.explore.control.attempts import Arrival
from paidonce.harness.explore.control.failures import Possible, of_tap
from paidonce.harness.explore.control.readers.base import CallReader
from paidonce.harness.explore.control.time_windows import Window
from paidonce.harness.explore.control.timed_answers import ahead_in
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.footprint.redis import redis_footprint
from paidonce.harness.explore.naming.answer_digest import AnswerDigest, heard_text
from paidonce.harness.results.words import quoted
from paidonce.harness.taps.faults import LostAnswer, NoContact
from paidonce.harness.taps.redis import RedisCommand
from paidonce.harness.taps.redis.blocking import may_block
from paidonce.harness.taps.redis.errors import FAULTS, in_place_of
from paidonce.harness.taps.redis.keys import keys_of
from paidonce.harness.taps.redis.resp import Map

_OF_A_MEMBER = frozenset({"HGET", "HEXISTS", "HINCRBY", "SISMEMBER", "ZSCORE"})
_NOT_TAKEN = frozenset({"SETNX", "HSETNX"})


class RedisReader(CallReader[RedisCommand]):
    """A command touches its keys; nothing is open on a connection after it."""

    def text(self, call: RedisCommand) -> str:
        # A key with what was captured in it by its name, which the history is told as well.
        call.named = self.reading.names.seen_within
        return super().text(call)

    def sends(self, call: RedisCommand, actor: str) -> str | None:
        held = self.reading.leases.held(call.name, call.args)
        if held is not None:
            self.reading.leases.took(call.label, held)
        self.reading.keyed(call, self.reading.time_keys.command(actor, call.name, call.args))
        self.reading.times.wrote(actor, [_text(argument) for argument in call.args[1:]])
        return None

    def touches(self, call: RedisCommand, arrival: Arrival) -> Footprint:
        if arrival.touches is None:
            arrival.touches = redis_footprint(call)
        return arrival.touches

    def blocks(self, call: RedisCommand) -> bool:
        return may_block(call.name, call.args)

    def faults(self, call: RedisCommand, arrival: Arrival) -> Iterable[Possible]:
        usual = (
            (NoContact(), LostAnswer()) if self.touches(call, arrival).publishes else (NoContact(),)
        )
        yield from of_tap(FAULTS, usual, lambda error: in_place_of(call.name, error) is not None)

    def answers(self, call: RedisCommand, actor: str) -> str | None:
        reply = call.reply
        if reply is None and not call.lost and self.blocks(call):
            self.reading.disturbs(
                f"blocking {call.label}",
                f"{quoted(call.label)} waited for what another sends, in vain, and what is sent "
                "meanwhile was not tried (commands of Redis that block are not searched)",
            )
        if isinstance(reply, bytes):
            self.reading.time_keys.read([_text(reply)])
        if isinstance(reply, bytes) and self.reading.times.asked(actor, _text(reply)):
            return "asks for the time under a key"
        return None

    def heard(self, call: RedisCommand) -> AnswerDigest:
        return heard_text(repr(call.reply), self.reading.names, whole=not call.lost)

    def keyed(self, call: RedisCommand) -> str:
        queued = call.transaction or ()
        named = (
            keys_of(redis_command.name, redis_command.args) or ()
            for redis_command in (call, *queued)
        )
        keys = [_text(one.key) for each in named for one in each]
        if call.name in _OF_A_MEMBER:
            keys += map(_text, call.args[1:2])
        return self.reading.time_keys.asked_under(keys)

    def ahead(self, call: RedisCommand) -> frozenset[str]:
        return ahead_in([("its value", _text(text)) for text in _texts(call.reply)])

    def window(self, call: RedisCommand) -> Window | None:
        windows = self.reading.time_windows
        each = [
            windows.command(redis_command.name, redis_command.args)
            for redis_command in (*(call.transaction or ()), call)
        ]
        return next(filter(None, each), None)

    def many(self, call: RedisCommand) -> int:
        return _many(call.reply)

    def refused(self, call: RedisCommand) -> bool:
        return refused(call)

    def works(self, call: RedisCommand) -> bool:
        return False  # only what is left in the database or at Stripe is taken for work


def _texts(reply: object) -> Iterator[bytes]:
    """The texts of a reply: itself, or those of a list, or of a hash."""
    if isinstance(reply, bytes):
        yield reply
    elif isinstance(reply, Map):
        yield from _texts(reply.pairs)
    elif isinstance(reply, tuple | list):
        for one in reply:
            yield from _texts(one)


def refused(call: RedisCommand) -> bool:
    """Tell whether a command asked for a key and did not get it."""
    if call.name == "SET":
        options = {argument.upper() for argument in call.args[2:]}
        return b"NX" in options and b"GET" not in options and call.reply is None
    return call.name in _NOT_TAKEN and call.reply == 0


def _many(reply: object) -> int:
    match reply:
        case int():
            return reply
        case bytes():
            return int(reply) if reply.isdigit() and len(reply) < 10 else 1
        case list() | tuple():
            return sum(map(_many, reply))
        case _:
            return 0


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
