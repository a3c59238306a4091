"""Counterexamples found by a search, told step by step in the order of their execution.

A witness knows who moved and who waited, its history what was said. A *film* joins the two: one
card a step, with what was sent and answered, who holds and waits for what, how the world then
stood, and the step in which the invariant broke.

Imports witnesses, histories, checkers and the story of an order. Others use ``readable_film`` and
``Film``.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from paidonce.harness.checkers import judge, telling
from paidonce.harness.checkers.base import BrokenBy
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.witness.file import Witness, read_witness
from paidonce.harness.explore.witness.narrative import Exchange, Moment, Reply, history_of, narrate
from paidonce.harness.history import Completed, Effect, History, Invoked, Observed
from paidonce.harness.verdict import Verdict
from paidonce.reports.film.cards import Pieces
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.state import State, telling_columns
from paidonce.reports.film.summary import Facts, acted_on_old_reads, summarise
from paidonce.reports.film.types import Card, Film, Group, Icon, Item, Piece, Rail
from paidonce.reports.film.words import broke_words, in_the_end, most_telling, outcome
from paidonce.reports.order.phrases import answer_words, letters, request_words
from paidonce.reports.order.story import OrderStory, order_in_focus, story_of


def film_of(path: Path) -> Film:
    """The film of the witness in ``path``, whose history lies beside it. Raises ``UsageError``."""
    witness = read_witness(path)
    return film(witness, history_of(witness, path))


def readable_film(path: Path) -> Film | None:
    """The same; None where a file is gone, or cannot be read or told."""
    try:
        return film_of(path)
    except (OSError, ValueError, PaidonceError):
        return None


def film(witness: Witness, history: History) -> Film:
    """The film of ``witness`` by its ``history``.

    Raises ``UsageError`` when the two do not belong together.
    """
    return _Maker(witness, history).film()


class _Maker:
    def __init__(self, witness: Witness, history: History) -> None:
        self.witness, self.history = witness, history
        self.narrative = narrate(witness, history)
        self.verdicts = judge(history)
        self.verdict = most_telling(self.verdicts)
        order = order_in_focus(history, self.verdict) or ""
        self.story: OrderStory = story_of(history, order)
        self.naming = Naming(letters(self.story), order)
        columns = telling_columns(self.narrative.exchanges)
        self.state = State(self.story, self.naming, witness.attempts, columns)
        self.pieces = Pieces(self.story, self.naming, self.state)
        self.facts = Facts()
        self.cards: list[Card] = []
        self.started: set[str] = set()
        self.done: set[str] = set()
        self.step_of: dict[int, int] = {}
        """The place of the card in which an event happened, by the event's identity."""
        self.changed_at = 0
        self.cut = ""
        """The attempt whose process is gone in this step, if one is."""

    def film(self) -> Film:
        witness = self.witness
        self._outside("Before", before=True)
        for moment in self.narrative.moments:
            self._step(moment)
        self._outside("Afterwards", before=False)
        self._end()
        reason = "" if self.verdict is None else self.verdict.reason
        broke_at = self._mark_break()
        return Film(
            variant=witness.variant,
            scenario=witness.scenario,
            target=witness.target,
            lanes=witness.attempts,
            conclusion=outcome(self.history, self.story, reason),
            broke_at=broke_at,
            summary=summarise(self.narrative, self.story, self.state, self.facts, self.naming),
            cards=tuple(self.cards),
            broken=tuple((broken.checker, broken.reason) for broken in witness.broken),
            noun="guard" if witness.described_in is None else "variant",
        )

    # --- cards ------------------------------------------------------------------------------

    def _step(self, moment: Moment) -> None:
        step = moment.step
        place = len(self.cards)
        ended = len(self.state.ended)
        self.started.add(step.actor)
        pieces = list(self.pieces.of(moment))
        for act in moment.acts:
            self.step_of[id(act.event)] = place
            if isinstance(act, Reply):
                later = self.witness.steps[step.number :]
                if not any(other.actor == step.actor for other in later):
                    self.done.add(step.actor)
            if isinstance(act, Exchange) and act.event.tap == "stripe":
                self._met_call(step.actor, step.number, act.event)
        for row, seen in self.state.seen.get(step.actor, {}).items():
            if seen.step == step.number:
                self.facts.reads.append((step.actor, row, seen))
        for written in self.state.ended[ended:]:
            self.facts.committed[id(written)] = step.number
            if written.change.row.table in self.state.columns:
                self.changed_at = place
        if moment.cut:
            self.cut = step.actor
        lane = self.witness.attempts.index(step.actor)
        self._add(step.number, f"Step {step.number}", lane, pieces)

    def _met_call(self, actor: str, number: int, effect: Effect) -> None:
        for call in self.story.calls:
            if call.effect is effect and all(met is not call for _, _, met in self.facts.calls):
                self.facts.calls.append((actor, number, call))
                if effect.label.rpartition(".")[2] not in ("retrieve", "list", "search"):
                    self.changed_at = len(self.cards)

    def _outside(self, label: str, *, before: bool) -> None:
        """Add a card for what was prepared alone before the race, or done alone after it."""
        pieces = []
        attempts = set(self.witness.attempts)
        first = min((e.t for _, e in self.history.of(Invoked) if e.attempt in attempts), default=0)
        for operation in self.story.operations:
            invoked = operation.invoked
            if invoked.attempt in attempts or (invoked.t < first) is not before:
                continue
            asked = request_words(self.story, operation)
            happened = [Piece(icon=Icon.CLIENT, text=_by_one(invoked.attempt, asked, label))]
            for call in self.story.calls:
                if call.owner == invoked.op:
                    happened.append(self.pieces.call(call.effect))
                    self.step_of[id(call.effect)] = len(self.cards)
            if operation.completed is not None:
                reply = answer_words(self.story, operation)
                happened.append(Piece(icon=Icon.TOLD, text=_by_one(invoked.attempt, reply, label)))
            pieces += happened
        if pieces:
            self._add(None, label, None, pieces)

    def _end(self) -> None:
        words = in_the_end(self.history, self.story)
        pieces = [Piece(icon=Icon.END, text=text) for text in words]
        self._add(None, "In the end", None, pieces)

    def _add(self, number: int | None, label: str, lane: int | None, pieces: list[Piece]) -> None:
        self.cards.append(
            Card(
                number=number,
                label=label,
                lane=lane,
                pieces=tuple(pieces),
                rails=tuple(self._rail(name) for name in self.witness.attempts),
                state=self.state.groups(),
            )
        )
        self.cut = ""

    def _rail(self, actor: str) -> Rail:
        if actor == self.cut:
            return Rail(kind="cut", label=f"the process of {actor} is killed")
        waits = self.state.waits.get(actor)
        if waits is not None:
            return Rail(kind="wait", label=f"{actor} waits for {waits[1]}")
        if actor in self.done:
            return Rail(kind="after")
        if actor not in self.started:
            return Rail(kind="before")
        held = [what for name, what in self.state.locks if name == actor]
        if held:
            return Rail(kind="hold", label=f"{actor} holds {held[0]}")
        return Rail(kind="on")

    # --- the moment it broke ------------------------------------------------------------------

    def _mark_break(self) -> int | None:
        """Marks the card in which it broke; returns its step."""
        if self.verdict is None:
            return None
        place = self._broke_in(self.verdict)
        card = self.cards[place]
        broke = broke_words(self.verdict.checker)
        self.cards[place] = msgspec.structs.replace(card, broke=broke)
        return card.number

    def _broke_in(self, verdict: Verdict) -> int:
        evidence = [self.history.events[at] for at in verdict.evidence]
        looks = [one.step for one in evidence if isinstance(one, Observed) and one.step is not None]
        for place, card in enumerate(self.cards):
            if looks and card.number == min(looks):
                return place
        broken_by = telling(verdict.checker).broken_by
        if broken_by in (BrokenBy.SECOND_CHARGE, BrokenBy.SECOND_INTENT):
            charge = broken_by is BrokenBy.SECOND_CHARGE
            places = [
                self.step_of[id(call.effect)]
                for call in self.story.calls
                if (call.took if charge else call.made) and id(call.effect) in self.step_of
            ]
            if len(places) > 1:
                return sorted(places)[1]
        if broken_by is BrokenBy.ANSWER:
            events = [self.history.events[p] for p in verdict.evidence]
            replies = [e for e in events if isinstance(e, Completed) and id(e) in self.step_of]
            if replies:
                return max(self.step_of[id(event)] for event in replies)
        if telling(verdict.checker).of_targets:
            acted = min((one.at for one in acted_on_old_reads(self.state, self.facts)), default=0)
            for place, card in enumerate(self.cards):
                if acted and card.number == acted:
                    return place
        return self.changed_at or len(self.cards) - 1


def _by_one(attempt: str, text: str, label: str) -> str:
    """``text`` without the harness's own name for a client that is alone."""
    return text.replace(attempt, "one client" if label == "Before" else "one more client", 1)


__all__ = [
    "Card",
    "Film",
    "Group",
    "Icon",
    "Item",
    "Piece",
    "Rail",
    "film",
    "film_of",
    "readable_film",
]
