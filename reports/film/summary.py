"""Tells in a few sentences why it came to this, with the numbers of the steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from paidonce.harness.explore.witness.narrative import Narrative
from paidonce.harness.explore.witness.narrative.row_access import Did, Row
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.state import Seen, State, Written
from paidonce.reports.order.phrases import call_words
from paidonce.reports.order.story import OrderStory, PaymentCall

Sentence = tuple[str | int, ...]

_LONG = 7
"""More sentences than this nobody reads."""


class Facts(msgspec.Struct, kw_only=True):
    """The facts that were met while the film was made.

    ``reads`` are (attempt, row, what it saw) in order; ``calls`` each call to Stripe with its
    attempt and step; ``committed`` the step at which a write became visible, by its identity.
    """

    reads: list[tuple[str, Row, Seen]] = []
    calls: list[tuple[str, int, PaymentCall]] = []
    committed: dict[int, int] = {}


def summarise(
    narrative: Narrative, story: OrderStory, state: State, facts: Facts, naming: Naming
) -> tuple[Sentence, ...]:
    """The sentences, in the order of a good explanation."""
    parts = [
        list(_stale_reads(state, facts, naming)),
        list(_calls(story, facts)),
        list(_waits(narrative)),
        list(_overwritten(state, naming)),
    ]
    if sum(map(len, parts)) > _LONG:
        # The first wait shows what waiting is worth, the last write what is left.
        reads, calls, waits, writes = parts
        parts = [reads, calls, waits[:1], writes[-1:]]
    return tuple(sentence for part in parts for sentence in part)


def _stale_reads(state: State, facts: Facts, naming: Naming) -> Iterator[Sentence]:
    """Return who decided by a value that somebody else was about to change, or had changed
    unseen."""
    for (row, column, value), readers in _readers(state, facts).items():
        if len(readers) < 2:
            continue
        who = _both(list(readers))
        text: list[str | int] = [f"{who} read {column} = {naming.value(value)} ("]
        text += [*_steps(list(readers.values())), ")."]
        yield tuple(text)
        acted = _acted(state, facts, row, column, readers, value)
        if acted is None:
            last_reader, last_step = max(readers.items(), key=lambda pair: pair[1])
            others = _overtaking(state, row, column, last_reader, value)
            unseen = next((w for w in others if w.step is not None), None)
        else:
            last_reader, last_step, unseen = acted.reader, acted.read, acted.unseen
        if unseen is None or unseen.step is None:
            continue
        visible = facts.committed.get(id(unseen), unseen.step)
        new = naming.value(unseen.change.values[column])
        if unseen.step < last_step < visible:
            yield (
                f"{unseen.actor} had written {new} already (",
                unseen.step,
                "), but it was only committed in ",
                visible,
                f", so {last_reader} could not see it.",
            )
        elif last_step < unseen.step:
            yield (
                f"Only afterwards did {unseen.actor} write {new} (",
                unseen.step,
                f"), and nothing told {last_reader} that what it had read was out of date.",
            )


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """Who acted, at step ``at``, on what it had ``read`` before a write of another became visible.

    ``unseen`` is that write.
    """

    reader: str
    read: int
    unseen: Written
    at: int


def acted_on_old_reads(state: State, facts: Facts) -> Iterator[Acted]:
    """Yield, for each value that several read, who acted on it when it was no longer true."""
    for (row, column, value), readers in _readers(state, facts).items():
        if len(readers) > 1 and (acted := _acted(state, facts, row, column, readers, value)):
            yield acted


def _readers(state: State, facts: Facts) -> dict[tuple[Row, str, str | None], dict[str, int]]:
    """Return who read which value of the telling column of each row, and at which step first."""
    found: dict[tuple[Row, str, str | None], dict[str, int]] = {}
    for actor, row, seen in facts.reads:
        for column in state.columns.get(row.table, [])[:1]:
            if column in seen.values and seen.step is not None:
                readers = found.setdefault((row, column, seen.values[column]), {})
                readers.setdefault(actor, seen.step)
    return found


def _overtaking(
    state: State, row: Row, column: str, reader: str, value: str | None
) -> Iterator[Written]:
    """Yield the writes of others by which the row no longer is as ``reader`` read it."""
    for written in state.ended:
        change = written.change
        mine = written.actor == reader or change.row != row
        if not mine and column in change.values and change.values[column] != value:
            yield written


def _acted(
    state: State,
    facts: Facts,
    row: Row,
    column: str,
    readers: dict[str, int],
    value: str | None,
) -> Acted | None:
    """Of those who read a value, the one that acted on it after another's write was there for all
    to see; None where nobody did."""
    acts = [(w.step, w.actor) for w in state.ended if w.step is not None]
    acts += [(step, actor) for actor, step, call in facts.calls if not _only_asks(call)]
    for reader, read in readers.items():
        for written in _overtaking(state, row, column, reader, value):
            visible = facts.committed.get(id(written), written.step)
            late = [at for at, actor in acts if actor == reader and visible and at > visible]
            if visible and read < visible and late:
                return Acted(reader=reader, read=read, unseen=written, at=min(late))
    return None


def _only_asks(call: PaymentCall) -> bool:
    return call.effect.label.rpartition(".")[2] in ("retrieve", "list", "search")


def _calls(story: OrderStory, facts: Facts) -> Iterator[Sentence]:
    for actor, step, call in facts.calls:
        if not _only_asks(call):
            words = call_words(story, call, actor).removesuffix(".")
            yield (f"{words} (", step, ").")


def _waits(narrative: Narrative) -> Iterator[Sentence]:
    for moment in narrative.moments:
        wait, actor = moment.wait, moment.step.actor
        if wait is None or not wait.on:
            continue
        text: list[str | int] = [f"{actor} had to wait for {wait.on[0]}’s lock ("]
        text.append(moment.step.number)
        text += [")"] if wait.until_step is None else [") until ", wait.until_step]
        yield (*text, "; then it went on with what it had decided before.")


def _overwritten(state: State, naming: Naming) -> Iterator[Sentence]:
    last: dict[Row, Written] = {}
    for written in state.ended:
        change = written.change
        if change.did is not Did.UPDATE or change.row.table not in state.columns:
            continue
        before = last.get(change.row)
        if before is not None and before.actor != written.actor and written.step and before.step:
            same, other = _compared(before, written, state.columns[change.row.table])
            values = before.change.values
            if other:
                was = ", ".join(f"{c} = {naming.value(values[c])}" for c in other[:2])
                now = ", ".join(f"{c} = {naming.value(change.values[c])}" for c in other[:2])
                yield (
                    f"{written.actor}’s write (",
                    written.step,
                    f") replaced {before.actor}’s (",
                    before.step,
                    f"): {was} became {now}.",
                )
            elif same:
                yield (
                    f"{written.actor}’s write (",
                    written.step,
                    f") is the same as {before.actor}’s (",
                    before.step,
                    f"), {same[-1]} = {naming.value(values[same[-1]])}, as if the other had "
                    "never been: one of the two is lost.",
                )
        last[change.row] = written


def _compared(
    before: Written, written: Written, columns: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Of the columns that both set, those set to the same value, and the others."""
    mine, theirs = written.change.values, before.change.values
    both = [column for column in columns if column in mine and column in theirs]
    same = [c for c in both if mine[c] == theirs[c] and theirs[c] != before.before.get(c)]
    return same[:2], [c for c in both if mine[c] != theirs[c]]


def _both(names: Sequence[str]) -> str:
    if len(names) == 2:
        return f"Both {names[0]} and {names[1]}"
    return f"{', '.join(names[:-1])} and {names[-1]} all"


def _steps(numbers: Sequence[int]) -> list[str | int]:
    references: list[str | int] = []
    for place, number in enumerate(numbers):
        if place:
            references.append(" and " if place == len(numbers) - 1 else ", ")
        references.append(number)
    return references


__all__ = ["Facts", "Sentence", "acted_on_old_reads", "summarise"]
