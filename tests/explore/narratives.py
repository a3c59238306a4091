"""Counterexamples made by hand: a witness and the history that goes with it."""

from __future__ import annotations

from paidonce.harness.explore.witness.file import Witness, WitnessStep
from paidonce.harness.explore.witness.narrative import Narrative, narrate
from paidonce.harness.history import (
    Action,
    Completed,
    Effect,
    Ended,
    Event,
    Header,
    History,
    Invoked,
    OrderCreated,
    Outcome,
)
from paidonce.harness.verdict import Broken, Status

BOTH = ("tab 1", "tab 2")


class Recorded:
    """Collects a history's events; every one a millisecond after the last."""

    def __init__(self) -> None:
        self._t = 0
        self._seq = 0
        self.events: list[Event] = [Header(run="r", scenario="two_tabs", target="reference")]

    def now(self) -> int:
        self._t += 1_000_000
        return self._t

    def order(self, order="o-1"):
        self.events.append(OrderCreated(t=self.now(), order=order, amount=4990, currency="usd"))

    def asks(self, op, attempt, action=Action.PAY, **more):
        self.events.append(
            Invoked(t=self.now(), op=op, attempt=attempt, action=action, order="o-1", **more)
        )

    def told(self, op, outcome=Outcome.OK, **more):
        self.events.append(Completed(t=self.now(), op=op, outcome=outcome, **more))

    def sql(
        self,
        attempt,
        label,
        *texts,
        params=(),
        nulls=(),
        session=1,
        tags=("DONE",),
        after="I",
        **answer,
    ):
        """One unit: ``texts`` default to the label; ``params`` are those of the first."""
        texts = texts or (label,)
        asked = {
            "session": session,
            "pid": 100 + session,
            "status": "I",
            "sql": list(texts),
            "params": [list(params), *([] for _ in texts[1:])],
        }
        if nulls:
            asked["nulls"] = [list(nulls), *([] for _ in texts[1:])]
        told = {"tags": list(tags), "error": None, "rows": 0, "status": after, **answer}
        self._effect("postgres", label, attempt, asked, told)

    def stripe(self, attempt, label="payment_intent.create", **answer):
        asked = {
            "method": "POST",
            "path": "/v1/payment_intents",
            "params": {"amount": "4990"},
            "idempotency_key": f"key-{attempt}",
        }
        self._effect("stripe", label, attempt, asked, {"status": 200, "id": "pi_1", **answer})

    def redis(self, attempt, label="SET lock ?"):
        self._effect("redis", label, attempt, {}, {"reply": "OK"})

    def lost(self, attempt, tap, label):
        self._effect(tap, label, attempt, {}, None)

    def _effect(self, tap, label, attempt, request, answer):
        self._seq += 1
        began = self.now()
        self.events.append(
            Effect(
                t=self.now(),
                tap=tap,
                seq=self._seq,
                label=label,
                began=began,
                attempt=attempt,
                request=request,
                answer=answer,
            )
        )

    @property
    def history(self) -> History:
        return History([*self.events, Ended(t=self.now())])


def witness(*steps: tuple, attempts=BOTH, broken=()) -> Witness:
    """Steps are (actor, label), (actor, label, "waits") or (actor, label, "wakes", name)."""
    made = []
    for number, (actor, label, *more) in enumerate(steps, start=1):
        made.append(
            WitnessStep(
                number=number,
                actor=actor,
                label=label,
                enabled=attempts,
                blocked=more[:1] == ["waits"],
                woken=tuple(more[1:]) if more[:1] == ["wakes"] else (),
            )
        )
    return Witness(
        target="reference",
        variant="none",
        scenario="two_tabs",
        attempts=attempts,
        status=Status.INVALID,
        broken=tuple(Broken(checker=checker, reason=reason) for checker, reason in broken),
        steps=tuple(made),
    )


def lock_story() -> Narrative:
    """tab 1 changes a row and calls Stripe; tab 2 has to wait for the row, and then pays too."""
    it = Recorded()
    it.order()
    it.asks(0, "tab 1", key="k-1")
    it.sql("tab 1", "BEGIN", after="T", tags=("BEGIN",))
    update = "UPDATE orders SET status = ? WHERE id = ?"
    text = "UPDATE orders SET status = $1 WHERE id = $2"
    it.sql("tab 1", update, text, params=("paid", "1"), after="T", tags=("UPDATE 1",))
    it.asks(1, "tab 2")
    it.sql("tab 2", "BEGIN", session=2, after="T", tags=("BEGIN",))
    it.stripe("tab 1", state="succeeded")
    it.sql("tab 1", "COMMIT", tags=("COMMIT",))
    it.told(0, status=200, value={"payment_id": "pi_1"})
    it.sql("tab 2", update, text, params=("paid", "1"), session=2, after="T", tags=("UPDATE 1",))
    it.sql("tab 2", "COMMIT", session=2, tags=("COMMIT",))
    it.told(1, Outcome.REJECTED, status=409, code="already_paid")
    found = witness(
        ("tab 1", "start"),
        ("tab 1", f"postgres {update}"),
        ("tab 2", "start"),
        ("tab 2", f"postgres {update}", "waits"),
        ("tab 1", "stripe payment_intent.create"),
        ("tab 1", "postgres COMMIT", "wakes", "tab 2"),
        ("tab 2", "answer"),
        ("tab 2", "postgres COMMIT"),
        broken=[("one-success", "order 1 was paid 2 times")],
    )
    return narrate(found, it.history)
