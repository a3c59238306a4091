"""A counterexample as a test for PostgreSQL's own isolationtester.

The format is that of src/test/isolation (README there): setup, teardown, sessions made of steps,
and a permutation, the order in which the steps are run; a step that has to wait is reported as
waiting. An attempt is a session. A unit that crossed the tap is a step, its parameters put in as
literals. What crossed other taps cannot be part of SQL and appears as comments in its place.

Two things are not in a history and so not in a spec: settings a connection was opened with, and
the types a driver declared for its parameters (a literal takes the type its place asks for).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.export.snapshot import Snapshot
from paidonce.harness.explore.witness.narrative import Exchange, Narrative, Wait
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.explore.witness.narrative.sqltext import statements, without_braces
from paidonce.harness.history import Effect
from paidonce.harness.taps.postgres.units import COMMIT

OBSERVER = "afterwards"
_DEADLOCK = "40P01"


@dataclass
class _Session:
    """One session of the spec. ``connection`` is the one whose work it is in the middle of."""

    name: str
    attempt: str
    connection: int | None = None
    blocks: list[str] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    open: bool = False
    """It ends within a transaction."""


def statements_of(narrative: Narrative) -> list[str]:
    """Return the SQL of every unit of the attempts, with the parameters put in."""
    return [
        text
        for exchange in narrative.exchanges
        if exchange.sent
        for text in _sql(exchange.event) or ()
    ]


def isolation_spec(narrative: Narrative, snapshot: Snapshot) -> str:
    """Return the SQL of ``narrative`` as a spec that starts from ``snapshot``.

    Raises ``UsageError`` when a statement cannot be written into a spec, or something went wrong
    that a spec cannot have go wrong.
    """
    if failures := narrative.witness.failures:
        raise UsageError(
            "isolationtester cannot make anything fail, and here something does "
            f"({failures[0].label}): "
            "export it as pytest, mermaid or text"
        )
    writer = _Writer(narrative)
    order = list(writer.order())
    sections = [_header(narrative, snapshot)]
    for name, sql in (("setup", snapshot.setup), ("teardown", snapshot.teardown)):
        if sql:
            sections.append(_block(name, sql))
    sections += [writer.section(session) for session in writer.sessions]
    watched = _observer(snapshot)
    if watched:
        lines = [f"step {name} {{ TABLE {table}; }}" for name, table in watched.items()]
        sections.append("\n".join(["# what it came to", f"session {OBSERVER}", *lines]))
        order += [f"    {name}" for name in watched]
    sections.append("\n".join(["permutation", *order]))
    return "\n\n".join(sections) + "\n"


class _Writer:
    """Gives every unit its session and its step."""

    def __init__(self, narrative: Narrative) -> None:
        self._narrative = narrative
        self.sessions: list[_Session] = []
        self._victims = {
            exchange.event.attempt
            for exchange in narrative.exchanges
            if _sqlstate(exchange.event) == _DEADLOCK
        }

    def order(self) -> Iterator[str]:
        """Yield the lines of the permutation; fills ``sessions``."""
        for moment in self._narrative.moments:
            number, actor = moment.step.number, moment.step.actor
            for exchange in moment.exchanges:
                if exchange.sent:
                    yield self._sent(exchange, actor, number)
                if exchange.answered and exchange.event.tap == "postgres":
                    self._answered(exchange.event, actor)
            if moment.wait is not None and moment.wait.for_a_lock:
                yield f"    # {actor} waits here for {_lock(moment.wait)}"

    def section(self, session: _Session) -> str:
        lines = [f"session {session.name}"]
        if self._victims:
            # The session that closes the cycle looks for it; the others do not look in time.
            quick = session.attempt in self._victims
            lines.append(f"setup {{ SET deadlock_timeout = '{'10ms' if quick else '100s'}'; }}")
        lines += session.blocks
        if session.open:
            lines.append("teardown { ROLLBACK; }")
        return "\n".join(lines)

    def _sent(self, exchange: Exchange, actor: str, number: int) -> str:
        effect = exchange.event
        answer = words.one_line(words.answer(effect))
        sql = _sql(effect)
        if sql is None:
            asked = words.one_line(words.request_of(exchange))
            return f"    # step {number}, {actor}: {effect.tap} {asked} -> {answer}"
        session = self._session(actor, effect.request.get("session"))
        session.connection = effect.request.get("session")
        name = _unused(f"{session.name}_{number}", session.steps)
        if _open_behind(effect):  # its commit is a step of its own
            sql = ["BEGIN", *sql]
        body = ";\n".join(without_braces(text.strip().rstrip("; ")) for text in sql)
        session.blocks.append(
            f"# step {number}; was answered: {answer}\n{_block(f'step {name}', body)}"
        )
        return f"    {name}"

    def _answered(self, effect: Effect, actor: str) -> None:
        """Follow whether the unit's connection is in a transaction now."""
        connection, answer = effect.request.get("session"), effect.answer or {}
        for session in self.sessions:
            if session.attempt == actor and session.connection == connection:
                status = answer.get("status")
                session.open = status in ("T", "E") if status else session.open
                if status == "I" or effect.answer is None:
                    session.connection, session.open = None, False

    def _session(self, actor: str, connection: int | None) -> _Session:
        """Return the attempt's session on this connection, else a free one, else a new one."""
        own = [session for session in self.sessions if session.attempt == actor]
        for session in own:
            if session.connection == connection:
                return session
        for session in own:
            if session.connection is None:
                return session
        name = _unused(_slug(actor), {OBSERVER, *(session.name for session in self.sessions)})
        self.sessions.append(_Session(name=name, attempt=actor))
        return self.sessions[-1]


def _lock(wait: Wait) -> str:
    return words.waited_for(wait) if wait.what else "a lock"


def _sql(effect: Effect) -> list[str] | None:
    """Return what a unit ran; None for no SQL, and for what cannot be run again."""
    if effect.tap != "postgres" or effect.label.startswith("prepare "):
        return None
    if effect.label == COMMIT:
        return ["COMMIT"]
    texts = statements(effect.request)
    if not texts or not all(texts) or any(_copies(text) for text in texts):
        return None
    return texts


def _open_behind(effect: Effect) -> bool:
    """Return whether a statement that began no transaction was answered before it was committed."""
    answer = effect.answer or {}
    return effect.request.get("status") == "I" and bool(answer) and "status" not in answer


def _copies(text: str) -> bool:
    """COPY goes on with data that no history holds."""
    return bool(re.match(r"\s*copy\b", text, re.IGNORECASE))


def _sqlstate(effect: Effect) -> str | None:
    error = (effect.answer or {}).get("error") if effect.tap == "postgres" else None
    return None if error is None else str(error["sqlstate"])


def _unused(name: str, used: set[str]) -> str:
    """``name``, or with a letter or number after it; remembered as used."""
    tails = ["", *"bcdefghijklmnopqrstuvwxyz", *(f"_{n}" for n in range(2, len(used) + 3))]
    unused: str = next(name + tail for tail in tails if name + tail not in used)
    used.add(unused)
    return unused


def _observer(snapshot: Snapshot) -> dict[str, str]:
    """Steps that show the tables the statements name, each with its table as SQL writes it."""
    names: set[str] = set()
    return {
        _unused(f"{OBSERVER}_{_slug(table.name)}", names): without_braces(table.quoted)
        for table in snapshot.touched
    }


def _slug(name: str) -> str:
    """``name`` as a word that needs no quotes in a spec."""
    slug = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return slug if slug[:1].isalpha() else f"a_{slug}".rstrip("_")


def _block(head: str, body: str) -> str:
    # Nothing is indented: a line may be part of a literal.
    return f"{head}\n{{\n{body}\n}}" if "\n" in body else f"{head} {{ {body} }}"


def _header(narrative: Narrative, snapshot: Snapshot) -> str:
    witness = narrative.witness
    lines = [
        f"A counterexample of scenario {witness.scenario} on {witness.target} "
        f"({witness.variant}), in the order in which its SQL was run.",
        *witness.changed,
        *(broken.words for broken in witness.broken),
        "",
        "Run it in an empty database: isolationtester 'dbname=...' < this file",
    ]
    if snapshot.left_out:
        names = ", ".join(f"{table.schema}.{table.name}" for table in snapshot.left_out)
        lines.append(f"No statement names these tables; their rows are left out: {names}")
    return "\n".join(f"# {words.one_line(line)}".rstrip() for line in lines)
