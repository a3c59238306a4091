"""A counterexample in brief: a line for each thing that happened, for failures on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.export.sequence import waits
from paidonce.harness.explore.witness.file import Witness, WitnessStep
from paidonce.harness.explore.witness.narrative import wording as phrases
from paidonce.harness.explore.witness.narrative.narrate import Kind, Moment, tell
from paidonce.harness.history import Completed, Effect, History, Invoked

WIDTH = 118
"""Characters of a line, at most."""
_STATEMENT = 76
_BEGIN, _END = 6, 6


def steps_in_brief(witness: Witness, history: History, width: int = WIDTH) -> tuple[str, ...]:
    """The steps, each with its number, who moved, and what was asked and answered."""
    try:
        moments = tell(witness, history).moments
    except UsageError:
        # Steps that cannot be found in the history again still have their labels.
        return labels_in_brief(witness.steps, width)
    actors = max((len(step.actor) for step in witness.steps), default=0)
    found: list[tuple[str, str]] = []
    for moment in moments:
        actor, number = moment.step.actor, f"{moment.step.number:>3}"
        for said in _said(moment):
            line = f"{number}  {actor:<{actors}}  {phrases.one_line(said)}"
            found.append((actor, phrases.clipped(line, width)))
            number = "   "
    return _without_long_runs(found, actors)


def labels_in_brief(steps: Sequence[WitnessStep], width: int = WIDTH) -> tuple[str, ...]:
    """The steps by their labels alone, where there is no history of the execution."""
    actors = max((len(step.actor) for step in steps), default=0)
    found = []
    for step in steps:
        waits_too = "  (waits)" if step.blocked else ""
        line = f"{step.number:>3}  {step.actor:<{actors}}  {step.label}{waits_too}"
        found.append((step.actor, phrases.clipped(line, width)))
    return _without_long_runs(found, actors)


def _without_long_runs(lines: Sequence[tuple[str, str]], actors: int) -> tuple[str, ...]:
    """Where one attempt goes on and on, only how that begins and ends: a race is where the
    attempts alternate."""
    found: list[str] = []
    for actor, group in itertools.groupby(lines, key=lambda line: line[0]):
        run = [line for _, line in group]
        if len(run) > _BEGIN + _END + 1:
            between = len(run) - _BEGIN - _END
            run[_BEGIN:-_END] = [f"     {actor:<{actors}}  … {between} lines more"]
        found += run
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
    """The beginning of a transaction, or a ping: it touches nothing, and is no step."""
    said = effect.label.strip("; ").upper()
    return effect.tap == "postgres" and said in ("", "BEGIN", "START TRANSACTION")


def _asked(effect: Effect) -> str:
    if effect.tap != "postgres":
        return f"{effect.tap}: {effect.label}"
    return phrases.clipped(
        phrases.gist(phrases.request(effect.tap, effect.label, effect.request)), _STATEMENT
    )
