"""One client of a scenario: sends its attempt's steps and writes down what it was told."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.capability import Capability
from paidonce.harness.history import (
    Action,
    Completed,
    Invoked,
    Note,
    OrderCreated,
    Outcome,
    Recorder,
)
from paidonce.harness.http.client import Answer, NoAnswer, Request, Wire
from paidonce.harness.scenario.browser import Browser
from paidonce.harness.scenario.model import GOOD_CARD, Step
from paidonce.harness.scenario.news import SUCCEEDED, News, event_id
from paidonce.harness.service.description import request_for
from paidonce.harness.service.responses import completion
from paidonce.harness.service.script import ClientState, LookedUp, Surroundings
from paidonce.harness.service.webhooks import delivery, event, made_up_intent
from paidonce.harness.taps.faults import TimePasses
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside

CLIENT_TIMEOUT_S = 30.0
_REDELIVERIES = 100
_REDELIVER_AFTER_S = 0.05
_PAST_THE_SERVICE = frozenset({Action.CONFIRM_IN_BROWSER, Action.PAY_ON_PAGE, Action.WAIT})


@dataclass
class Cast:
    """The state that all attempts of one run share."""

    bench: Bench
    journal: Recorder
    run_id: str
    ops: Iterator[int] = field(default_factory=itertools.count)
    late: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass
class OrderContext:
    """An order and what its clients have learnt about it so far."""

    order: str
    amount: int
    currency: str
    payment_id: str | None = None
    checkout_id: str | None = None
    page: str = ""
    """The URL of the page of its Checkout Session."""

    def created(self, t: int) -> OrderCreated:
        """The event that says that the order came into being."""
        return OrderCreated(t=t, order=self.order, amount=self.amount, currency=self.currency)


class Actor:
    """Plays one attempt on one order."""

    def __init__(
        self,
        cast: Cast,
        name: str,
        context: OrderContext,
        stage: Surroundings | None,
        wire: Wire | None = None,
    ) -> None:
        self._cast = cast
        self._name = name
        self._context = context
        self._stage = stage
        self._payment_id = context.payment_id
        self._checkout_id = context.checkout_id
        self._page = context.page
        self._wire = wire or Wire(cast.bench.service_url)
        self._listening = False
        self._last: Prepared | None = None
        """The request it sent last."""
        self._fresh = 0
        self._events: dict[str, bytes] = {}
        """The events it has delivered, by id: an event stays as it was when it was raised."""

    async def warm(self) -> None:
        """Have a used connection to the service at hand. Raises ``NoAnswer``."""
        await self._wire.warm(self._cast.bench.target.ready_path)

    async def prepare(self, step: Step, *, ahead: bool = True) -> Prepared:
        """Make a step ready to go: of a service request all but its last byte is sent ``ahead``."""
        return await self._ready(step, self._args(step), self._key(step), ahead=ahead)

    async def _ready(
        self, step: Step, args: dict[str, Any], key: str | None, *, ahead: bool
    ) -> Prepared:
        if step.action in _PAST_THE_SERVICE:
            return Prepared(step, key, None, args)
        if step.action is Action.WEBHOOK:
            event = self._events.get(args["event_id"]) or await self._event(step, args)
            self._events[args["event_id"]] = event
            request = delivery(self._cast.bench.target, event, self._cast.bench.webhook_secret)
        else:
            request = request_for(
                self._cast.bench.target, step.action, self._context.order, args, key
            )
        prepared = Prepared(step, key, request, args)
        await self._wire.prepare(request, ahead=ahead)
        return prepared

    def send(self, prepared: Prepared) -> int:
        """Release what was held back; from here on the operation may take effect."""
        op = next(self._cast.ops)
        self._last = prepared
        journal = self._cast.journal
        journal.record(
            Invoked(
                t=journal.now(),
                op=op,
                attempt=self._name,
                action=prepared.step.action,
                order=self._context.order,
                key=prepared.key,
                args=prepared.args,
            )
        )
        if prepared.request is not None:
            self._wire.release()
        return op

    async def finish(self, prepared: Prepared, op: int) -> Completed:
        """Wait for the answer to ``op``, for as long as its client is willing to."""
        if prepared.request is None:
            completed = await self._past_the_service(op, prepared)
        else:
            completed = await self._answer(op, prepared.step)
        self._cast.journal.record(completed)
        if completed.outcome is Outcome.OK:
            self._learn(completed.value)
        return completed

    def _learn(self, value: Mapping[str, Any]) -> None:
        if value.get("payment_id"):
            self._payment_id = self._context.payment_id = value["payment_id"]
        if value.get("checkout_id"):
            self._checkout_id = self._context.checkout_id = value["checkout_id"]
            self._page = self._context.page = str(value.get("page"))

    async def step(self, step: Step, prepared: Prepared | None = None) -> Completed:
        """Do one step from beginning to end, redelivering it after a 409 if it is a webhook.

        ``prepared``: the step's request, where it was made ready before.
        """
        deliveries = _REDELIVERIES if step.redelivered else 1
        if step.redelivered and self._stage is not None:
            self._stage.delivers(self._name)
        for remaining in reversed(range(deliveries)):
            ready = prepared or await self.prepare(step, ahead=False)
            prepared = None
            completed = await self.finish(ready, self.send(ready))
            conflict = completed.outcome is Outcome.REJECTED and completed.status == 409
            if not conflict or not remaining:
                break
            if self._stage is None:
                await asyncio.sleep(_REDELIVER_AFTER_S)  # nobody to wait for: Stripe's own pace
            else:
                await self._stage.park(self._name, _REDELIVER_AFTER_S)
        return completed

    async def again(self) -> Completed:
        """Ask once more for what it asked last, under the same key, with nobody else about."""
        last = self._last
        assert last is not None, "nothing was asked for yet"
        self._stage = None
        ready = await self._ready(last.step, last.args, last.key, ahead=False)
        return await self.finish(ready, self.send(ready))

    async def alone(self, step: Step) -> Completed:
        """Do a step once, with nobody else about."""
        self._stage = None
        ready = await self.prepare(step, ahead=False)
        return await self.finish(ready, self.send(ready))

    def through(self) -> None:
        """Tell that the attempt is, or that the service still owes an answer its client no longer
        waits for."""
        if self._stage is not None:
            progress = ClientState.ABANDONED if self._listening else ClientState.DONE
            self._stage.tell(self._name, progress)

    async def close(self) -> None:
        """Close this client's connection."""
        await self._wire.close()

    # --- the parts ----------------------------------------------------------------------

    def _key(self, step: Step) -> str | None:
        if step.key is None:
            return None
        if step.key == "{fresh}":
            self._fresh += 1
            return f"{self._cast.run_id}-{self._name}-{self._fresh}".replace(" ", "-")
        return f"{self._cast.run_id}-{step.key}"

    def _args(self, step: Step) -> dict[str, Any]:
        args = dict(step.args)
        if step.action in (Action.WEBHOOK, Action.CONFIRM_IN_BROWSER):
            args.setdefault("payment_id", self._payment_id)
        if step.action in (Action.WEBHOOK, Action.PAY_ON_PAGE, Action.COME_BACK):
            args.setdefault("checkout_id", self._checkout_id)
        if step.action is Action.WEBHOOK:
            args.setdefault("event", SUCCEEDED)
            args.setdefault("event_id", event_id(args))
        if step.action in (Action.CONFIRM_IN_BROWSER, Action.PAY_ON_PAGE):
            args.setdefault("payment_method", GOOD_CARD)
        return {name: value for name, value in args.items() if value is not None}

    async def may_begin(self, step: Step) -> bool:
        """Return whether the event that a step delivers has been raised; of others none is."""
        if not step.raised:
            return True
        news = News(self._cast.bench.stripe, lambda seen: None)
        return await news.raised(self._args(step)) is not None

    async def _event(self, step: Step, args: dict[str, Any]) -> bytes:
        bench = self._cast.bench
        if step.raised:
            raised = await News(bench.stripe, self._looked).raised(args)
            assert raised is not None, "who delivers what Stripe raises begins once it is there"
            return raised
        if Capability.STRIPE_LEDGER in bench.capabilities:
            news = News(bench.stripe, self._looked)
            return await news.event(args)
        intent = made_up_intent(
            str(args["payment_id"]),
            order_key=bench.target.stripe_order_key,
            order=self._context.order,
            amount=self._context.amount,
            currency=self._context.currency,
        )
        return event(SUCCEEDED, args["event_id"], intent, int(time.time()))

    def _looked(self, seen: LookedUp) -> None:
        if self._stage is not None:
            self._stage.looked(self._name, seen)

    async def _past_the_service(self, op: int, prepared: Prepared) -> Completed:
        journal, args = self._cast.journal, prepared.args
        if prepared.step.action is Action.WAIT:
            await Outside(self._cast.bench).happen(TimePasses(args["seconds"]), journal)
            return Completed(t=journal.now(), op=op, outcome=Outcome.OK)
        browser = Browser(self._cast.bench.browser, journal, CLIENT_TIMEOUT_S)
        if prepared.step.action is Action.PAY_ON_PAGE:
            return await browser.pay_on_page(op, self._page, args)
        return await browser.confirm(op, args)

    async def _answer(self, op: int, step: Step) -> Completed:
        limit = step.timeout_s or CLIENT_TIMEOUT_S
        pending = asyncio.ensure_future(self._wire.receive())
        try:
            async with asyncio.timeout(limit):
                answer = await asyncio.shield(pending)
        except asyncio.CancelledError:
            # The run is over; what else the connection has to say is nobody's business.
            pending.cancel()
            pending.add_done_callback(_unheard)
            raise
        except TimeoutError:
            self._listen_on(op, pending)
            return self._unknown(op, f"no answer within {limit:g} s")
        except NoAnswer as error:
            return self._unknown(op, str(error))
        return self._completed(op, step.action, answer)

    def _listen_on(self, op: int, pending: asyncio.Future[Answer]) -> None:
        """Keep listening for a client that has given up, to know when the service is through."""
        wire, self._wire = self._wire, Wire(self._cast.bench.service_url)
        self._listening = True
        journal = self._cast.journal

        async def listen() -> None:
            try:
                answer = await pending
                text = f"operation {op} was answered {answer.status} after its client had given up"
            except NoAnswer as error:
                text = f"operation {op} was never answered: {error}"
            journal.record(Note(t=journal.now(), text=text))
            await wire.close()
            self._listening = False
            if self._stage is not None:
                self._stage.tell(self._name, ClientState.DONE)

        task = asyncio.ensure_future(listen())
        self._cast.late.add(task)
        task.add_done_callback(self._cast.late.discard)

    def _completed(self, op: int, action: Action, answer: Answer) -> Completed:
        return completion(
            self._cast.bench.target,
            t=self._cast.journal.now(),
            op=op,
            action=action,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
        )

    def _unknown(self, op: int, error: str) -> Completed:
        return Completed(t=self._cast.journal.now(), op=op, outcome=Outcome.UNKNOWN, error=error)


def _unheard(answer: asyncio.Future[Answer]) -> None:
    """Take note of how a wait for an answer ended, so that nobody is told it went unnoticed."""
    if not answer.cancelled():
        answer.exception()


@dataclass(frozen=True)
class Prepared:
    """A step ready to be released; ``request`` is None for what goes past the service."""

    step: Step
    key: str | None
    request: Request | None
    args: dict[str, Any]
