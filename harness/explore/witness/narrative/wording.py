"""Words for what crossed a tap and what was waited for: the same ones for every writer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from paidonce.harness.explore.search.world import LOST
from paidonce.harness.explore.witness.file import WitnessStep
from paidonce.harness.explore.witness.narrative.model import Exchange, Wait
from paidonce.harness.explore.witness.narrative.sqltext import statements
from paidonce.harness.history import Action, Completed, Effect, Invoked, Outcome
from paidonce.harness.results.words import gist
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer, NoContact

# Parameters of calls that say nothing of a race.
_USUAL = ("currency", "error_on_requires_action")


def request(tap: str, label: str, asked: Mapping[str, Any]) -> str:
    """Return what was asked of a dependency, on one line: SQL with its parameters, or a call."""
    match tap:
        case "postgres" | "replica":
            texts = [one_line(text) for text in statements(asked)]
            return "; ".join(text for text in texts if text) or label
        case "stripe":
            return _call(label, asked, asked.get("params") or {})
        case _:
            return label


def request_of(exchange: Exchange) -> str:
    """Return what was asked in an exchange, on one line."""
    effect = exchange.event
    return request(effect.tap, effect.label, effect.request)


def gist_of(exchange: Exchange) -> str:
    """Return what was asked in an exchange as far as it matters to a reader of a race.

    A long list of columns is left out of SQL, and of a call its name and the parameters that
    every call has.
    """
    effect = exchange.event
    if effect.tap != "stripe":
        return gist(request_of(exchange))
    params: Mapping[str, str] = effect.request.get("params") or {}
    telling = {name: params[name] for name in params if "[" not in name and name not in _USUAL}
    return _call("", effect.request, telling)


def answer(effect: Effect) -> str:
    """Return what the dependency answered, on one line."""
    answered = _answered(effect)
    return (
        answered
        if effect.delivered or effect.answer is None
        else f"{answered} (kept from the service)"
    )


def _answered(effect: Effect) -> str:
    if effect.answer is None:
        return "no answer"
    match effect.tap:
        case "postgres" | "replica":
            return _result(effect.answer)
        case "stripe":
            return _stripe_answer(effect.answer)
        case _:
            return one_line(_plain(effect.answer))


def asked(invoked: Invoked) -> str:
    """Return what a client asked the service to do."""
    if invoked.action is Action.REQUEST:
        words = [str(invoked.args.get("request", ""))]
        words += [str(invoked.args[name]) for name in ("event", "body") if invoked.args.get(name)]
        return " ".join(words)
    args = " ".join(f"{name}={_plain(value)}" for name, value in invoked.args.items())
    key = "" if invoked.key is None else f" (key {invoked.key})"
    return f"{invoked.action.value} {args}".rstrip() + key


def told(completed: Completed) -> str:
    """Return what the client was told."""
    if completed.outcome is Outcome.UNKNOWN:
        return f"no answer: {completed.error or 'it gave up'}"
    words = [completed.outcome.value]
    if completed.code == "not yet":
        return f"not yet {completed.status}"
    if completed.status is not None:
        words.append(str(completed.status))
    if completed.code:
        words.append(completed.code)
    words += [f"{name}={_plain(value)}" for name, value in completed.value.items()]
    if completed.replayed:
        words.append("(replayed)")
    return " ".join(words)


def waited_for(wait: Wait) -> str:
    """Return what an attempt waits for, after "waits for"; and who holds it, if that is known."""
    if wait.on:
        return f"{wait.what or 'a lock'}, held by {' and '.join(wait.on)}"
    if wait.what:
        return wait.what
    return "a lock in Postgres" if wait.for_a_lock else "something inside the service"


def waits(wait: Wait) -> str:
    """Return why an attempt goes no further, and who lets it go on."""
    where = f"waits for {waited_for(wait)}" if wait.for_a_lock else "waits inside the service"
    if wait.until is None or wait.until in wait.on:
        return where
    return f"{where}, until {wait.until} lets it go on"


def one_line(text: str) -> str:
    """Return ``text`` with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip()


def clipped(text: str, width: int) -> str:
    """Return at most ``width`` characters of it, with a mark where something is left out."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _call(label: str, asked: Mapping[str, Any], params: Mapping[str, str]) -> str:
    words = [label, f"{asked.get('method', '')} {asked.get('path', '')}".strip()]
    words += [f"{name}={value}" for name, value in params.items()]
    if asked.get("idempotency_key"):
        words.append(f"Idempotency-Key={asked['idempotency_key']}")
    return one_line(" ".join(word for word in words if word))


def _stripe_answer(answered: Mapping[str, Any]) -> str:
    names = ("status", "id", "state", "type", "code", "decline_code")
    return " ".join(str(answered[name]) for name in names if answered.get(name) is not None)


def _result(answered: Mapping[str, Any]) -> str:
    error = answered.get("error")
    if error:
        text = f"{error['severity']} {error['sqlstate']}: {error['message']}"
        return one_line(text + (f" ({error['detail']})" if error.get("detail") else ""))
    if answered.get("skipped"):
        return "skipped after the error before it"
    tags = "; ".join(answered.get("tags") or ()) or "done"
    sample: Sequence[Sequence[str | None]] = answered.get("sample") or ()
    columns: Sequence[str] = answered.get("columns") or ()
    if not sample:
        return tags
    rows = [_row(columns, row) for row in sample]
    more = answered.get("rows", len(rows)) - len(rows)
    return one_line(f"{tags}: {' | '.join(rows)}{f' | and {more} more' if more > 0 else ''}")


def _row(columns: Sequence[str], row: Sequence[str | None]) -> str:
    named = columns if len(columns) == len(row) else [""] * len(row)
    shown = [
        f"{name}={'null' if value is None else value}".lstrip("=")
        for name, value in zip(named, row, strict=True)
    ]
    return ", ".join(shown)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def mishap(step: WitnessStep) -> str:
    """Return what went wrong in a step, in words; nothing if nothing did."""
    if step.label == LOST:
        return "its process is gone: it gets no answer"
    match step.fault:
        case NoContact():
            return "the connection is reset before that gets there"
        case LostAnswer():
            return "that is done, and its answer never arrives"
        case ErrorAnswer(error):
            return f"{error} comes in the answer's place" + (", though it is done" * step.done)
        case Crash():
            when = "once that is done" if step.done else "before that gets there"
            return f"the process is killed {when}, and started again"
        case _:
            return ""
