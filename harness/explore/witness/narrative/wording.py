"""What crossed a tap, in words: the same ones in diagrams, on the terminal and in specs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from paidonce.harness.explore.witness.narrative.sqltext import filled
from paidonce.harness.history import Action, Completed, Effect, Invoked, Outcome

_COLUMNS = re.compile(r"\bSELECT (?:(?!\bFROM\b).){40,}?\bFROM ", re.IGNORECASE)


def request(tap: str, label: str, asked: Mapping[str, Any]) -> str:
    """What was asked of a dependency, on one line: SQL with its parameters put in, or a call."""
    match tap:
        case "postgres":
            texts = [one_line(text) for text in statements(asked)]
            return "; ".join(text for text in texts if text) or label
        case "stripe":
            return _call(label, asked)
        case _:
            return label


def statements(asked: Mapping[str, Any]) -> list[str]:
    """The SQL of a unit, each statement with its parameters put in."""
    texts: list[str] = asked.get("sql") or []
    params: list[list[str | None]] = asked.get("params") or [[] for _ in texts]
    nulls: list[list[int]] = asked.get("nulls") or [[] for _ in texts]
    return [
        filled(text, values, absent)
        for text, values, absent in zip(texts, params, nulls, strict=True)
    ]


def answer(effect: Effect) -> str:
    """What the dependency answered, on one line."""
    told = _answered(effect)
    return told if effect.delivered or effect.answer is None else f"{told} (kept from the service)"


def _answered(effect: Effect) -> str:
    if effect.answer is None:
        return "no answer"
    match effect.tap:
        case "postgres":
            return _result(effect.answer)
        case "stripe":
            return _stripe_answer(effect.answer)
        case _:
            return one_line(_plain(effect.answer))


def asked(invoked: Invoked) -> str:
    """What a client asked the service to do."""
    if invoked.action is Action.REQUEST:
        words = [str(invoked.args.get("request", ""))]
        words += [str(invoked.args[name]) for name in ("event", "body") if invoked.args.get(name)]
        return " ".join(words)
    args = " ".join(f"{name}={_plain(value)}" for name, value in invoked.args.items())
    key = "" if invoked.key is None else f" (key {invoked.key})"
    return f"{invoked.action.value} {args}".rstrip() + key


def told(completed: Completed) -> str:
    """What its client was told."""
    if completed.outcome is Outcome.UNKNOWN:
        return f"no answer: {completed.error or 'it gave up'}"
    words = [completed.outcome.value]
    if completed.status is not None:
        words.append(str(completed.status))
    if completed.code:
        words.append(completed.code)
    words += [f"{name}={_plain(value)}" for name, value in completed.value.items()]
    if completed.replayed:
        words.append("(replayed)")
    return " ".join(words)


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip()


def gist(text: str) -> str:
    """``text`` with a long list of columns left out: where it looks says more than that."""
    return _COLUMNS.sub("SELECT … FROM ", text)


def clipped(text: str, width: int) -> str:
    """At most ``width`` characters of it, with a mark where something is left out."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _call(label: str, asked: Mapping[str, Any]) -> str:
    params: Mapping[str, str] = asked.get("params") or {}
    words = [label, f"{asked.get('method', '')} {asked.get('path', '')}".strip()]
    words += [f"{name}={value}" for name, value in params.items()]
    if asked.get("idempotency_key"):
        words.append(f"Idempotency-Key={asked['idempotency_key']}")
    return one_line(" ".join(word for word in words if word))


def _stripe_answer(found: Mapping[str, Any]) -> str:
    names = ("status", "id", "state", "type", "code", "decline_code")
    return " ".join(str(found[name]) for name in names if found.get(name) is not None)


def _result(found: Mapping[str, Any]) -> str:
    error = found.get("error")
    if error:
        text = f"{error['severity']} {error['sqlstate']}: {error['message']}"
        return one_line(text + (f" ({error['detail']})" if error.get("detail") else ""))
    if found.get("skipped"):
        return "skipped after the error before it"
    tags = "; ".join(found.get("tags") or ()) or "done"
    sample: Sequence[Sequence[str | None]] = found.get("sample") or ()
    columns: Sequence[str] = found.get("columns") or ()
    if not sample:
        return tags
    rows = [_row(columns, row) for row in sample]
    more = found.get("rows", len(rows)) - len(rows)
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
