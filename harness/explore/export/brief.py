"""A counterexample in brief: a line for each thing that happened, for failures on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from harness.errors import UsageError
from harness.explore.export import phrases
from harness.explore.export.sequence import waits
from harness.explore.export.telling import Kind, Moment, tell
from harness.explore.witness import Witness
from harness.history import Completed, Effect, History, Invoked

WIDTH = 118
"""Characters of a line, at most."""
_STATEMENT = 76


def steps_in_brief(witness: Witness, history: History, width: int = WIDTH) -> tuple[str, ...]:
    """The steps, each with its number, who moved, and what was asked and answered."""
    try:
        moments = tell(witness, history).moments
    except UsageError:
        # Steps that cannot be found in the history again still have their labels.
        return tuple(
            phrases.clipped(f"{s.number:>3}  {s.actor}: {s.label}", width) for s in witness.steps
        )
    actors = max((len(step.actor) for step in witness.steps), default=0)
    found: list[str] = []
    for moment in moments:
        number = f"{moment.step.number:>3}"
        for said in _said(moment):
            line = f"{number}  {moment.step.actor:<{actors}}  {phrases.one_line(said)}"
            found.append(phrases.clipped(line, width))
            number = "   "
    return tuple(found)


def _said(moment: Moment) -> Iterator[str]:
    """What happened, an answer on the line of what it answers where it came in the same step."""
    sent: Effect | None = None
    for happening in moment.happened:
        match happening.event:
            case Effect() as effect if _is_nothing(effect):
                pass
            case Effect() as effect if happening.kind is Kind.SENT:
                if sent is not None:
                    yield _asked(sent)
                sent = effect
            case Effect() as effect:
                yield f"{'' if sent is None else _asked(sent)} -> {phrases.answer(effect)}".strip()
                sent = None
            case Invoked() as invoked:
                yield f"asks: {phrases.asked(invoked)}"
            case Completed() as completed:
                yield f"is told: {phrases.told(completed)}"
    if sent is not None:
        yield _asked(sent)
    if moment.wait is not None:
        yield waits(moment.wait)


def _is_nothing(effect: Effect) -> bool:
    """The beginning of a transaction: it touches nothing, and is no step."""
    return effect.tap == "postgres" and effect.label.upper() in ("BEGIN", "START TRANSACTION")


def _asked(effect: Effect) -> str:
    if effect.tap != "postgres":
        return f"{effect.tap}: {effect.label}"
    return phrases.clipped(
        phrases.gist(phrases.request(effect.tap, effect.label, effect.request)), _STATEMENT
    )
