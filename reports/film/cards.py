"""Makes the pieces of a card from what happened in a step."""

from __future__ import annotations

from collections.abc import Iterator

from paidonce.harness.explore.witness.narrative import Asked, Exchange, Moment, Reply, Wait
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.history import Effect, Outcome
from paidonce.reports.film.naming import Naming
from paidonce.reports.film.state import State
from paidonce.reports.film.types import Icon, Piece
from paidonce.reports.film.words import sql_words
from paidonce.reports.order.phrases import answer_words, call_words, request_words
from paidonce.reports.order.story import OrderStory

_CODE, _RESULT = 230, 170


class Pieces:
    """Makes pieces, and keeps ``state`` in step with what they tell."""

    def __init__(self, story: OrderStory, naming: Naming, state: State) -> None:
        self._story, self._naming, self._state = story, naming, state
        self._calls = {call.effect.seq: call for call in story.calls}
        self._operations = {o.invoked.op: o for o in story.operations}

    def of(self, moment: Moment) -> Iterator[Piece]:
        """Yield the pieces of one step of the witness, in order."""
        actor, step = moment.step.actor, moment.step.number
        for act in moment.acts:
            match act:
                case Asked():
                    yield self._asked(act)
                case Reply():
                    yield self._told(actor, act)
                case Exchange(answered=True):
                    yield self._answered(actor, step, act)
                case Exchange():
                    yield self._sent(act)
        if wrong := words.mishap(moment.step):
            yield Piece(icon=Icon.FAULT, text=wrong, bad=True)
        yield from self._rest(moment)

    def call(self, effect: Effect) -> Piece:
        """Return the piece of a whole call to Stripe."""
        return self._stripe(Exchange(event=effect, sent=True, answered=True))

    # --- the client -------------------------------------------------------------------------

    def _asked(self, act: Asked) -> Piece:
        operation = self._operations.get(act.event.op)
        if operation is None:
            text = words.asked(act.event)
        else:
            text = request_words(self._story, operation)
        return Piece(icon=Icon.CLIENT, text=self._naming.text(text))

    def _told(self, actor: str, reply: Reply) -> Piece:
        self._state.answered(actor, reply.event)
        operation = self._operations.get(reply.event.op)
        if operation is None:
            text = words.told(reply.event)
        else:
            text = answer_words(self._story, operation)
        bad = reply.event.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
        return Piece(icon=Icon.TOLD, text=self._naming.text(text), bad=bad)

    # --- units ------------------------------------------------------------------------------

    def _sent(self, exchange: Exchange) -> Piece:
        """Return the piece of a unit that is not answered yet."""
        effect = exchange.event
        text = f"sends {_kind(effect)}"
        if effect.tap == "postgres" and not exchange.failed:
            text += f" that {sql_words(exchange, self._state, self._naming)}"
        return self._piece(exchange, text)

    def _answered(self, actor: str, step: int, exchange: Exchange) -> Piece:
        """Return the piece of a unit that was answered, perhaps sent in an earlier step."""
        match exchange.event.tap:
            case "stripe":
                return self._stripe(exchange)
            case "postgres":
                return self._sql(actor, step, exchange)
            case tap:
                return self._piece(exchange, f"asks {tap}", result=self._result(exchange))

    def _stripe(self, exchange: Exchange) -> Piece:
        effect = exchange.event
        self._state.stripe(effect)
        call = self._calls.get(effect.seq)
        text = effect.label if call is None else call_words(self._story, call, None)
        status = (effect.answer or {}).get("status")
        bad = isinstance(status, int) and status >= 400
        return self._piece(exchange, text, code=True, result=self._result(exchange), bad=bad)

    def _sql(self, actor: str, step: int, exchange: Exchange) -> Piece:
        self._state.sql(actor, exchange, step)
        text = sql_words(exchange, self._state, self._naming)
        if not exchange.sent:
            failed = exchange.failed
            text = f"its statement {text}" if failed else "its statement goes through at last"
        says_nothing = exchange.only_ends_or_begins and not exchange.failed
        result = "" if says_nothing else self._result(exchange)
        return self._piece(exchange, text, result=result, bad=exchange.failed)

    def _rest(self, moment: Moment) -> Iterator[Piece]:
        """Yield what the step did to locks and to those that wait."""
        actor = moment.step.actor
        self._state.stepped(moment)
        if moment.wait is not None:
            yield Piece(icon=Icon.WAIT, text=_waits(moment.wait))
        for lock in moment.released:
            who = "" if lock.actor == actor else f"{lock.actor} "
            yield Piece(icon=Icon.FREE, text=f"{who}lets go of {lock.what}")
        for name in moment.step.woken:
            yield Piece(icon=Icon.FREE, text=f"{name} need not wait any longer")
        for lock in moment.gained:
            who = "" if lock.actor == actor else f"{lock.actor} "
            yield Piece(icon=Icon.LOCK, text=f"{who}now holds {lock.what}")

    def _piece(
        self,
        exchange: Exchange,
        text: str,
        *,
        code: bool | None = None,
        result: str = "",
        bad: bool = False,
    ) -> Piece:
        """Return the piece of ``exchange``; what was sent is shown where it was sent, or always
        with ``code``."""
        full = words.request_of(exchange)
        shown = words.clipped(self._naming.text(words.gist_of(exchange)), _CODE)
        coded = exchange.sent if code is None else code
        return Piece(
            icon=_icon(exchange.event),
            text=text,
            code=shown if coded else "",
            full=full if coded and full != shown else "",
            result=result,
            bad=bad,
        )

    def _result(self, exchange: Exchange) -> str:
        return words.clipped(self._naming.text(words.answer(exchange.event)), _RESULT)


def _waits(wait: Wait) -> str:
    if wait.on:
        hold = "holds" if len(wait.on) == 1 else "hold"
        return f"has to wait: {' and '.join(wait.on)} {hold} {wait.what}"
    return f"has to wait for {words.waited_for(wait)}" if wait.for_a_lock else words.waits(wait)


def _icon(effect: Effect) -> Icon:
    return {"postgres": Icon.SQL, "replica": Icon.SQL, "stripe": Icon.STRIPE}.get(
        effect.tap, Icon.REDIS
    )


def _kind(effect: Effect) -> str:
    words = {"postgres": "a statement", "replica": "a statement", "stripe": "a call to Stripe"}
    return words.get(effect.tap, "a command")
