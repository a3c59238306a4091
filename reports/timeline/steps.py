"""The steps of a timeline: the moments worth a sentence, numbered as they happened. Pure."""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.history import Outcome
from paidonce.reports.order.phrases import answer_words, call_words, request_words
from paidonce.reports.order.story import PaymentCall
from paidonce.reports.timeline.lanes import Lanes

MAX_STEPS = 18


class Kind(enum.StrEnum):
    """The kinds of steps."""

    ASK = "ask"
    HOLD = "hold"
    CALL = "call"
    ANSWER = "answer"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A moment ``t`` in lane ``lane``. ``broke``: here the invariant broke."""

    number: int
    t: int
    lane: int
    owner: int | None
    kind: Kind
    text: str
    broke: bool = False


def steps(lanes: Lanes, broke_at: int | None) -> tuple[Step, ...]:
    """The most telling moments, at most ``MAX_STEPS``; at ``broke_at`` the invariant broke."""
    drafts = [*_asked_and_answered(lanes), *_called(lanes), *_held(lanes)]
    kept = sorted(
        sorted(drafts, key=lambda draft: (-draft.weight, draft.t))[:MAX_STEPS],
        key=lambda draft: (draft.t, draft.kind is Kind.HOLD),
    )
    broke = next((d for d in kept if d.t == broke_at and d.kind is not Kind.HOLD), None)
    return tuple(
        Step(
            number=number,
            t=draft.t,
            lane=draft.lane,
            owner=draft.owner,
            kind=draft.kind,
            text=draft.text,
            broke=draft is broke,
        )
        for number, draft in enumerate(kept, start=1)
    )


class _Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A step before it has its number; the less ``weight``, the sooner it is left out."""

    t: int
    lane: int
    owner: int | None
    kind: Kind
    text: str
    weight: int


def _asked_and_answered(lanes: Lanes) -> list[_Draft]:
    drafts = []
    for operation in lanes.shown:
        lane = lanes.lane_of[operation.invoked.attempt]
        named = {operation.invoked_at, operation.completed_at} & lanes.evidence
        weight = 6 + 3 * bool(named)
        drafts.append(
            _Draft(
                t=operation.invoked.t,
                lane=lane,
                owner=lane,
                kind=Kind.ASK,
                text=request_words(lanes.story, operation),
                weight=weight,
            )
        )
        if operation.completed is not None:
            drafts.append(
                _Draft(
                    t=operation.completed.t,
                    lane=lane,
                    owner=lane,
                    kind=Kind.ANSWER,
                    text=answer_words(lanes.story, operation),
                    weight=weight + (operation.outcome is Outcome.OK),
                )
            )
    return drafts


def _called(lanes: Lanes) -> list[_Draft]:
    drafts = []
    for call in lanes.story.calls:
        owner = lanes.owner(call)
        name = None if owner is None else lanes.attempts[owner]
        reads = call.effect.label.rpartition(".")[2] in ("retrieve", "list", "search")
        weight = 10 if call.took else 8 if call.made else 2 if reads else 5
        drafts.append(
            _Draft(
                t=call.done,
                lane=lanes.stripe,
                owner=owner,
                kind=Kind.CALL,
                text=call_words(lanes.story, call, name),
                weight=weight + 3 * (call.position in lanes.evidence),
            )
        )
    return drafts


def _held(lanes: Lanes) -> list[_Draft]:
    """One step for all holds with nothing else between them, at the last of them."""
    starts: list[tuple[int, PaymentCall, int]] = [
        (start, call, end) for call in lanes.story.calls for start, end in call.holds
    ]
    drafts: list[_Draft] = []
    group: list[PaymentCall] = []
    latest = 0
    other = sorted(
        {o.invoked.t for o in lanes.shown}
        | {o.completed.t for o in lanes.shown if o.completed is not None}
        | {call.done for call in lanes.story.calls}
    )
    for start, call, _ in sorted(starts, key=lambda item: item[0]):
        if group and any(latest < t <= start for t in other):
            drafts.append(_hold_step(lanes, group, latest))
            group = []
        group.append(call)
        latest = start
    if group:
        drafts.append(_hold_step(lanes, group, latest))
    for call in lanes.story.calls:
        for fault in call.faults:
            if fault.kind not in ("hold", "release"):
                drafts.append(_fault_step(lanes, fault.t, fault.detail or fault.kind))
    for fault in lanes.story.faults:
        if fault.kind != "release":
            drafts.append(_fault_step(lanes, fault.t, fault.detail or fault.kind))
    return drafts


def _hold_step(lanes: Lanes, group: list[PaymentCall], at: int) -> _Draft:
    owner = lanes.owner(group[0])
    many = {1: "this call", 2: "both calls"}.get(len(group), f"{len(group)} calls")
    if len(group) == 1 and owner is not None:
        many = f"{lanes.attempts[owner]}’s call"
    back = all(call.done == at and call.done < call.effect.t for call in group)
    what = f"Stripe’s answer to {many}" if back else many
    way = f"on {'its' if len(group) == 1 else 'their'} way{'' if back else ' to Stripe'}"
    return _Draft(
        t=at,
        lane=lanes.stripe,
        owner=owner if len(group) == 1 else None,
        kind=Kind.HOLD,
        text=f"The harness holds {what} {way}, as a slow network would.",
        weight=4,
    )


def _fault_step(lanes: Lanes, at: int, text: str) -> _Draft:
    words = f"The harness interferes: {text}."
    return _Draft(t=at, lane=lanes.stripe, owner=None, kind=Kind.HOLD, text=words, weight=3)
