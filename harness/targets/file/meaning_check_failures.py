"""Do the tables of a target file about failures and recovery make sense?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import UNSET

from paidonce.harness.service.failures import PROCESS, kinds_on
from paidonce.harness.targets.file.error_at import At
from paidonce.harness.targets.file.format import FaultsTable, RecoverTable, TargetFile
from paidonce.harness.targets.file.placeholders import MADE_UP
from paidonce.harness.targets.file.required_taps import surroundings

_REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /\S*")
_TAPS = ("stripe", "postgres", "redis")


def check_failures(at: At, file: TargetFile, captured: Mapping[str, str]) -> None:
    """Raises ``UsageError``; ``captured`` are the names captured before, with their scope."""
    if isinstance(file.faults, tuple):
        for number, table in enumerate(file.faults, start=1):
            _fault(at / f"[[faults]] {number}", table, file)
    shared = [name for name, scope in captured.items() if scope != "attempt"]
    for number, step in enumerate(file.recover, start=1):
        _recover(at / f"[[recover]] {number}", step, [*shared, *file.marks, "run", *MADE_UP])


def statements(step: RecoverTable) -> tuple[str, ...]:
    """The statements of a step of recovery."""
    return (step.sql,) if isinstance(step.sql, str) else step.sql


def _fault(at: At, table: FaultsTable, file: TargetFile) -> None:
    words = table.on.split(maxsplit=1)
    places = (*_TAPS, PROCESS)
    (at / "on").known(words[0] if words else table.on, places, "place")
    if words[0] == PROCESS:
        if file.service is not None:
            (at / "on").fail("a service that runs already is not ours to kill and start again")
        names = [process.name for process in file.process if process.name]
        if len(words) > 1:
            (at / "on").known(words[1], names, "process")
    elif len(words) > 1:
        (at / "on").fail(f"expected one of {', '.join(places)}, got {table.on!r}")
    (at / "kind").known(table.kind, kinds_on(table.on), f"kind of fault on {words[0]}")


def _recover(at: At, step: RecoverTable, known: list[str]) -> None:
    given = {
        "sql": bool(step.sql),
        "command": step.command is not None,
        "request": bool(step.request),
    }
    ways = [name for name, there in given.items() if there]
    if len(ways) != 1:
        got = " and ".join(ways) or "none of them"
        at.fail(f"expected one of sql, command and request, got {got}")
    for number, statement in enumerate(statements(step), start=1):
        (at / f"sql, item {number}").places(statement, known)
    if step.command is not None:
        (at / "command").places(step.command, [*surroundings(), *known])
    sent = {"json": step.json is not UNSET, "form": step.form is not None}
    bodies = [name for name, there in {**sent, "headers": bool(step.headers)}.items() if there]
    if not step.request:
        if bodies:
            (at / bodies[0]).fail("it belongs to a request: say which, request = 'POST /path'")
        return
    if not _REQUEST.fullmatch(step.request.strip()):
        (at / "request").fail(
            f"expected a method and a path, like 'POST /jobs/sweep', got {step.request!r}"
        )
    if all(sent.values()):
        at.fail("json and form both say what the body is; one can")
    for key, value in {
        "request": step.request,
        "json": None if step.json is UNSET else step.json,
        "form": step.form,
        "headers": step.headers,
    }.items():
        (at / key).places(value, known)
