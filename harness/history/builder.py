"""Writes a history by hand, a line an event: for tests, demonstrations and teaching.

    h = HistoryBuilder()
    h.order("o1", 5000)
    first, second = h.pay("tab 1"), h.pay("tab 2")      # two invocations, now concurrent
    first.ok(payment_id="pi_1")
    second.rejected("order_already_paid")
    h.observed("o1", "paid", payment_id="pi_1")
    history = h.build()

Every event is one millisecond after the last; ``wait`` lets more time pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paidonce.harness.history.events import (
    Action,
    ChargeObserved,
    Completed,
    Effect,
    Ended,
    Event,
    Fault,
    Header,
    IntentObserved,
    Invoked,
    Note,
    OrderCreated,
    OrderObserved,
    Outcome,
    Recovered,
    Recovering,
)
from paidonce.harness.history.history import History
from paidonce.harness.history.lines import as_lines

MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation that was invoked; say what became of it, or nothing if no answer came."""

    builder: HistoryBuilder
    op: int

    def ok(self, *, replayed: bool = False, status: int = 200, **value: Any) -> None:
        """The client was told that it happened; ``value`` is what else it was told."""
        self._complete(Outcome.OK, status=status, value=value, replayed=replayed)

    def rejected(self, code: str | None, *, status: int = 409, replayed: bool = False) -> None:
        """The client was told, cleanly, that it did not happen."""
        self._complete(Outcome.REJECTED, status=status, code=code, replayed=replayed)

    def declined(self) -> None:
        """The card was declined (402)."""
        self.rejected("card_declined", status=402)

    def failed(self, status: int = 500, code: str | None = None) -> None:
        """The client was told of a failure."""
        self._complete(Outcome.FAILED, status=status, code=code)

    def unknown(self, error: str = "timed out") -> None:
        """The client gave up waiting."""
        self._complete(Outcome.UNKNOWN, error=error)

    def _complete(self, outcome: Outcome, **fields: Any) -> None:
        self.builder.add(Completed(t=self.builder.tick(), op=self.op, outcome=outcome, **fields))


class HistoryBuilder:
    """Collects events in order; ``order`` of an operation defaults to the last one created."""

    def __init__(
        self,
        *,
        capabilities: Iterable[str] = (),
        checkers: Iterable[str] = (),
        settings: Mapping[str, str] | None = None,
        currency: str = "usd",
    ) -> None:
        self.currency = currency
        self._now = 0
        self._operations = 0
        self._sequence = 0
        self._order = ""
        self._amounts: dict[str, int] = {}
        self._events: list[Event] = [
            Header(
                run="by-hand",
                scenario="by-hand",
                target="none",
                capabilities=tuple(str(capability) for capability in capabilities),
                checkers=tuple(checkers),
                settings=dict(settings or {}),
            )
        ]

    def add(self, event: Event) -> int:
        """Append an event as it is and give its position."""
        self._events.append(event)
        return len(self._events) - 1

    def tick(self) -> int:
        """The next moment, in nanoseconds."""
        self._now += MILLISECOND
        return self._now

    def wait(self, milliseconds: int) -> None:
        """Let time pass before the next event."""
        self._now += milliseconds * MILLISECOND

    def order(self, order: str, amount: int = 5000) -> None:
        """An unpaid order comes into being."""
        self._order = order
        self._amounts[order] = amount
        self.add(OrderCreated(t=self.tick(), order=order, amount=amount, currency=self.currency))

    def invoke(
        self,
        action: Action,
        attempt: str = "tab 1",
        *,
        order: str | None = None,
        key: str | None = None,
        **args: Any,
    ) -> Pending:
        """A client sends a request; what becomes of it is said on the result."""
        self._operations += 1
        self.add(
            Invoked(
                t=self.tick(),
                op=self._operations,
                attempt=attempt,
                action=action,
                order=self._order if order is None else order,
                key=key,
                args=args,
            )
        )
        return Pending(self, self._operations)

    def pay(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to pay. As of all that follow, ``more`` is as in ``invoke``."""
        return self.invoke(Action.PAY, attempt, **more)

    def create_intent(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to make a payment intent."""
        return self.invoke(Action.CREATE_INTENT, attempt, **more)

    def cancel(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to cancel the order."""
        return self.invoke(Action.CANCEL, attempt, **more)

    def refund(self, amount: int | None, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to refund ``amount`` in minor units; None asks for all that is left."""
        if amount is not None:
            more["amount"] = amount
        return self.invoke(Action.REFUND, attempt, **more)

    def change_amount(self, amount: int, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to change what the order costs, in minor units."""
        return self.invoke(Action.CHANGE_AMOUNT, attempt, amount=amount, **more)

    def read(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to read the order."""
        return self.invoke(Action.READ, attempt, **more)

    def webhook(
        self, payment_id: str, event: str = "payment_intent.succeeded", **more: Any
    ) -> Pending:
        """Begin to deliver Stripe's event about a payment intent."""
        return self.invoke(Action.WEBHOOK, "stripe", event=event, payment_id=payment_id, **more)

    def confirm_in_browser(self, payment_id: str, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to confirm a payment intent at Stripe, past the service."""
        return self.invoke(Action.CONFIRM_IN_BROWSER, attempt, payment_id=payment_id, **more)

    def checkout(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to open a Checkout Session."""
        return self.invoke(Action.CHECKOUT, attempt, **more)

    def pay_on_page(self, checkout_id: str, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to pay on the page of a Checkout Session, past the service."""
        return self.invoke(Action.PAY_ON_PAGE, attempt, checkout_id=checkout_id, **more)

    def come_back(self, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to come back from that page to the service's."""
        return self.invoke(Action.COME_BACK, attempt, **more)

    def redeem(self, code: str, most: int, attempt: str = "tab 1", **more: Any) -> Pending:
        """Begin to use a coupon that is for ``most`` orders."""
        return self.invoke(Action.REDEEM, attempt, code=code, most=most, **more)

    def effect(
        self,
        label: str,
        *,
        tap: str = "stripe",
        order: str | None = None,
        attempt: str | None = None,
        key: str | None = None,
        path: str = "",
        params: Mapping[str, str] | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> int:
        """One unit crosses a tap; gives its ``seq``. No ``answer`` means that none came."""
        self._sequence += 1
        began = self.tick()
        request = {
            "method": "POST",
            "path": path,
            "params": dict(params or {}),
            "idempotency_key": key,
        }
        self.add(
            Effect(
                t=self.tick(),
                tap=tap,
                seq=self._sequence,
                label=label,
                began=began,
                attempt=attempt,
                order=order,
                request=request,
                answer=dict(answer) if answer is not None else None,
            )
        )
        return self._sequence

    def fault(self, kind: str, *, tap: str = "stripe", seq: int | None = None) -> None:
        """Something the harness did to the tap's call number ``seq``, or to the tap."""
        self.add(Fault(t=self.tick(), tap=tap, kind=kind, detail=kind, seq=seq))

    def observed(
        self,
        order: str,
        payment_status: str,
        *,
        payment_id: str | None = None,
        amount: int | None = None,
        refunded: int = 0,
        handed_out: tuple[str, ...] | None = None,
    ) -> None:
        """The order as the service shows it at rest; the amount defaults to the first one."""
        self.add(
            OrderObserved(
                t=self.tick(),
                order=order,
                payment_status=payment_status,
                payment_id=payment_id,
                amount=self._amounts.get(order, 0) if amount is None else amount,
                currency=self.currency,
                refunded_amount=refunded,
                handed_out=handed_out,
            )
        )

    def intent(
        self, intent: str, order: str | None, *, status: str = "succeeded", amount: int = 5000
    ) -> None:
        """A payment intent as Stripe lists it."""
        received = amount if status == "succeeded" else 0
        self.add(
            IntentObserved(
                t=self.tick(),
                id=intent,
                order=order,
                status=status,
                amount=amount,
                amount_received=received,
                currency=self.currency,
            )
        )

    def charge(
        self,
        charge: str,
        intent: str | None,
        order: str | None,
        *,
        status: str = "succeeded",
        amount: int = 5000,
        refunded: int = 0,
        currency: str | None = None,
    ) -> None:
        """A charge as Stripe lists it."""
        self.add(
            ChargeObserved(
                t=self.tick(),
                id=charge,
                intent=intent,
                order=order,
                status=status,
                amount=amount,
                amount_refunded=refunded,
                currency=currency or self.currency,
            )
        )

    def recovered(
        self,
        rounds: int = 1,
        *,
        changing: Iterable[str] = (),
        owed: Iterable[str] = (),
        undelivered: Iterable[str] = (),
    ) -> None:
        """Recovery is over; it came to rest unless the last round was still ``changing`` things."""
        self.add(
            Recovered(
                t=self.tick(),
                rounds=rounds,
                rested=not changing,
                changing=tuple(changing),
                owed=tuple(owed),
                undelivered=tuple(undelivered),
            )
        )

    def recovering(self, round: int = 1) -> None:
        """Nothing goes wrong any more, and a round of recovery begins."""
        self.add(Recovering(t=self.tick(), round=round))

    def paid_at_stripe(self, order: str, *, amount: int = 5000, refunded: int = 0) -> None:
        """The usual end: one intent ``pi_1`` that succeeded, with its one charge ``ch_1``."""
        self.intent("pi_1", order, amount=amount)
        self.charge("ch_1", "pi_1", order, amount=amount, refunded=refunded)

    def note(self, text: str) -> None:
        """A remark of the recorder's."""
        self.add(Note(t=self.tick(), text=text))

    def build(self, *, cut: bool = False) -> History:
        """The history so far; ``cut`` leaves it without its end, as if the recorder had died."""
        end: tuple[Event, ...] = () if cut else (Ended(t=self._now + MILLISECOND),)
        return History((*self._events, *end))

    def save(self, path: Path, *, cut: bool = False) -> Path:
        """Write the history to ``path`` in the file format that ``read_history`` reads."""
        path.write_bytes(as_lines(self.build(cut=cut).events))
        return path
