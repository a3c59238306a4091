"""A timeline of one order: lanes, bars and numbered steps, ready to be drawn or read. Pure.

There is a lane for each attempt and one for Stripe. Bars are spans of time; steps are the
moments worth a sentence, numbered in the order in which they happened, so that a picture can
show the number and a list beside it the sentence.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from paidonce.harness.history import Completed, Effect, History, Invoked
from paidonce.harness.verdict import Verdict
from paidonce.reports.order.phrases import (
    answer_label,
    call_label,
    conclusion,
    letters,
    request_label,
)
from paidonce.reports.order.story import PaymentCall, order_in_focus, story_of
from paidonce.reports.timeline.lanes import STRIPE, Lanes
from paidonce.reports.timeline.steps import Step, steps
from paidonce.reports.words import short_id


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
    story = story_of(history, order)
    if not story.operations:
        return None
    lanes = Lanes(history, story, verdict)
    broke_at, broke = _break(lanes, history)
    return Timeline(
        variant=history.header.variant,
        scenario=history.header.scenario,
        order=short_id(story.order),
        price=story.price() if story.amount is not None else "",
        checker=verdict.checker,
        reason=verdict.reason,
        conclusion=conclusion(story, verdict.reason),
        broke=broke,
        broke_at=broke_at,
        lanes=(*lanes.attempts, STRIPE),
        bars=tuple(_bars(lanes)),
        steps=steps(lanes, broke_at),
        left_out=lanes.left_out,
    )


def _bars(lanes: Lanes) -> list[Bar]:
    letters_of = letters(lanes.story)
    bars = [
        Bar(
            lane=lanes.lane_of[operation.invoked.attempt],
            start=operation.invoked.t,
            end=None if operation.completed is None else operation.completed.t,
            owner=lanes.lane_of[operation.invoked.attempt],
            label=request_label(lanes.story, operation),
            answer=answer_label(lanes.story, operation),
            tone=operation.outcome.value,
        )
        for operation in lanes.shown
    ]
    for call in lanes.story.calls:
        letter = letters_of.get(call.payment or "") if call.took else None
        bars.append(
            Bar(
                lane=lanes.stripe,
                start=call.effect.began,
                end=call.effect.t,
                owner=lanes.owner(call),
                label=call_label(lanes.story, call),
                answer="" if call.effect.delivered else "answer lost",
                tone="call",
                taken=letter,
                holds=call.holds,
            )
        )
    return bars


def _break(lanes: Lanes, history: History) -> tuple[int | None, str]:
    """Return when the invariant broke, and the name of it in a few words."""
    moments: list[tuple[Callable[[PaymentCall], bool], str]] = [
        (lambda call: call.took, "charged twice"),
        (lambda call: call.made, "a second payment"),
    ]
    for wanted, words in moments:
        times = sorted(call.done for call in lanes.story.calls if wanted(call))
        if len(times) > 1:
            return times[1], words
    told: list[int] = []
    for position in sorted(lanes.evidence):
        event = history.events[position]
        if isinstance(event, Completed | Invoked | Effect):
            told.append(event.t)
    return (max(told), "here it broke") if told else (None, "")
