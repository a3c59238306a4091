"""Who is in a timeline: the attempts that have a lane, and Stripe. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.history import History, Operation, Outcome
from paidonce.harness.verdict import Verdict
from paidonce.reports.order.story import OrderStory, PaymentCall

MAX_ATTEMPTS = 5
STRIPE = "Stripe"


class Lanes:
    """The lanes of a story of which ``verdict`` found something, by number.

    ``attempts`` are the names of those shown, from lane 0 on; Stripe's is the last. ``left_out``
    more are not shown. ``evidence`` are the positions of the events that the verdict names.
    """

    def __init__(self, history: History, story: OrderStory, verdict: Verdict) -> None:
        self.story = story
        self.evidence = {p for p in verdict.evidence if 0 <= p < len(history.events)}
        self._attempt_of = {o.invoked.op: o.invoked.attempt for o in story.operations}
        names = _in_order(dict.fromkeys(o.invoked.attempt for o in story.operations))
        self.attempts = self._chosen(names)
        self.left_out = len(names) - len(self.attempts)
        self.lane_of = {name: lane for lane, name in enumerate(self.attempts)}
        self.stripe = len(self.attempts)

    @property
    def shown(self) -> list[Operation]:
        """The operations of those who have a lane."""
        return [o for o in self.story.operations if o.invoked.attempt in self.lane_of]

    def owner(self, call: PaymentCall) -> int | None:
        """The lane of whoever made a call; None where that is not known, or has none."""
        name = None if call.owner is None else self._attempt_of.get(call.owner)
        return None if name is None else self.lane_of.get(name)

    def _chosen(self, names: list[str]) -> list[str]:
        """Of many attempts the ones by which things happened, then the earliest."""
        weight = dict.fromkeys(names, 0)
        for call in self.story.calls:
            if call.owner is not None:
                weight[self._attempt_of[call.owner]] += 4 * call.took + 2 * call.made
        for operation in self.story.operations:
            named = {operation.invoked_at, operation.completed_at} & self.evidence
            weight[operation.invoked.attempt] += 3 * bool(named)
            weight[operation.invoked.attempt] += operation.outcome is Outcome.OK
        best = sorted(names, key=lambda name: -weight[name])[:MAX_ATTEMPTS]
        return [name for name in names if name in best]


def _in_order(names: Iterable[str]) -> list[str]:
    """By first appearance, but "tab 1" before "tab 2" whichever came first."""
    stems: dict[str, int] = {}

    def place(name: str) -> tuple[int, int]:
        stem = name.rstrip("0123456789")
        return stems.setdefault(stem, len(stems)), int(name[len(stem) :] or 0)

    return [name for _, name in sorted([(place(name), name) for name in names])]
