"""Calls to Stripe under one idempotency key, of which one is under way when another comes.

Stripe refuses the second then: 409, ``idempotency_key_in_use``; once the first is answered the
second is told the same (https://docs.stripe.com/api/idempotent_requests). So where two attempts
send the same under the same key, such a call is two steps: it begins, from when on its key is in
use, and it is carried out. The second of two is refused at the tap, in Stripe's words; Stripe
itself sees one after the other.

Whether calls under one key come at all is not known beforehand: the search begins again as soon as
they do (``twice``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from paidonce.harness.taps.stripe.calls import StripeCall

_Sent = tuple[str, str, str, frozenset[tuple[str, str]]]
"""A key, and what was sent under it; something else under the same key is refused anyway."""
_DECLINED = 402


@dataclass
class OneKey:
    """The calls of one execution. ``split`` are the labels of those that are two steps."""

    split: Collection[str] = ()
    twice: set[str] = field(default_factory=set)
    """The labels of calls that several attempts sent under one key."""
    _senders: dict[_Sent, tuple[str, str]] = field(default_factory=dict)
    _under_way: dict[_Sent, StripeCall] = field(default_factory=dict)
    _settled: set[_Sent] = field(default_factory=set)
    """The calls that Stripe has carried out: who sends one again is told the same, at once."""

    def sends(self, actor: str, call: StripeCall) -> None:
        """``actor`` is about to send ``call``."""
        if (sent := _sent(call)) is None:
            return
        first, label = self._senders.setdefault(sent, (actor, call.label))
        if first != actor:
            self.twice |= {label, call.label}

    def begins(self, call: StripeCall) -> bool:
        """Return whether the next step with ``call`` is its beginning."""
        sent = self._split(call)
        return sent is not None and sent not in self._under_way and sent not in self._settled

    def refused(self, call: StripeCall) -> bool:
        """Return whether ``call`` is refused if it is let go now."""
        sent = self._split(call)
        return sent is not None and self._under_way.get(sent, call) is not call

    def let_go(self, call: StripeCall) -> bool:
        """Let ``call`` make its next step; whether that is its beginning."""
        sent = self._split(call)
        if sent is None:
            return False
        if self.refused(call):
            call.in_use = True
        elif self.begins(call):
            self._under_way[sent] = call
            return True
        return False

    def answered(self, call: StripeCall) -> None:
        """``call`` has its answer."""
        sent = self._split(call)
        if sent is None or self._under_way.get(sent) is not call:
            return
        del self._under_way[sent]
        status = call.status
        # What was refused before it was carried out leaves nothing behind.
        if status is not None and (status < 400 or status == _DECLINED or status >= 500):
            self._settled.add(sent)

    def _split(self, call: StripeCall) -> _Sent | None:
        return _sent(call) if call.label in self.split else None


def _sent(call: StripeCall) -> _Sent | None:
    if call.idempotency_key is None or call.method == "GET":
        return None
    return call.idempotency_key, call.method, call.path, frozenset(call.params.items())
