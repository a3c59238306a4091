"""Do the steps of a target file make sense, and is every value they use known by then?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from paidonce.harness.simulator.engine.event_types import EVENT_TYPES
from paidonce.harness.targets.file.answer_rules import bad_status, check_rule, rules_of
from paidonce.harness.targets.file.captures import BadCapture, parse_capture
from paidonce.harness.targets.file.error_at import At
from paidonce.harness.targets.file.format import (
    AttemptStepTable,
    AttemptTable,
    ResetTable,
    StepTable,
    TargetFile,
)
from paidonce.harness.targets.file.placeholders import (
    MADE_UP,
    OF_AN_ATTEMPT,
    names_in,
)
from paidonce.harness.targets.file.required_taps import needed, reads_replica, surroundings

_REQUEST = re.compile(r"([A-Z]+) ((?:/|\{[A-Za-z_])\S*)")
_ANYBODY = ("service", "stripe")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SCOPES = ("service", "run", "attempt")


def check_steps(at: At, file: TargetFile) -> Mapping[str, str]:
    """Raises ``UsageError``; returns the names captured before the attempts, with their scope."""
    at_headers = at / "headers"
    at_headers.places(file.headers, _known({}, "service"))
    for name, variant in file.variants.items():
        (at / f"[variants.{name}], headers").places(variant.headers, _known({}, "service"))
    captured: dict[str, str] = {}
    for number, step in enumerate(file.prepare, start=1):
        here = at / f"[[prepare]] {number}"
        for key, given in (("redelivered", step.redelivered), ("retries", step.retries)):
            if given:
                (here / key).fail("nobody else is about while preparing")
        (here / "to").known(step.to, _ANYBODY, "receiver")
        before = {name for name, scope in captured.items() if _sees(step.per, scope)}
        late = {name: scope for name, scope in captured.items() if name not in before}
        _step(here, step, _known(before, step.per), late)
        for name in step.capture:
            if captured.get(name, step.per) != step.per:
                (here / f"capture, {name}").fail(
                    f"captured per {captured[name]} before, and per {step.per} here"
                )
            captured[name] = step.per
    for where, reset in resets(file):
        _reset(at / where, reset, captured)
    seen = _attempts(at, file, captured)
    _times(at, file, captured, seen)
    return captured


def names_of(attempt: AttemptTable) -> tuple[str, ...]:
    """The attempts a table stands for: "tab 1", "tab 2"; just its name where it is one."""
    return copies(attempt.name, attempt.count * attempt.steps[0].deliveries)


def again_of(name: str) -> str:
    """The name of who asks again once that attempt's client has given up."""
    return f"{name} again"


def copies(name: str, count: int) -> tuple[str, ...]:
    """The names of so many of the same."""
    return (name,) if count == 1 else tuple(f"{name} {n}" for n in range(1, count + 1))


def _attempts(at: At, file: TargetFile, captured: Mapping[str, str]) -> set[str]:
    """Check the attempts; returns their names."""
    seen: set[str] = set()
    for number, attempt in enumerate(file.attempts, start=1):
        here = at / f"[[attempts]] {number}"
        _name(here / "name", attempt.name, names_of(attempt), seen)
        if len(attempt.steps) > 1 and any(step.deliveries > 1 for step in attempt.steps):
            (here / "steps").fail("deliveries is for an attempt of one step: who else would wait?")
        if attempt.gives_up:
            again = [again_of(name) for name in names_of(attempt)]
            _name(here / "name", attempt.name, again, seen)
            if any(step.delivers or step.to == "stripe" for step in attempt.steps):
                (here / "gives_up").fail("expected an attempt whose steps are all of the service's")
        names = {*captured, *file.marks}
        for position, step in enumerate(attempt.steps, start=1):
            where = here / f"steps {position}"
            if step.command is not None:
                _command(where, attempt, step, [*names, *OF_AN_ATTEMPT])
                continue
            (where / "to").known(step.to, [*_ANYBODY, *_listening(file)], "receiver")
            if step.expect is not None and position == len(attempt.steps):
                (where / "expect").fail("the last step's answer is judged by [success]")
            _step(where, step, _known(names, "attempt"), {})
            _until(where, attempt, step)
            names |= set(step.capture)
    if len(seen) < 2 and not file.time:
        (at / "[[attempts]]").fail(
            "one attempt alone has nobody to race with: write count = 2, or add another"
        )
    return seen


def _until(at: At, attempt: AttemptTable, step: AttemptStepTable) -> None:
    """Check what a step is asked again for."""
    if step.until is None:
        if step.tries != AttemptStepTable().tries:
            (at / "tries").fail("it belongs to until: the answer that is waited for")
        return
    if step.delivers:
        (at / "until").fail("a webhook comes again by itself: retries, or redelivered = true")
    if step.to == "stripe":
        (at / "until").fail("a look at Stripe that captures something waits for it anyway")
    if attempt.gives_up:
        (at / "until").fail("expected an attempt without gives_up: who asks again has not given up")
    if step.until == "captured":
        if not step.capture:
            (at / "until").fail("'captured' waits for what capture takes, and there is none")
        return
    for rule in rules_of(step.until):
        check_rule(at / "until", rule)


def _command(at: At, attempt: AttemptTable, step: AttemptStepTable, known: list[str]) -> None:
    """Check a step that is a command."""
    bare = AttemptStepTable(command=step.command, name=step.name, timeout_s=step.timeout_s)
    if step != bare:
        at.fail("a command has nothing of a request's: expected command, name and timeout_s alone")
    if attempt.gives_up:
        (at / "command").fail("nobody gives up on a command: it is run to its end")
    (at / "command").places(step.command, [*surroundings(), *known])


def _listening(file: TargetFile) -> list[str]:
    """The names of the processes that requests can be sent to."""
    return [
        process_table.name
        for process_table in file.process
        if process_table.port is not None
        or "port" in names_in([process_table.command, process_table.env])
    ]


def _name(at: At, name: str, copied: Sequence[str], seen: set[str]) -> None:
    if not re.fullmatch(r"[^\s{}/\\][^\n{}/\\]*", name):
        at.fail(f"expected a name people can read, got {name!r}")
    for one in copied:
        if one in seen:
            at.fail(f"there is another attempt called {one!r}")
        seen.add(one)


def _times(at: At, file: TargetFile, captured: Mapping[str, str], seen: set[str]) -> None:
    known = [name for name, scope in captured.items() if scope != "attempt"]
    for number, time in enumerate(file.time, start=1):
        here = at / f"[[time]] {number}"
        _name(here / "name", time.name, copies(time.name, time.at_most), seen)
        if time.seconds is None and not time.statements and not time.catches_up:
            here.fail("expected seconds, sql or both: what ends when this time has passed")
        if time.catches_up and not reads_replica(file):
            (here / "catches_up").fail("no process is told of a {postgres_replica_url}")
        if time.catches_up and (time.statements or time.seconds is not None):
            here.fail("expected catches_up alone: no time passes by that")
        for position, statement in enumerate(time.statements, start=1):
            (here / f"sql, item {position}").places(statement, [*known, "run"])
        if time.statements and file.taps.need is not None and "postgres" not in needed(file):
            (here / "sql").fail("the service has no Postgres by [taps]")


def resets(file: TargetFile) -> Iterator[tuple[str, ResetTable]]:
    """Yield the resets of a file, and those of its variants, each with its place."""
    yield "[reset]", file.reset
    for name, variant in file.variants.items():
        if variant.reset is not None:
            yield f"[variants.{name}.reset]", variant.reset


def _reset(at: At, reset: ResetTable, captured: Mapping[str, str]) -> None:
    known = [name for name, scope in captured.items() if scope == "service"]
    for number, statement in enumerate(reset.sql, start=1):
        (at / f"sql, item {number}").places(statement, known)
    if reset.sql and reset.snapshot:
        at.fail("either sql or snapshot = true: a snapshot puts everything back already")


def _sees(scope: str, other: str) -> bool:
    """Return whether what is captured per ``other`` is there for a step done per ``scope``."""
    return _SCOPES.index(other) <= _SCOPES.index(scope)


def _known(captured: Mapping[str, str] | set[str], scope: str) -> list[str]:
    own = OF_AN_ATTEMPT if scope == "attempt" else ("run", "fresh")
    return [*captured, *own, *MADE_UP]


def _step(at: At, step: StepTable, known: list[str], late: Mapping[str, str]) -> None:
    request = _REQUEST.fullmatch(step.request.strip())
    if request is None:
        (at / "request").fail(
            f"expected a method and a path, like 'POST /orders/{{order}}/pay', got {step.request!r}"
        )
    (at / "request").known(request.group(1), _METHODS, "method")
    bodies = {
        "json": step.json is not UNSET,
        "form": step.form is not None,
        "body": step.body is not None,
        "graphql": step.graphql is not None,
        "webhook": bool(step.webhook),
        "event": bool(step.event),
    }
    given = [name for name, there in bodies.items() if there]
    if len(given) > 1:
        at.fail(f"{' and '.join(given)} both say what the body is; one can")
    if request.group(1) in ("GET", "HEAD") and given:
        (at / given[0]).fail(f"a {request.group(1)} has no body")
    if step.variables and step.graphql is None:
        (at / "variables").fail("they belong to a GraphQL document: graphql = '…'")
    _webhook(at, step)
    _event(at, step)
    values = {
        "request": step.request,
        "json": None if step.json is UNSET else step.json,
        "form": step.form,
        "body": step.body if step.json is UNSET else None,
        "variables": step.variables,
        "headers": step.headers,
        "object": step.object,
        "where": step.where,
        "event_id": step.event_id,
    }
    for key, value in values.items():
        for name in [n for n in late if "{" + n + "}" in str(value)]:
            (at / key).fail(
                f"{{{name}}} is captured per {late[name]}, which is not there yet: say "
                f"per = '{late[name]}' here, or capture it in a step that comes earlier"
            )
        (at / key).places(value, known)
    if step.expect is not None and (wrong := bad_status(step.expect)):
        (at / "expect").fail(wrong)
    for name, text in step.capture.items():
        here = at / f"capture, {name}"
        here.identifier(name)
        if name in OF_AN_ATTEMPT:
            here.fail(f"{{{name}}} is there already; choose another name")
        try:
            parse_capture(text)
        except BadCapture as error:
            here.fail(str(error))


def _webhook(at: At, step: StepTable) -> None:
    if not step.webhook:
        for key, given in (
            ("object", step.object is not None),
            ("event_id", bool(step.event_id)),
            ("redelivered", step.redelivered and not step.event),
            ("retries", bool(step.retries) and not step.event),
        ):
            if given:
                (at / key).fail("it belongs to a webhook: say which, webhook = 'TYPE'")
        return
    if step.to == "stripe":
        (at / "to").fail("a webhook is sent to the service, by Stripe")
    if step.object is None:
        (at / "object").fail(
            "missing: what the event is about; '{intent}', or fields with metadata"
        )


def _event(at: At, step: StepTable) -> None:
    if step.redelivered and step.retries:
        (at / "retries").fail("either retries, or redelivered = true for as often as it takes")
    if not step.event:
        for key, given in (
            ("where", bool(step.where)),
            ("deliveries", step.deliveries > 1),
            ("optional", step.optional),
        ):
            if given:
                (at / key).fail("it belongs to an event of Stripe's: say which, event = 'TYPE'")
        return
    (at / "event").known(step.event, sorted(EVENT_TYPES), "type of event")
    if step.to == "stripe":
        (at / "to").fail("an event is delivered to the service, by Stripe")
