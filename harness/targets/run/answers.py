"""Tells a step's request and its answer, in a history and by the file's rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.history import Completed, Outcome
from paidonce.harness.http.client import Answer, Request
from paidonce.harness.http.excerpt import said
from paidonce.harness.targets.file.answer_rules import has_status, meets, rules_of
from paidonce.harness.targets.file.captures import NothingThere, parse_capture
from paidonce.harness.targets.file.format import (
    AttemptStepTable,
    AttemptTable,
    RuleTable,
    StepTable,
    TargetFile,
)

NOT_YET = "not yet"
"""The code of an answer that is not the one waited for: it is asked again."""
_OUT_OF_ORDER = 500
_SHOWN = 200
"""Of a body, in a history."""


def leads_on(step: StepTable, status: int) -> bool:
    """Return whether the answer to a step, not the last of an attempt, is as it should be."""
    return has_status(step.expect if step.expect is not None else ("2xx", "3xx"), status)


@dataclass(frozen=True)
class Told:
    """The meaning of an answer to an attempt, and what it captured of it."""

    outcome: Outcome
    status: int
    value: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    code: str | None = None
    captured: dict[str, str | int] = field(default_factory=dict)
    later: bool = False
    """True if it is to come again later."""
    lacking: bool = False
    """True if a value is not there that was to be captured."""

    def completed(self, op: int, t: int) -> Completed:
        """The event that says so."""
        return Completed(
            t=t,
            op=op,
            outcome=self.outcome,
            status=self.status,
            value=self.value,
            error=self.error,
            code=self.code,
        )


def told_by(
    file: TargetFile, table: AttemptTable, step: StepTable, answer: Answer, *, last: bool
) -> Told:
    """Return what ``answer`` tells the attempt of ``table``, whose ``last`` step this is or not."""
    success = table.success if table.success is not None else file.success
    rejection = table.rejection if table.rejection is not None else file.rejection
    status = answer.status
    until = step.until if isinstance(step, AttemptStepTable) else None
    if until is not None and status < _OUT_OF_ORDER and not _there(step, until, answer):
        return Told(Outcome.REJECTED, status, code=NOT_YET, later=True)
    if meets(success, answer) if last else leads_on(step, status):
        values, error = captured(step, answer)
        if error is not None:
            return Told(Outcome.FAILED, status, error=error, captured=values, lacking=True)
        return Told(Outcome.OK, status, {"success": True} if last else {}, captured=values)
    later = file.recovery.later is not None and meets(file.recovery.later, answer)
    if any(meets(rule, answer) for rule in rules_of(rejection)):
        return Told(Outcome.REJECTED, status, later=later)
    return Told(Outcome.FAILED, status, error=_instead(answer), later=later)


def _instead(answer: Answer) -> str:
    """Return what an answer said that was neither a success nor a rejection: where a redirect leads
    to, and its words."""
    place = answer.headers.get("location", "")
    leads = [f"leads to {place}"] if 300 <= answer.status < 400 and place else []
    words = said(answer.body, _SHOWN)
    return "; ".join([*leads, words] if words else leads)


def _there(step: StepTable, until: RuleTable | tuple[RuleTable, ...] | str, answer: Answer) -> bool:
    """Return whether an answer is one that was waited for, with all that it is to hold."""
    if not isinstance(until, str) and not any(meets(rule, answer) for rule in rules_of(until)):
        return False
    return captured(step, answer)[1] is None


def captured(step: StepTable, answer: Answer) -> tuple[dict[str, str | int], str | None]:
    """Return what the step captures of its answer, and what is not there, in words."""
    values: dict[str, str | int] = {}
    for name, text in step.capture.items():
        try:
            values[name] = parse_capture(text).take(answer)
        except NothingThere as error:
            return values, f"{name}: {error}"
    return values, None


def key_of(request: Request) -> str | None:
    """The client's idempotency key, if it sends one."""
    names = {name.lower(): value for name, value in request.headers.items()}
    return names.get("idempotency-key")


def asked(number: int, step: StepTable, request: Request) -> dict[str, Any]:
    """Return what a history says of a request."""
    found: dict[str, Any] = {"step": number, "request": f"{request.method} {request.path}"}
    if step.name:
        found["name"] = step.name
    if step.delivers:
        found["event"] = step.delivers
    elif request.body:
        body = request.body.decode("utf-8", "replace")
        found["body"] = body if len(body) <= _SHOWN else f"{body[: _SHOWN - 1]}…"
    return found
