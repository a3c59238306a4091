"""A timeline of one order: lanes, bars and numbered steps, ready to be drawn or read. Pure.

There is a lane for each attempt and one for Stripe. Bars are spans of time; steps are the
moments worth a sentence, numbered in the order in which they happened, so that a picture can
show the number and a list beside it the sentence.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable

import msgspec

from harness.history import Completed, Effect, History, Invoked, Operation, Outcome
from harness.verdict import Verdict
from reports.phrases import (
    answer_label,
    answer_words,
    call_label,
    call_words,
    conclusion,
    letters,
    request_label,
    request_words,
)
from reports.story import Call, Story, order_in_focus, tell
from reports.words import short_id

MAX_ATTEMPTS = 5
MAX_STEPS = 18
STRIPE = "Stripe"


class Kind(enum.StrEnum):
    """What a step is."""

    ASK = "ask"
    HOLD = "hold"
    CALL = "call"
    ANSWER = "answer"


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A span in lane number ``lane``, from ``start`` to ``end`` (nanoseconds; None: no end seen).

    ``owner`` is the attempt lane it belongs to (None: unknown). ``tone`` is an ``Outcome`` value
    or "call". ``taken`` is the letter of the payment by which money was taken here. ``holds``
    are spans in which the harness held it.
    """

    lane: int
    start: int
    end: int | None
    owner: int | None
    label: str
    answer: str
    tone: str
    taken: str | None = None
    holds: tuple[tuple[int, int], ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A moment ``t`` in lane ``lane``. ``broke``: here the invariant broke."""

    number: int
    t: int
    lane: int
    owner: int | None
    kind: Kind
    text: str
    broke: bool = False


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """One order of one run. ``lanes`` are names; the last is Stripe's.

    ``left_out`` attempts are not shown, to keep the picture one a person can read.
    ``conclusion`` says in plain words what it came to, ``broke`` in three or four.
    """

    variant: str
    scenario: str
    order: str
    price: str
    checker: str
    reason: str
    conclusion: str
    broke: str
    broke_at: int | None
    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    steps: tuple[Step, ...]
    left_out: int = 0

    @property
    def stripe(self) -> int:
        """The number of Stripe's lane."""
        return len(self.lanes) - 1


def timeline(history: History, verdict: Verdict) -> Timeline | None:
    """The timeline of what ``verdict`` (an INVALID) found; None where no order is concerned."""
    order = order_in_focus(history, verdict)
    if order is None:
        return None
    story = tell(history, order)
    if not story.operations:
        return None
    return _Drawing(history, story, verdict).timeline()


class _Draft(msgspec.Struct, kw_only=True):
    """A step before it has its number; the less ``weight``, the sooner it is left out."""

    t: int
    lane: int
    owner: int | None
    kind: Kind
    text: str
    weight: int
    broke: bool = False


def _in_order(names: Iterable[str]) -> list[str]:
    """By first appearance, but "tab 1" before "tab 2" whichever came first."""
    stems: dict[str, int] = {}

    def place(name: str) -> tuple[int, int]:
        stem = name.rstrip("0123456789")
        return stems.setdefault(stem, len(stems)), int(name[len(stem) :] or 0)

    return [name for _, name in sorted([(place(name), name) for name in names])]


class _Drawing:
    """Holds what the parts of a timeline are worked out from."""

    def __init__(self, history: History, story: Story, verdict: Verdict) -> None:
        self.history, self.story, self.verdict = history, story, verdict
        self.letters = letters(story)
        self.evidence = {p for p in verdict.evidence if 0 <= p < len(history.events)}
        names = _in_order(dict.fromkeys(o.invoked.attempt for o in story.operations))
        self.attempts = self._chosen(names)
        self.left_out = len(names) - len(self.attempts)
        self.lane_of = {name: lane for lane, name in enumerate(self.attempts)}
        self.stripe = len(self.attempts)
        self.attempt_of = {o.invoked.op: o.invoked.attempt for o in story.operations}

    def _chosen(self, names: list[str]) -> list[str]:
        """Of many attempts the ones by which things happened, then the earliest."""
        by_op = {o.invoked.op: o.invoked.attempt for o in self.story.operations}
        weight = dict.fromkeys(names, 0)
        for call in self.story.calls:
            if call.owner is not None:
                weight[by_op[call.owner]] += 4 * call.took + 2 * call.made
        for operation in self.story.operations:
            named = {operation.invoked_at, operation.completed_at} & self.evidence
            weight[operation.invoked.attempt] += 3 * bool(named)
            weight[operation.invoked.attempt] += operation.outcome is Outcome.OK
        best = sorted(names, key=lambda name: -weight[name])[:MAX_ATTEMPTS]
        return [name for name in names if name in best]

    def timeline(self) -> Timeline:
        story = self.story
        broke_at, broke = self._break()
        drafts = [*self._asked_and_answered(), *self._called(), *self._held()]
        kept = sorted(
            sorted(drafts, key=lambda draft: (-draft.weight, draft.t))[:MAX_STEPS],
            key=lambda draft: (draft.t, draft.kind is Kind.HOLD),
        )
        self._mark_break(kept, broke_at)
        return Timeline(
            variant=self.history.header.variant,
            scenario=self.history.header.scenario,
            order=short_id(story.order),
            price=story.price() if story.amount is not None else "",
            checker=self.verdict.checker,
            reason=self.verdict.reason,
            conclusion=conclusion(story, self.verdict.reason),
            broke=broke,
            broke_at=broke_at,
            lanes=(*self.attempts, STRIPE),
            bars=tuple(self._bars()),
            steps=tuple(
                Step(
                    number=number,
                    t=draft.t,
                    lane=draft.lane,
                    owner=draft.owner,
                    kind=draft.kind,
                    text=draft.text,
                    broke=draft.broke,
                )
                for number, draft in enumerate(kept, start=1)
            ),
            left_out=self.left_out,
        )

    def _mark_break(self, drafts: list[_Draft], broke_at: int | None) -> None:
        for draft in drafts:
            if broke_at is not None and draft.t == broke_at and draft.kind is not Kind.HOLD:
                draft.broke = True
                return

    def _owner_lane(self, call: Call) -> int | None:
        name = None if call.owner is None else self.attempt_of.get(call.owner)
        return None if name is None else self.lane_of.get(name)

    def _shown(self) -> list[Operation]:
        return [o for o in self.story.operations if o.invoked.attempt in self.lane_of]

    def _bars(self) -> list[Bar]:
        bars = [
            Bar(
                lane=self.lane_of[operation.invoked.attempt],
                start=operation.invoked.t,
                end=None if operation.completed is None else operation.completed.t,
                owner=self.lane_of[operation.invoked.attempt],
                label=request_label(self.story, operation),
                answer=answer_label(self.story, operation),
                tone=operation.outcome.value,
            )
            for operation in self._shown()
        ]
        for call in self.story.calls:
            letter = self.letters.get(call.payment or "") if call.took else None
            bars.append(
                Bar(
                    lane=self.stripe,
                    start=call.effect.began,
                    end=call.effect.t,
                    owner=self._owner_lane(call),
                    label=call_label(self.story, call),
                    answer="" if call.effect.delivered else "answer lost",
                    tone="call",
                    taken=letter,
                    holds=call.holds,
                )
            )
        return bars

    def _asked_and_answered(self) -> list[_Draft]:
        drafts = []
        for operation in self._shown():
            lane = self.lane_of[operation.invoked.attempt]
            named = {operation.invoked_at, operation.completed_at} & self.evidence
            weight = 6 + 3 * bool(named)
            drafts.append(
                _Draft(
                    t=operation.invoked.t,
                    lane=lane,
                    owner=lane,
                    kind=Kind.ASK,
                    text=request_words(self.story, operation),
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
                        text=answer_words(self.story, operation),
                        weight=weight + (operation.outcome is Outcome.OK),
                    )
                )
        return drafts

    def _called(self) -> list[_Draft]:
        drafts = []
        for call in self.story.calls:
            owner = self._owner_lane(call)
            name = None if owner is None else self.attempts[owner]
            reads = call.effect.label.rpartition(".")[2] in ("retrieve", "list", "search")
            weight = 10 if call.took else 8 if call.made else 2 if reads else 5
            drafts.append(
                _Draft(
                    t=call.done,
                    lane=self.stripe,
                    owner=owner,
                    kind=Kind.CALL,
                    text=call_words(self.story, call, name),
                    weight=weight + 3 * (call.position in self.evidence),
                )
            )
        return drafts

    def _held(self) -> list[_Draft]:
        """One step for all holds with nothing else between them, at the last of them."""
        starts: list[tuple[int, Call, int]] = [
            (start, call, end) for call in self.story.calls for start, end in call.holds
        ]
        drafts: list[_Draft] = []
        group: list[Call] = []
        latest = 0
        other = sorted(
            {o.invoked.t for o in self._shown()}
            | {o.completed.t for o in self._shown() if o.completed is not None}
            | {call.done for call in self.story.calls}
        )
        for start, call, _ in sorted(starts, key=lambda item: item[0]):
            if group and any(latest < t <= start for t in other):
                drafts.append(self._hold_step(group, latest))
                group = []
            group.append(call)
            latest = start
        if group:
            drafts.append(self._hold_step(group, latest))
        for call in self.story.calls:
            for fault in call.faults:
                if fault.kind not in ("hold", "release"):
                    drafts.append(self._fault_step(fault.t, fault.detail or fault.kind))
        for fault in self.story.faults:
            if fault.kind != "release":
                drafts.append(self._fault_step(fault.t, fault.detail or fault.kind))
        return drafts

    def _hold_step(self, group: list[Call], at: int) -> _Draft:
        owner = self._owner_lane(group[0])
        many = {1: "this call", 2: "both calls"}.get(len(group), f"{len(group)} calls")
        if len(group) == 1 and owner is not None:
            many = f"{self.attempts[owner]}’s call"
        back = all(call.done == at and call.done < call.effect.t for call in group)
        what = f"Stripe’s answer to {many}" if back else many
        way = f"on {'its' if len(group) == 1 else 'their'} way{'' if back else ' to Stripe'}"
        return _Draft(
            t=at,
            lane=self.stripe,
            owner=owner if len(group) == 1 else None,
            kind=Kind.HOLD,
            text=f"The harness holds {what} {way}, as a slow network would.",
            weight=4,
        )

    def _fault_step(self, at: int, text: str) -> _Draft:
        words = f"The harness interferes: {text}."
        return _Draft(t=at, lane=self.stripe, owner=None, kind=Kind.HOLD, text=words, weight=3)

    def _break(self) -> tuple[int | None, str]:
        """When the invariant broke, and the name of it in a few words."""
        moments: list[tuple[Callable[[Call], bool], str]] = [
            (lambda call: call.took, "charged twice"),
            (lambda call: call.made, "a second payment"),
        ]
        for wanted, words in moments:
            times = sorted(call.done for call in self.story.calls if wanted(call))
            if len(times) > 1:
                return times[1], words
        told: list[int] = []
        for position in sorted(self.evidence):
            event = self.history.events[position]
            if isinstance(event, Completed | Invoked | Effect):
                told.append(event.t)
        return (max(told), "here it broke") if told else (None, "")
