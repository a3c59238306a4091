"""Makes the pieces of a card from what happened in a step."""

from __future__ import annotations

from collections.abc import Iterator

from paidonce.harness.explore.witness.narrative import wording as told
from paidonce.harness.explore.witness.narrative.narrate import Happening, Kind, Moment
from paidonce.harness.explore.witness.narrative.row_access import Did, changes
from paidonce.harness.history import Completed, Effect, Invoked, Outcome
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.state import State
from paidonce.reports.film.types import Icon, Piece
from paidonce.reports.film.words import sql_words
from paidonce.reports.order.phrases import answer_words, call_words, request_words
from paidonce.reports.order.story import Story

# Parameters of calls that say nothing of a race.
_USUAL = ("currency", "error_on_requires_action")
_CODE, _RESULT = 230, 170


class Pieces:
    """Makes pieces, and keeps ``state`` in step with what they tell."""

    def __init__(self, story: Story, naming: Naming, state: State) -> None:
        self._story, self._naming, self._state = story, naming, state
        self._calls = {call.effect.seq: call for call in story.calls}
        self._operations = {o.invoked.op: o for o in story.operations}

    def of(self, moment: Moment) -> Iterator[Piece]:
        """The pieces of one step of the witness, in order."""
        actor, step = moment.step.actor, moment.step.number
        happened = list(moment.happened)
        for place, happening in enumerate(happened):
            later = happened[place + 1 :]
            together = any(h.event is happening.event for h in later)
            if happening.kind is Kind.SENT and isinstance(happening.event, Effect):
                yield from self._sent(actor, step, happening.event, answered=together)
            elif happening.kind is Kind.ANSWERED:
                if not any(h.event is happening.event for h in happened[:place]):
                    yield from self._late(actor, step, happening)
            else:
                yield from self.said(actor, happening)
        yield from self._rest(moment)

    def said(self, actor: str, happening: Happening) -> Iterator[Piece]:
        """A client asks, or is told."""
        event = happening.event
        if isinstance(event, Effect):
            return
        operation = self._operations.get(event.op)
        if isinstance(event, Invoked):
            words = told.asked(event) if operation is None else None
            text = words or request_words(self._story, operation) if operation else words
            yield Piece(icon=Icon.CLIENT, text=self._naming.text(text or ""))
        elif isinstance(event, Completed):
            self._state.answered(actor, event)
            text = told.told(event) if operation is None else answer_words(self._story, operation)
            bad = event.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
            yield Piece(icon=Icon.TOLD, text=self._naming.text(text), bad=bad)

    def call(self, effect: Effect) -> Piece:
        """A whole call to Stripe."""
        self._state.stripe(effect)
        call = self._calls.get(effect.seq)
        text = effect.label if call is None else call_words(self._story, call, None)
        status = (effect.answer or {}).get("status")
        bad = isinstance(status, int) and status >= 400
        return self._piece(effect, text, code=True, result=self._result(effect), bad=bad)

    # --- units ------------------------------------------------------------------------------

    def _sent(self, actor: str, step: int, effect: Effect, *, answered: bool) -> Iterator[Piece]:
        if not answered:
            text = f"sends {_kind(effect)}"
            if effect.tap == "postgres":
                words = sql_words(effect, changes(effect), self._state, self._naming)
                text += "" if (effect.answer or {}).get("error") else f" that {words}"
            yield self._piece(effect, text, code=True)
            return
        yield from self._answered(actor, step, effect, code=True)

    def _late(self, actor: str, step: int, happening: Happening) -> Iterator[Piece]:
        """The answer to what was sent in an earlier step."""
        if isinstance(happening.event, Effect):
            yield from self._answered(actor, step, happening.event, code=False)

    def _answered(self, actor: str, step: int, effect: Effect, *, code: bool) -> Iterator[Piece]:
        if effect.tap == "stripe":
            yield self.call(effect)
            return
        result = self._result(effect)
        if effect.tap != "postgres":
            yield self._piece(effect, f"asks {effect.tap}", code=code, result=result)
            return
        found = self._state.sql(actor, effect, step)
        words = sql_words(effect, found, self._state, self._naming)
        if not code:
            failed = (effect.answer or {}).get("error")
            words = f"its statement {words}" if failed else "its statement goes through at last"
        if {change.did for change in found} <= {Did.BEGIN, Did.COMMIT, Did.ROLLBACK} and found:
            result = "" if not (effect.answer or {}).get("error") else result
        bad = bool((effect.answer or {}).get("error"))
        yield self._piece(effect, words, code=code, result=result, bad=bad)

    def _rest(self, moment: Moment) -> Iterator[Piece]:
        """What the step did to locks and to those that wait."""
        step = moment.step
        got, gone = self._state.stepped(step)
        if step.blocked:
            waiting = next((w for w in step.waits if w.actor == step.actor), None)
            if waiting is not None:
                text = f"has to wait: {_listed(list(waiting.on))} holds {waiting.what}"
            elif moment.wait is not None and moment.wait.for_a_lock:
                text = "has to wait for a lock in Postgres"
            else:
                text = "waits inside the service"
            yield Piece(icon=Icon.WAIT, text=text)
        for actor, what in gone:
            who = "" if actor == step.actor else f"{actor} "
            yield Piece(icon=Icon.FREE, text=f"{who}lets go of {what}")
        for name in step.woken:
            yield Piece(icon=Icon.FREE, text=f"{name} need not wait any longer")
        for actor, what in got:
            who = "" if actor == step.actor else f"{actor} "
            yield Piece(icon=Icon.LOCK, text=f"{who}now holds {what}")

    def _piece(
        self, effect: Effect, text: str, *, code: bool, result: str = "", bad: bool = False
    ) -> Piece:
        full = told.request(effect.tap, effect.label, effect.request)
        gist = _call(effect) if effect.tap == "stripe" else told.gist(full)
        shown = told.clipped(self._naming.text(gist), _CODE)
        return Piece(
            icon=_icon(effect),
            text=text,
            code=shown if code else "",
            full=full if code and full != shown else "",
            result=result,
            bad=bad,
        )

    def _result(self, effect: Effect) -> str:
        return told.clipped(self._naming.text(told.answer(effect)), _RESULT)


def _call(effect: Effect) -> str:
    """A call with the parameters that matter to a reader; the others are in the whole of it."""
    asked = effect.request
    params = {k: v for k, v in (asked.get("params") or {}).items() if "[" not in k}
    words = [f"{asked.get('method', '')} {asked.get('path', '')}".strip()]
    words += [f"{k}={v}" for k, v in params.items() if k not in _USUAL]
    if asked.get("idempotency_key"):
        words.append(f"Idempotency-Key={asked['idempotency_key']}")
    return " ".join(words)


def _icon(effect: Effect) -> Icon:
    return {"postgres": Icon.SQL, "stripe": Icon.STRIPE}.get(effect.tap, Icon.REDIS)


def _kind(effect: Effect) -> str:
    return {"postgres": "a statement", "stripe": "a call to Stripe"}.get(effect.tap, "a command")


def _listed(names: list[str]) -> str:
    return " and ".join(names)
