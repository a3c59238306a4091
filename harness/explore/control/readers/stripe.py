"""Reads the calls that arrive at the tap before Stripe."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.failures import Possible, of_tap
from paidonce.harness.explore.control.readers.base import CallReader, Reading
from paidonce.harness.explore.footprint.expiry import SEARCH_INDEX, may_be_due
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint
from paidonce.harness.explore.footprint.stripe import key_of, stripe_footprint
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.explore.naming.answer_digest import AnswerDigest, heard_ids
from paidonce.harness.taps.faults import AtTap, ErrorAnswer, LostAnswer, NoContact
from paidonce.harness.taps.stripe.calls import StripeCall
from paidonce.harness.taps.stripe.refusals import FAULTS, FAULTS_OF_OURS, KEY_IN_USE, SAVED

_SEARCHING = Footprint(looks=frozenset({SEARCH_INDEX}))


class StripeReader(CallReader[StripeCall]):
    """A call touches what Stripe tells, or else what can be read from its path."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self._makers: dict[int, str] = {}
        """By the number of a call, what its attempt's calls are told apart by."""

    def touches(self, call: StripeCall, arrival: Arrival) -> Footprint:
        return EVERYTHING  # until it is known who sends it

    def made_up(self, call: StripeCall, actor: str) -> None:
        for text in (call.path, call.idempotency_key or "", *call.params.values()):
            self.reading.names.made(actor, text)

    def sends(self, call: StripeCall, actor: str) -> str | None:
        self.reading.times.moved()
        keyed = self.reading.time_keys.idempotency(actor, call.idempotency_key)
        self.reading.keyed(call, keyed)
        return None

    def read(self, call: StripeCall, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        owner.calls += 1
        self.reading.one_key.sends(owner.name, call)
        if call.searches:
            self.reading.leases.searches.add(call.label)
        maker = self._makers[call.seq] = f"{owner.name} {owner.calls}"
        return self.text(call), touched_at_stripe(self.reading.told, call, maker)

    def expected(self, call: StripeCall, arrival: Arrival) -> Footprint:
        one_key = self.reading.one_key
        if one_key.begins(call) or one_key.refused(call):
            return Footprint(publishes=key_of(call))
        return arrival.footprint

    def passing(self, call: StripeCall, arrival: Arrival) -> Footprint:
        return LOCAL  # Stripe tells when it answers

    def backs_off(self, call: StripeCall) -> bool:
        return call.in_use

    def begins(self, call: StripeCall) -> bool:
        return self.reading.one_key.begins(call)

    def let_go(self, call: StripeCall) -> None:
        self.reading.one_key.let_go(call)

    def faults(self, call: StripeCall, arrival: Arrival) -> Iterable[Possible]:
        keyed, ours = call.idempotency_key is not None, self.reading.told is not None
        return _possible(call.method == "GET", keyed, ours)

    def failed(self, call: StripeCall, arrival: Arrival) -> Footprint:
        self.reading.one_key.answered(call)
        return LOCAL

    def created(self, call: StripeCall, actor: str) -> None:
        if call.method != "GET":
            self.reading.names.made(actor, call.answer_text)

    def answers(self, call: StripeCall, actor: str) -> str | None:
        if call.method == "GET":
            self.reading.names.found(call.answer_text)
        return None

    def touched(self, call: StripeCall, arrival: Arrival) -> Footprint:
        maker = self._makers.get(call.seq, "")
        touched = touched_at_stripe(self.reading.told, call, maker)
        self.reading.one_key.answered(call)
        due = may_be_due(call.answer_text, maker)
        self.reading.due = self.reading.due or not due.empty
        return touched.union(due)

    def heard(self, call: StripeCall) -> AnswerDigest:
        return heard_ids(call.answer_text, self.reading.names)

    def raises(self, call: StripeCall) -> bool:
        return call.method != "GET" and not call.in_use

    def works(self, call: StripeCall) -> bool:
        return call.method != "GET"


@functools.lru_cache(maxsize=8)
def _possible(looks: bool, keyed: bool, ours: bool) -> tuple[Possible, ...]:
    """The faults that a call can have which only ``looks``, has a key, or goes to a Stripe of
    ours."""
    if looks:
        usual: tuple[AtTap, ...] = (NoContact(), ErrorAnswer("rate_limit"))
    else:
        errors = {"rate_limit", "lock_timeout", *SAVED}
        if keyed:
            errors.add(KEY_IN_USE)
        usual = (NoContact(), LostAnswer(), *map(ErrorAnswer, errors))
    known = FAULTS_OF_OURS if ours else FAULTS
    return tuple(of_tap(known, usual, lambda error: keyed or error != KEY_IN_USE))


def touched_at_stripe(told: ToldByStripe | None, call: StripeCall, maker: str) -> Footprint:
    """Return what a call touches as it is told, or else as far as it can be read."""
    if call.in_use:
        return Footprint(publishes=key_of(call))
    if call.searches:  # what comes of it is up to the index
        return _SEARCHING.union(_touched(told, call, maker))
    return _touched(told, call, maker)


def _touched(told: ToldByStripe | None, call: StripeCall, maker: str) -> Footprint:
    if told is None:
        return stripe_footprint(call, maker)
    if call.touched is None:
        return told.renamed(stripe_footprint(call, maker))
    return told.footprint(call.touched, maker).union(Footprint(publishes=key_of(call)))
