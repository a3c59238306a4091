"""Is a target set up right? One attempt alone, what is seen at the taps, and whether all is reset.

What is found wrong here would make everything else meaningless: an attempt that cannot even
succeed alone, a service that does not use the taps.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import psutil

from paidonce.harness.checkers.told import last_operations, told_success
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.search.lane import Repetition
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.explore.witness.lenient_replay import follow
from paidonce.harness.history import Completed, Effect, History, Operation, Outcome
from paidonce.harness.http.excerpt import wrote
from paidonce.harness.results.words import quoted
from paidonce.harness.service.script import NotReady
from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.required_taps import needed
from paidonce.harness.targets.run.answers import NOT_YET
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.past_stripe import past_the_tap
from paidonce.harness.verdict import Status

_TAPS = {
    "postgres": "{postgres_url}",
    "stripe": "{stripe_url}",
    "redis": "{redis_url}",
}
_TLS = ' (plain HTTP; where the service speaks https only: "Stripe by TLS" in docs/targets.md)'
_INSTEAD = "give it {stripe_url}, {stripe_tls_url} or {stripe_proxy}"
_SIGNED = (
    "; it is an event of ours, signed with {webhook_secret}: is that the secret the service has?"
)


class Smoke(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a smoke run. ``problems`` make going on pointless; ``notes`` are to be known.

    ``seen`` counts what crossed each tap while one attempt was alone.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen: dict[str, int] = {}


async def smoke(worlds: ServiceWorlds, script: TargetScript) -> Smoke:
    """Play each kind of attempt alone, then all of them one after the other, twice.

    Raises ``InvalidRun`` where an execution was not under control, ``NotReady`` where a step of
    ``[[prepare]]`` is not answered as expected, ``UsageError`` where the file says something that
    the service or its database does not accept.
    """
    problems: list[str] = []
    notes: list[str] = []
    alone: list[History] = []
    turned_away = fault = False
    succeeding: dict[str, int] = {}
    kinds: dict[str, str] = {}
    for attempt in script.clients:
        kinds.setdefault(attempt.table.name, attempt.name)
    for number, name in enumerate(kinds.values()):
        service_worlds = worlds.telling(script.keeping([name]))
        try:
            # The very first execution meets no state that an earlier one has left behind.
            world = await _played(service_worlds.cold() if number == 0 else service_worlds)
        except InvalidRun as error:
            raise InvalidRun(f"{name} alone: {error}{wrote(worlds.bench.wrote())}") from error
        history = _history(world)
        alone.append(history)
        operation = last_operations(history).get(name)
        if operation is not None and told_success(operation):
            succeeding[name] = sum(each.outcome is Outcome.OK for each in history.operations)
        if operation is not None and not told_success(operation):
            said = f"{name} alone does not succeed: {_told(operation)}"
            if _delivers(script, name) and _turned_away(operation):
                said += _SIGNED
            # Whoever comes second by nature (a cancellation, a webhook) may need the first.
            (problems if number == 0 else notes).append(said)
            turned_away |= number == 0 and _turned_away(operation)
            fault |= number == 0 and operation.outcome not in (Outcome.OK, Outcome.REJECTED)
    worlds.alone = succeeding
    seen = _seen(alone)
    for key in sorted(worlds.bench.stripe_tap.live_keys):
        problems.append(
            f"the service called Stripe with the live key {key}; such calls are refused, wherever "
            "they were to go: give it {stripe_key}"
        )
    problems += [f"{one}: {_INSTEAD}" for one in past_the_tap(worlds.bench)]
    if not turned_away:
        problems += _unseen(script.loaded.file, seen)
    if fault and problems:
        problems[-1] += wrote(worlds.bench.wrote())
    notes += _elsewhere(worlds.bench)
    if not problems:
        notes += await _twice(worlds)
    return Smoke(problems=tuple(problems), notes=tuple(notes), seen=seen)


async def _played(worlds: ServiceWorlds) -> ServiceWorld:
    """All attempts of these worlds one after the other.

    A preparation that fails is no accident here, but a set-up that is wrong. What was not under
    control is made again, as it is in a search: from what went wrong something is learnt.
    """
    for tries_left in reversed(range(1 + Repetition().retries)):
        try:
            await follow(worlds, [])
        except InvalidRun as error:
            if isinstance(error.__cause__, NotReady):
                raise error.__cause__ from None
            if not tries_left:
                raise
        else:
            break
    assert worlds.last is not None
    return worlds.last


def _history(world: ServiceWorld) -> History:
    assert world.judged is not None
    return world.judged.history


# --- one alone -----------------------------------------------------------------------------------


def _told(operation: Operation) -> str:
    asked = operation.invoked.args.get("request", "")
    completed = operation.completed
    if completed is None or completed.status is None:
        return f"{asked} got no answer ({completed.error if completed else 'the run ended'})"
    said = f": {completed.error}" if completed.error else ""
    if completed.code == NOT_YET:
        return f"{asked} was answered {completed.status}, and not as its until says"
    return f"{asked} was answered {completed.status}, which [success] does not accept{said}"


def _delivers(script: TargetScript, name: str) -> bool:
    """Return whether the last thing an attempt does is to deliver an event of ours."""
    last = next(client.steps[-1] for client in script.clients if client.name == name)
    return bool(last.delivers)


def _turned_away(operation: Operation) -> bool:
    """Return whether a request was refused, and so had no reason to use any tap."""
    completed = operation.completed
    return completed is not None and 400 <= (completed.status or 0) < 500


def _seen(histories: list[History]) -> dict[str, int]:
    found: dict[str, int] = {}
    for history in histories:
        for _, effect in history.of(Effect):
            found[effect.tap] = found.get(effect.tap, 0) + 1
    return found


def _unseen(file: TargetFile, seen: dict[str, int]) -> Iterator[str]:
    for tap in needed(file):
        if seen.get(tap):
            continue
        how = (
            f"listens on port {getattr(file.taps, f'{tap}_port')}"
            if file.service is not None
            else f"is given as {_TAPS.get(tap, f'{{{tap}_url}}')}"
        )
        tls = _TLS if tap == "stripe" else ""
        yield (
            f"nothing was seen at the {tap} tap while an attempt was alone: does the service "
            f"connect to the tap? It {how}{tls}"
        )


def _elsewhere(bench: Bench) -> Iterator[str]:
    """Connections of the service's that no tap sees."""
    known = {tap.port for tap in bench.taps.values()}
    if bench.tls is not None:
        known |= bench.tls.ports
        for host in sorted(bench.tls.refused):
            yield f"the service asked the proxy for {host}; it leads to Stripe alone"
    if bench.egress is not None:
        known.add(bench.egress.port)
        for host in sorted(bench.egress.carried):
            yield f"the service also talks to {host}, which is not behind a tap"
    found: set[str] = set()
    for root in bench.pids:
        try:
            family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
            pairs = [c for process in family for c in process.net_connections("tcp")]
        except psutil.Error:
            continue
        own = {c.laddr.port for c in pairs if c.status == psutil.CONN_LISTEN}
        for connection in pairs:
            if not connection.raddr or connection.status != psutil.CONN_ESTABLISHED:
                continue
            ours = connection.laddr.port in own or connection.raddr.port in own
            if not ours and connection.raddr.port not in known:
                found.add(f"{connection.raddr.ip}:{connection.raddr.port}")
    for address in sorted(found):
        yield f"the service also talks to {address}, which is not behind a tap"


# --- twice the same ------------------------------------------------------------------------------


async def _twice(worlds: ServiceWorlds) -> list[str]:
    """Return what differs between two sequential executions, and what breaks without
    concurrency."""
    first = await _played(worlds)
    lines = _lines(first)
    judged = first.judged
    assert judged is not None
    notes = []
    if judged.came.status is Status.INVALID:
        broken = "; ".join(v.reason for v in judged.verdicts if v.status is Status.INVALID)
        notes.append(
            f"it breaks even where the attempts come one after the other: {broken}. Are [observe], "
            "[[invariants]] and [success] what you mean?"
        )
    second = await _played(worlds)
    difference = _difference(lines, _lines(second))
    if difference is not None:
        notes.append(
            f"the second of two sequential executions was not as the first: {difference}. Is the "
            "reset complete?"
        )
    return notes


def _lines(world: ServiceWorld) -> list[str]:
    """An execution in words that are the same for equal ones."""
    history, names = _history(world), world.reader.names
    assert world.judged is not None
    found: list[str] = []
    # A worker does not wait for its client to be answered: which of the two is first says nothing.
    answers = found if world.performance.left is None else []
    for event in history.events:
        match event:
            case Effect() if not _only_prepares(event):
                label = names.label(event.attempt or "", f"{event.tap} {event.label}")
                found.append(f"{event.attempt}: {label} -> {_answer(event)}")
            case Completed():
                answers.append(f"answer {event.status} ({event.outcome.value})")
            case _:
                pass
    if answers is not found:
        found += answers
    return [*found, *(f"{name} = {value}" for name, _, value in world.judged.came.values)]


def _only_prepares(effect: Effect) -> bool:
    """Return whether nothing is run: a driver has a statement parsed that it has sent often enough
    (psycopg and JDBC the fifth time or so), which is no difference in what the service does."""
    driven = effect.label.startswith(("prepare ", "describe or close", "DEALLOCATE"))
    return effect.tap == "postgres" and driven and not (effect.answer or {}).get("error")


def _answer(effect: Effect) -> str:
    """Return how many rows, or which status: what does not depend on ids."""
    answer = effect.answer or {}
    if effect.tap == "postgres":
        error = answer.get("error")
        return str(error["sqlstate"]) if error else ", ".join(answer.get("tags") or ())
    if effect.tap == "stripe":
        return " ".join(str(answer.get(name)) for name in ("status", "state", "code"))
    return ""


def _difference(first: list[str], second: list[str]) -> str | None:
    for one, other in zip(first, second, strict=False):
        if one != other:
            return f"{quoted(one)}, then {quoted(other)}"
    if len(first) != len(second):
        longer, which = (first, "first") if len(first) > len(second) else (second, "second")
        return f"only the {which} had {quoted(longer[min(len(first), len(second))])}"
    return None
