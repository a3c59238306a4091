"""Everything the simulated account holds.

One ``World`` lives on one event loop. The functions of the domain change it synchronously, from
start to end, so each of them is atomic: no other request can see or act on a half-done change.
"""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.billing_objects import (
    Coupon,
    Discount,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    PromotionCode,
    Subscription,
    SubscriptionItem,
    TestClock,
)
from paidonce.harness.simulator.domain.cards import Card
from paidonce.harness.simulator.domain.cash_objects import CashTransaction, CreditTransaction
from paidonce.harness.simulator.domain.collection import Collection
from paidonce.harness.simulator.domain.connect_objects import (
    Account,
    ApplicationFee,
    Dispute,
    FeeRefund,
    Payout,
    Transfer,
    TransferReversal,
)
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.link_objects import HostedLink
from paidonce.harness.simulator.domain.maturing import MaturedMoney
from paidonce.harness.simulator.domain.objects import (
    BalanceTransaction,
    Charge,
    Customer,
    Event,
    EventData,
    EventRequest,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SetupIntent,
    Subject,
    WebhookEndpoint,
)
from paidonce.harness.simulator.domain.sale_objects import (
    Checkout,
    CheckoutSession,
    Price,
    Product,
)
from paidonce.harness.simulator.domain.search import SearchIndex

API_VERSION = "2026-10-28.endive"
"""The account's version: answers have its shape, whichever version a request names."""

SETTLE_SECONDS = 2.0
"""How long a delayed payment takes unless told otherwise; days, where money moves."""

_COLLECTIONS = (
    "intents",
    "charges",
    "refunds",
    "payment_methods",
    "balance_transactions",
    "events",
    "customers",
    "webhook_endpoints",
    "products",
    "prices",
    "sessions",
    "setups",
    "test_clocks",
    "coupons",
    "promotion_codes",
    "discounts",
    "subscriptions",
    "subscription_items",
    "invoices",
    "invoice_items",
    "invoice_payments",
    "accounts",
    "transfers",
    "transfer_reversals",
    "application_fees",
    "fee_refunds",
    "payouts",
    "disputes",
    "cash_moves",
    "credit_moves",
)

_BY_ID = (
    "deleted",
    "spent",
    "prepared",
    "authenticated",
    "secret_of",
    "card_of",
    "cash",
    "by_hand",
    "tokens",
    "session_of",
    "checkouts",
    "invoice_of",
    "links",
)

Clock = Callable[[], float]
"""Now, in Unix seconds."""

Listener = Callable[[Event], None]


class Due(msgspec.Struct, frozen=True, order=True, gc=False):
    """Something that happens by itself, in the order of time.

    ``what`` is ``settle`` (a delayed payment ends), ``expire`` (an authorization does), both of the
    intent ``subject``, ``session`` (the session ``subject`` is over), or another of those that
    ``agenda`` does.
    """

    at: float
    number: int
    what: str
    subject: str = msgspec.field(name="intent")


class Frame:
    """Whose time it is: that of a test clock, or, where ``clock`` is None, the simulated one.

    ``at`` is when it is, and ``second`` the second of it; both are None where the simulated clock
    runs on and says it.
    """

    __slots__ = ("at", "clock", "second")

    def __init__(self) -> None:
        self.run_on()

    def stand(self, clock: str | None, at: float) -> None:
        """Have it be the time ``at`` until further notice."""
        self.clock: str | None = clock
        self.at: float | None = at
        self.second: int | None = int(at)

    def run_on(self) -> None:
        """Have the simulated clock say the time."""
        self.clock = self.at = self.second = None


class World:
    """The objects of one account since it was last reset."""

    def __init__(
        self,
        ids: IdSource | None = None,
        clock: Clock = time.time,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.ids = ids or IdSource()
        self.clock = clock
        self.settle_seconds = settle_seconds
        self.frame = Frame()
        self.raw_cards = False
        """True if test cards are taken by their numbers."""
        self.base_url = ""
        """Where the simulator is reached; empty while it is not served."""
        self.intents: Collection[PaymentIntent] = Collection()
        self.charges: Collection[Charge] = Collection()
        self.refunds: Collection[Refund] = Collection()
        self.payment_methods: Collection[PaymentMethod] = Collection()
        self.balance_transactions: Collection[BalanceTransaction] = Collection()
        self.matured = MaturedMoney()
        """The balance transactions, added up."""
        self.events: Collection[Event] = Collection()
        self.customers: Collection[Customer] = Collection()
        self.webhook_endpoints: Collection[WebhookEndpoint] = Collection()
        self.setups: Collection[SetupIntent] = Collection()
        self.products: Collection[Product] = Collection()
        self.prices: Collection[Price] = Collection()
        self.sessions: Collection[CheckoutSession] = Collection()
        self.test_clocks: Collection[TestClock] = Collection()
        self.coupons: Collection[Coupon] = Collection()
        self.promotion_codes: Collection[PromotionCode] = Collection()
        self.discounts: Collection[Discount] = Collection()
        self.subscriptions: Collection[Subscription] = Collection()
        self.subscription_items: Collection[SubscriptionItem] = Collection()
        self.invoices: Collection[Invoice] = Collection()
        self.invoice_items: Collection[InvoiceItem] = Collection()
        self.invoice_payments: Collection[InvoicePayment] = Collection()
        self.accounts: Collection[Account] = Collection()
        self.transfers: Collection[Transfer] = Collection()
        self.transfer_reversals: Collection[TransferReversal] = Collection()
        self.application_fees: Collection[ApplicationFee] = Collection()
        self.fee_refunds: Collection[FeeRefund] = Collection()
        self.payouts: Collection[Payout] = Collection()
        self.disputes: Collection[Dispute] = Collection()
        self.cash_moves: Collection[CashTransaction] = Collection()
        self.credit_moves: Collection[CreditTransaction] = Collection()
        self.invoice_of: dict[str, str] = {}
        """By payment intent id: the invoice that it is to pay."""
        self.checkouts: dict[str, Checkout] = {}
        """By session id: what is known of it beside what it shows."""
        self.links: dict[str, HostedLink] = {}
        """By the name of a page that is hosted for somebody."""
        self.deleted: set[str] = set()
        self.search_index: SearchIndex | None = None
        """The objects that searches see, where those are not all."""
        """The ids of customers, products and webhook endpoints that were deleted."""
        self.spent: set[str] = set()
        """The ids of payment methods that may not be used again."""
        self.prepared: set[str] = set()
        """The ids of payment methods that are ready for payments with nobody there."""
        self.authenticated: set[str] = set()
        """The ids of intents whose payer was authenticated and which await confirmation."""
        self.methods_of: defaultdict[str, list[str]] = defaultdict(list)
        """By customer id, oldest first."""
        self.secret_of: dict[str, str] = {}
        """By webhook endpoint id, what its deliveries are signed with."""
        self.agenda: list[Due] = []
        """A heap of what will happen by itself."""
        self.agenda_of: defaultdict[str, list[Due]] = defaultdict(list)
        """By test clock id: a heap of what will happen in its time."""
        self.planned = 0
        self.cash: dict[str, int] = {}
        """By customer id and currency: what they have sent and no intent has yet."""
        self.by_hand: set[str] = set()
        """The ids of customers whose money waits to be applied by hand."""
        self.card_of: dict[str, Card] = {}
        """By payment method id: how the card behind it behaves."""
        self.tokens: dict[str, Card] = {}
        """By token: its card; the test tokens are not among them."""
        self.charges_of: defaultdict[str, list[str]] = defaultdict(list)
        """By payment intent id, oldest first."""
        self.refunds_of: defaultdict[str, list[str]] = defaultdict(list)
        """By charge id, oldest first."""
        self.prices_of: defaultdict[str, list[str]] = defaultdict(list)
        """By product id, oldest first."""
        self.session_of: dict[str, str] = {}
        """By payment intent id: the Checkout Session that made it, unless that has expired."""
        self.listeners: list[Listener] = []
        """Told of every event that a webhook endpoint wants, in order, within the transition that
        caused it."""
        self.on_agenda: Callable[[], None] | None = None
        """Told when there is something new on the agenda."""

    def copied(self) -> World:
        """The same objects in a world of their own; ids go on where this one's are by then."""
        twin = World(self.ids, self.clock, self.settle_seconds)
        twin.raw_cards = self.raw_cards
        twin.base_url, twin.planned, twin.agenda = self.base_url, self.planned, list(self.agenda)
        for name in _COLLECTIONS:
            there = getattr(twin, name)
            for item in getattr(self, name):
                there.put(item)
        for name in _BY_ID:
            setattr(twin, name, getattr(self, name).copy())
        for owner, heap in self.agenda_of.items():
            twin.agenda_of[owner] = list(heap)
        for name in ("methods_of", "charges_of", "refunds_of", "prices_of"):
            for owner, ids in getattr(self, name).items():
                getattr(twin, name)[owner] = list(ids)
        return twin

    def now(self) -> int:
        """Unix time, in whole seconds as Stripe's objects have it."""
        second = self.frame.second
        return int(self.clock()) if second is None else second

    def at(self) -> float:
        """Unix time, by the test clock if it is one's time, else by the simulated clock."""
        at = self.frame.at
        return self.clock() if at is None else at

    def plan(self, seconds: float, what: str, subject: str) -> None:
        """Put something on the agenda, that many seconds from now."""
        due = Due(self.at() + seconds, self.planned, what, subject)
        self.planned += 1
        if self.frame.clock is not None:
            heapq.heappush(self.agenda_of[self.frame.clock], due)
            return
        heapq.heappush(self.agenda, due)
        if self.on_agenda is not None:
            self.on_agenda()

    def receivers(self, type: str) -> int:
        """Return how many webhook endpoints want events of that type."""
        return sum(self.wants(endpoint, type) for endpoint in self.webhook_endpoints)

    def wants(self, endpoint: WebhookEndpoint, type: str) -> bool:
        """Return whether events of that type go to that endpoint."""
        if endpoint.status != "enabled" or endpoint.id in self.deleted:
            return False
        return type in endpoint.enabled_events or "*" in endpoint.enabled_events

    def emit(
        self,
        type: str,
        subject: Subject,
        cause: EventRequest,
        previous: dict[str, Any] | None = None,
    ) -> Event:
        """Record that something happened to ``subject``, as it is now.

        ``previous`` holds the former values of the attributes that changed, for the event types
        where Stripe gives them.
        """
        receivers = self.receivers(type) if len(self.webhook_endpoints) else 0
        event = Event(
            id=self.ids.draw("evt_"),
            pending_webhooks=receivers,
            api_version=API_VERSION,
            created=self.now(),
            data=EventData(object=subject, previous_attributes=previous),
            request=cause,
            type=type,
        )
        self.events.put(event)
        if receivers:
            for listener in self.listeners:
                listener(event)
        return event
