"""Keeps the state of the world while a counterexample is told, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from paidonce.harness.explore.witness.narrative import Exchange, Moment
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.explore.witness.narrative.row_access import Did, Row, RowAccess
from paidonce.harness.history import Completed, Effect
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.types import Group, Item
from paidonce.reports.order.phrases import answer_label
from paidonce.reports.order.story import OrderStory

_SHOWN_COLUMNS = 4
_TELLING = ("status", "state")

Values = dict[str, str | None]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A write of an open or ended transaction."""

    actor: str
    step: int | None
    change: RowAccess
    before: Values


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The values that an attempt read of a row, and at which step."""

    step: int | None
    values: Values


class State:
    """``columns`` are the columns worth showing by table, see ``telling_columns``."""

    def __init__(
        self,
        story: OrderStory,
        naming: Naming,
        lanes: Sequence[str],
        columns: Mapping[str, list[str]],
    ) -> None:
        self.story, self.naming, self.lanes, self.columns = story, naming, lanes, columns
        self.committed: dict[Row, Values] = {}
        self.pending: dict[tuple[str, object], list[Written]] = {}
        self.seen: dict[str, dict[Row, Seen]] = {}
        self.inserted: list[tuple[str, str]] = []
        self.payments: dict[str, str] = {}
        self.refunds: list[str] = []
        self.told: dict[str, list[str]] = {}
        self.locks: dict[tuple[str, str], int] = {}
        self.waits: dict[str, tuple[int, str]] = {}
        self.ended: list[Written] = []
        """Writes that were committed, in order."""
        self._calls = {call.effect.seq: call for call in story.calls}
        self._operations = {o.invoked.op: o for o in story.operations}
        self._last: dict[str, set[str]] = {}

    # --- what happens -----------------------------------------------------------------------

    def sql(self, actor: str, exchange: Exchange, step: int | None) -> None:
        """Note what a unit did that was answered."""
        effect = exchange.event
        session = (actor, effect.request.get("session"))
        answer = effect.answer or {}
        failed = bool(answer.get("error")) or bool(answer.get("skipped"))
        for change in exchange.rows:
            if failed:
                break
            if change.did in (Did.READ, Did.LOCK) and change.values:
                row = self.committed.setdefault(change.row, {})
                for column, value in change.values.items():
                    row.setdefault(column, value)
                self.seen.setdefault(actor, {})[change.row] = Seen(step=step, values=change.values)
            if change.writes and change.rows != 0:
                before = dict(self.committed.get(change.row, {}))
                written = Written(actor=actor, step=step, change=change, before=before)
                self.pending.setdefault(session, []).append(written)
        if answer.get("status") == "I":
            rolled_back = failed or "ROLLBACK" in (answer.get("tags") or ())
            self._end(session, commit=not rolled_back)
        elif failed:
            self._end(session, commit=False)

    def _end(self, session: tuple[str, object], *, commit: bool) -> None:
        for written in self.pending.pop(session, []):
            if not commit:
                continue
            self.ended.append(written)
            change = written.change
            if change.did is Did.DELETE:
                self.committed.pop(change.row, None)
                continue
            self.committed.setdefault(change.row, {}).update(change.values)
            if change.did is Did.INSERT:
                self.inserted.append((written.actor, self._inserted(change)))

    def stripe(self, effect: Effect) -> None:
        """A call to Stripe was answered."""
        call = self._calls.get(effect.seq)
        if call is None or call.payment is None:
            return
        state = (effect.answer or {}).get("state")
        if effect.label == "refund.create":
            amount = (effect.answer or {}).get("amount")
            if isinstance(amount, int) and (effect.answer or {}).get("status") == 200:
                self.refunds.append(f"{self.story.price(amount)} refunded")
        elif isinstance(state, str):
            took = f", {self.story.price(self.story.taken.get(call.payment))} taken"
            taken = took if state == "succeeded" else ""
            self.payments[call.payment] = f"{state.replace('_', ' ')}{taken}"

    def answered(self, attempt: str, completed: Completed) -> None:
        """A client was told."""
        operation = self._operations.get(completed.op)
        if operation is not None:
            self.told.setdefault(attempt, []).append(answer_label(self.story, operation))

    def stepped(self, moment: Moment) -> None:
        """Note the locks and waits of a step after which all is at rest."""
        number = moment.step.number
        for lock in moment.released:
            self.locks.pop((lock.actor, lock.what), None)
        for lock in moment.gained:
            self.locks[lock.actor, lock.what] = number
        self.locks = dict(sorted(self.locks.items()))
        if moment.wait is not None:
            self.waits[moment.step.actor] = (number, words.waited_for(moment.wait))
        for actor in moment.step.woken:
            self.waits.pop(actor, None)

    # --- how it stands ------------------------------------------------------------------------

    def groups(self) -> tuple[Group, ...]:
        """The state in lines, those marked that are new since this was last asked."""
        titled = [
            ("In the database", list(self._rows())),
            ("Last read by", list(self._read())),
            ("Locks", list(self._locked())),
            ("At Stripe", list(self._at_stripe())),
            ("Clients were told", list(self._told())),
        ]
        made = []
        for title, lines in titled:
            before = self._last.get(title)
            items = tuple(
                Item(text=text, lane=lane, new=before is not None and text not in before)
                for text, lane in lines
            )
            self._last[title] = {text for text, _ in lines}
            made.append(Group(title=title, items=items))
        return tuple(made)

    def _lane(self, actor: str) -> int | None:
        return self.lanes.index(actor) if actor in self.lanes else None

    def shown(self, row: Row, values: Values, limit: int = _SHOWN_COLUMNS) -> str:
        """The telling columns of a row: ``payment_status = unpaid, payment_id = null``."""
        telling = [c for c in self.columns.get(row.table, []) if c in values][:limit]
        return ", ".join(f"{c} = {self.naming.value(values[c])}" for c in telling)

    def _rows(self) -> Iterable[tuple[str, int | None]]:
        for row in self.committed:
            shown = self.shown(row, self.committed[row])
            if shown and row.table in self.columns:
                yield f"{row.table}: {shown}", None
        for actor, text in self.inserted:
            yield f"{text}, by {actor}", self._lane(actor)
        for (actor, _), written in self.pending.items():
            for one in written:
                text = self._pending(one.change)
                if text:
                    yield f"not committed, {actor}: {text}", self._lane(actor)

    def _pending(self, change: RowAccess) -> str:
        if change.did is Did.INSERT:
            return self._inserted(change)
        if change.did is Did.DELETE:
            return f"a row of {change.row.table} is deleted"
        shown = self.shown(change.row, change.values)
        return f"{change.row.table}: {shown}" if shown else ""

    def _inserted(self, change: RowAccess) -> str:
        telling = [c for c in change.values if any(word in c for word in _TELLING)][:2]
        shown = ", ".join(f"{c} = {self.naming.value(change.values[c])}" for c in telling)
        return f"a row of {change.row.table}{f' ({shown})' if shown else ''}"

    def _read(self) -> Iterable[tuple[str, int | None]]:
        for actor in self.lanes:
            for row, seen in self.seen.get(actor, {}).items():
                shown = self.shown(row, seen.values, limit=2)
                if shown:
                    yield f"{actor}: {shown} (step {seen.step})", self._lane(actor)

    def _locked(self) -> Iterable[tuple[str, int | None]]:
        for (actor, what), since in self.locks.items():
            yield f"{actor} holds {what}, since step {since}", self._lane(actor)
        for actor, (since, what) in self.waits.items():
            yield f"{actor} waits for {what}, since step {since}", self._lane(actor)

    def _at_stripe(self) -> Iterable[tuple[str, int | None]]:
        for payment, text in self.payments.items():
            yield f"{self.naming.value(payment)}: {text}", None
        for text in self.refunds:
            yield text, None

    def _told(self) -> Iterable[tuple[str, int | None]]:
        for actor, answers in self.told.items():
            yield f"{actor}: {'; '.join(answers)}", self._lane(actor)


def telling_columns(exchanges: Iterable[Exchange]) -> dict[str, list[str]]:
    """Return by table the columns that somebody changes and whose value is not always the same.

    What is called a status or a state comes first.
    """
    values: dict[tuple[str, str], set[str | None]] = {}
    updated: dict[tuple[str, str], None] = {}
    for exchange in exchanges:
        for change in exchange.rows:
            for column, value in change.values.items():
                if change.did is not Did.INSERT:
                    values.setdefault((change.row.table, column), set()).add(value)
                if change.did is Did.UPDATE:
                    updated[change.row.table, column] = None
    telling: dict[str, list[str]] = {}
    for table, column in updated:
        if len(values[table, column]) > 1:
            telling.setdefault(table, []).append(column)
    for columns in telling.values():
        columns.sort(key=lambda column: not any(word in column for word in _TELLING))
    return telling


__all__ = ["Seen", "State", "Written", "telling_columns"]
