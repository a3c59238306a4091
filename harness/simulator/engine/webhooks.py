"""Sending events to webhook endpoints: signed, at least once, and as unkindly as is asked.

A delivery that is not answered with a 2xx is repeated with the same event id, as
https://docs.stripe.com/webhooks#retries describes. Stripe promises neither order nor that an
event comes once only; here both are kept until a test asks otherwise, so that a test decides what
it meets: duplicates, delays, shuffled windows, or every delivery held back to be released by hand
in the order wanted.

Each endpoint gets one delivery at a time, so that the order sent is the order received. Times are
those of the simulated clock.
"""

from __future__ import annotations

import asyncio
import heapq
import ipaddress
import itertools
import random
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from paidonce.harness.simulator.domain.objects import Event
from paidonce.harness.simulator.domain.state import Clock, World
from paidonce.harness.simulator.engine.signing import sign
from paidonce.harness.simulator.wire.latency import Distribution, Fixed

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 20.0
LOG_LENGTH = 10_000

_encoder = msgspec.json.Encoder()


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The faults of deliveries from now on.

    ``duplicate`` is the probability that a delivery comes twice. ``delay`` puts each one off, so
    that random ones overtake each other. What happens within ``shuffle_ms`` is sent together, in
    an order of chance. With ``hold``, nothing is sent until it is released.
    """

    duplicate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    delay: Distribution = Fixed()
    shuffle_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    hold: bool = False
    seed: int | None = None


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: when, and the status it was answered with or else why it was not."""

    at: float
    status: int | None = None
    error: str | None = None


class Delivery(msgspec.Struct, kw_only=True):
    """One event on its way to one endpoint. ``due`` is the time of the next attempt."""

    number: int
    event: str
    type: str
    endpoint: str
    url: str
    state: Literal["held", "due", "sending", "delivered", "failed", "withheld"]
    due: float
    attempts: list[DeliveryAttempt] = []


class Dispatcher:
    """Everything on its way to webhook endpoints, of one world at a time."""

    def __init__(
        self,
        clock: Clock,
        retry_seconds: Sequence[float],
        hosts: Sequence[str] = (),
        seed: int | None = None,
    ) -> None:
        self._clock = clock
        self._retry_seconds = tuple(retry_seconds)
        self._hosts = frozenset(hosts)
        self._seed = seed
        self._world: World | None = None
        self._client: httpx.AsyncClient | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._stopped = False
        self.behave(Behaviour())
        self._forget()

    def serve(self, world: World) -> None:
        """Deliver the events of this world; what was on its way from another is given up."""
        self._forget()
        self._world = world
        world.listeners.append(lambda event: self._happened(world, event))

    def behave(self, behaviour: Behaviour) -> None:
        """Deliver like this from now on, beginning the chances anew."""
        self.behaviour = behaviour
        seed = self._seed if behaviour.seed is None else behaviour.seed
        self._rng = random.Random(None if seed is None else f"webhooks {seed}")
        self._window_ends = 0.0

    def send(self, event: Event, endpoint: str | None = None) -> list[Delivery]:
        """Send an event again, or for the first time, to one endpoint or to all that want it."""
        assert self._world is not None
        sent = []
        for webhook_endpoint in self._world.webhook_endpoints:
            if self._world.wants(webhook_endpoint, event.type) and endpoint in (
                None,
                webhook_endpoint.id,
            ):
                sent.append(
                    self._add(event, webhook_endpoint.id, webhook_endpoint.url, self._clock())
                )
        self.wake()
        return sent

    def release(self, events: Sequence[str] | None) -> list[Delivery]:
        """Send what was held back: of these events, in this order, or all of it as it happened."""
        chosen = [
            delivery
            for wanted in ([None] if events is None else events)
            for delivery in self.deliveries
            if delivery.state == "held" and wanted in (None, delivery.event)
        ]
        now = self._clock()
        for delivery in chosen:
            self._enqueue(delivery, now, 0.0)
        self.wake()
        return chosen

    def wake(self) -> None:
        """Begin what is due, and see to it that the rest is begun when it is."""
        if self._stopped:
            return
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            delivery = heapq.heappop(self._heap)[-1]
            self._ready[delivery.endpoint].append(delivery)
            if delivery.endpoint not in self._workers:
                self._workers[delivery.endpoint] = asyncio.get_running_loop().create_task(
                    self._work(delivery.endpoint), name=f"webhooks to {delivery.url}"
                )
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            wait = min(86_400.0, max(0.0, self._heap[0][0] - now))
            self._timer = asyncio.get_running_loop().call_later(wait, self.wake)

    async def idle(self) -> None:
        """Wait until nothing is being sent or due; what is held or due later is not waited for."""
        self.wake()
        while self._workers:
            await asyncio.wait(list(self._workers.values()))

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for worker in self._workers.values():
            worker.cancel()

    async def close(self) -> None:
        """Let go of the connections; after ``stop``."""
        if self._workers:
            await asyncio.wait(list(self._workers.values()))
        if self._client is not None:
            await self._client.aclose()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.deliveries: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self._heap: list[tuple[float, float, int, Delivery]] = []
        self._ready: defaultdict[str, deque[Delivery]] = defaultdict(deque)
        self._taken: set[tuple[str, str]] = set()
        """Which events each endpoint has taken already."""
        self._numbers = itertools.count(1)
        for worker in self._workers.values():
            worker.cancel()
        self._workers = {}

    def _happened(self, world: World, event: Event) -> None:
        """A listener of the world; what it starts begins after the transition is complete."""
        # A request that a reset overtook still changes the world it arrived in.
        if world is not self._world:
            return
        for endpoint in world.webhook_endpoints:
            if not world.wants(endpoint, event.type):
                continue
            copies = 1 + (self._rng.random() < self.behaviour.duplicate)
            for _ in range(copies):
                self._put_off(self._add(event, endpoint.id, endpoint.url, None))
        self.wake()

    def _add(self, event: Event, endpoint: str, url: str, due: float | None) -> Delivery:
        delivery = Delivery(
            number=next(self._numbers),
            event=event.id,
            type=event.type,
            endpoint=endpoint,
            url=url,
            state="held",
            due=0.0,
        )
        self.deliveries.append(delivery)
        if not self._reachable(url):
            delivery.state = "withheld"
        elif due is not None:
            self._enqueue(delivery, due, 0.0)
        return delivery

    def _put_off(self, delivery: Delivery) -> None:
        if self.behaviour.hold or delivery.state == "withheld":
            return
        now = self._clock()
        due, order = now + self.behaviour.delay.sample(self._rng) / 1000, 0.0
        if self.behaviour.shuffle_ms:
            if now >= self._window_ends:
                self._window_ends = now + self.behaviour.shuffle_ms / 1000
            due, order = max(due, self._window_ends), self._rng.random()
        self._enqueue(delivery, due, order)

    def _enqueue(self, delivery: Delivery, due: float, order: float) -> None:
        delivery.state, delivery.due = "due", due
        heapq.heappush(self._heap, (due, order, next(self._numbers), delivery))

    async def _work(self, endpoint: str) -> None:
        """Send to one endpoint, one at a time, until nothing is due."""
        ready = self._ready[endpoint]
        try:
            while ready:
                await self._attempt(ready.popleft())
        finally:
            if self._workers.get(endpoint) is asyncio.current_task():
                del self._workers[endpoint]

    async def _attempt(self, delivery: Delivery) -> None:
        world = self._world
        assert world is not None
        endpoint = world.webhook_endpoints.get(delivery.endpoint)
        event = world.events.get(delivery.event)
        if endpoint is None or event is None or delivery.endpoint in world.deleted:
            delivery.state = "failed"
            return
        delivery.state = "sending"
        attempt = await self._post(delivery.url, event, world.secret_of[delivery.endpoint])
        delivery.attempts = [*delivery.attempts, attempt]
        if attempt.status is not None and 200 <= attempt.status < 300:
            if (delivery.event, delivery.endpoint) not in self._taken:
                self._taken.add((delivery.event, delivery.endpoint))
                event = world.events[delivery.event]
                left = max(0, event.pending_webhooks - 1)
                world.events.put(msgspec.structs.replace(event, pending_webhooks=left))
            delivery.state = "delivered"
        elif len(delivery.attempts) <= len(self._retry_seconds):
            wait = self._retry_seconds[len(delivery.attempts) - 1]
            self._enqueue(delivery, self._clock() + wait, 0.0)
            self.wake()
        else:
            delivery.state = "failed"

    async def _post(self, url: str, event: Event, secret: str) -> DeliveryAttempt:
        import httpx  # not before it is needed: most simulations send nothing

        if self._client is None:
            # Proxies named in the environment are not for this; answers are read, not followed.
            self._client = httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS)
        now = self._clock()
        payload = _encoder.encode(event)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (paidonce simulator)",
            "Stripe-Signature": sign(payload, secret, int(now)),
        }
        try:
            answer = await self._client.post(url, content=payload, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return DeliveryAttempt(at=now, error=f"{type(error).__name__}: {error}".rstrip(": "))
        return DeliveryAttempt(at=now, status=answer.status_code)

    def _reachable(self, url: str) -> bool:
        """Return whether events may be sent there: on this machine, or where that was allowed.

        A service that registers the address of its production at start must not be sent the
        events of a test.
        """
        host = urlsplit(url).hostname or ""
        if host in self._hosts or host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False
