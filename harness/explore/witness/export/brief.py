"""A counterexample in brief: a line for each thing that happened, for failures on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.file import Witness, WitnessStep
from paidonce.harness.explore.witness.narrative import Asked, Exchange, Moment, Reply, narrate
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.history import History

WIDTH = 118
"""Characters of a line, at most."""
_STATEMENT = 76
_BEGIN, _END = 6, 6


def steps_in_brief(witness: Witness, history: History, width: int = WIDTH) -> tuple[str, ...]:
    """Return the steps, each with its number, who moved, and what was asked and answered."""
    try:
        moments = narrate(witness, history).moments
    except UsageError:
        # Steps that cannot be found in the history again still have their labels.
        return labels_in_brief(witness.steps, width)
    actors = max((len(step.actor) for step in witness.steps), default=0)
    lines: list[tuple[str, str]] = []
    for moment in moments:
        actor, number = moment.step.actor, f"{moment.step.number:>3}"
        for sentence in _said(moment):
            line = f"{number}  {actor:<{actors}}  {words.one_line(sentence)}"
            lines.append((actor, words.clipped(line, width)))
            number = "   "
    return _without_long_runs(lines, actors)


def labels_in_brief(steps: Sequence[WitnessStep], width: int = WIDTH) -> tuple[str, ...]:
    """Return the steps by their labels alone, where there is no history of the execution."""
    actors = max((len(step.actor) for step in steps), default=0)
    lines = []
    for step in steps:
        waits_too = "  (waits)" if step.blocked else ""
        line = f"{step.number:>3}  {step.actor:<{actors}}  {step.label}{waits_too}"
        lines.append((step.actor, words.clipped(line, width)))
    return _without_long_runs(lines, actors)


def _without_long_runs(lines: Sequence[tuple[str, str]], actors: int) -> tuple[str, ...]:
    """Return the lines without the middle of long runs of one attempt: a race is where the
    attempts alternate."""
    short: list[str] = []
    for actor, group in itertools.groupby(lines, key=lambda line: line[0]):
        run = [line for _, line in group]
        if len(run) > _BEGIN + _END + 1:
            between = len(run) - _BEGIN - _END
            run[_BEGIN:-_END] = [f"     {actor:<{actors}}  … {between} lines more"]
        short += run
    return tuple(short)


def _said(moment: Moment) -> Iterator[str]:
    """Yield a line for each thing that happened, an answer on the line of what it answers where
    it came in the same step."""
    for act in moment.acts:
        match act:
            case Asked():
                yield f"asks: {words.asked(act.event)}"
            case Reply():
                yield f"is told: {words.told(act.event)}"
            case Exchange() if not act.touches_nothing:
                asked = _asked(act) if act.sent else ""
                answer = f"-> {words.answer(act.event)}" if act.answered else ""
                yield f"{asked} {answer}".strip()
            case Exchange():
                pass
    if wrong := words.mishap(moment.step):
        yield wrong
    if moment.wait is not None:
        yield words.waits(moment.wait)


def _asked(exchange: Exchange) -> str:
    effect = exchange.event
    if effect.tap != "postgres":
        return f"{effect.tap}: {effect.label}"
    return words.clipped(words.gist_of(exchange), _STATEMENT)
