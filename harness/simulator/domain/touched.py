"""The objects that a call reads and writes, told to whoever asks for them by a header of the
request.

A call is then executed on a view of the world that takes notes, so that a call of which nobody
asks costs nothing. What is told is exact: it is what the execution came upon, not what its
parameters make likely. It is told of these things, each with an id, or with an empty one for all:

================== ============================================================================
payment_intent     an intent with its charges, their refunds, disputes and movements of the
                   balance; a charge without an intent by its own id
payment_method     a payment method
setup_intent       a setup intent
customer           what is known of a customer
wallet             which payment methods a customer has
webhook_endpoint   an endpoint
product            a product with its prices
checkout_session   a Checkout Session
billing            a customer's subscriptions, invoices, and what is on them or waits for them
coupon             a coupon with its promotion codes
account            a connected account with what was sent to it
payout             a payout
test_clock         a test clock, and what is due in its time
================== ============================================================================

``made`` names what did not exist before, which can be in nobody's way; ``added`` the collections
that grew, and ``listed`` those that were looked through. Idempotency keys are not told: a request
names its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from paidonce.harness.simulator.domain.collection import Collection, Cursor, Identified, Page
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.touched_tables import Amounts, Ids, Lists, Thing, Touched

ASKED = "paidonce-tell"
"""The header of a request that asks, in lower case."""

TOLD = "paidonce-touched"
"""The header of the answer that tells."""

T = TypeVar("T", bound=Identified)


def watched(world: World, touched: Touched) -> World:
    """``world``, with notes taken of what is read and written."""
    return _View(world, touched)


class _View(World):
    """The world itself behind collections that take notes."""

    def __init__(self, world: World, touched: Touched) -> None:  # a view makes nothing anew
        self._world = world
        self.ids, self.clock, self.base_url = world.ids, world.clock, world.base_url
        self.settle_seconds, self.listeners = world.settle_seconds, world.listeners

        def intent_of(charge: str) -> Thing:
            found = world.charges.get(charge)
            return ("payment_intent", "" if found is None else found.payment_intent or charge)

        def source_of(entry: str) -> Thing:
            found = world.balance_transactions.get(entry)
            if found is None:
                return ("payment_intent", "")
            refund = world.refunds.get(found.source)
            return intent_of(found.source if refund is None else refund.charge)

        def refund_of(refund: str) -> Thing:
            found = world.refunds.get(refund)
            return ("payment_intent", "") if found is None else intent_of(found.charge)

        def owner(identifier: str) -> Thing:
            for kind, under in deletable:
                if identifier in under:
                    return kind(identifier)
            return ("webhook_endpoint", identifier)

        def product_of(price: str) -> Thing:
            found = world.prices.get(price)
            return ("product", "" if found is None else found.product)

        def a(kind: str) -> Callable[[str], Thing]:
            return lambda identifier: (kind, identifier)

        def collection(
            name: str,
            whose: Callable[[str], Thing],
            found_by: dict[str, Callable[[str], Thing]] | None = None,
        ) -> Any:
            return _Collection(getattr(world, name), touched, name, whose, found_by or {})

        self.intents = collection("intents", a("payment_intent"))
        self.charges = collection("charges", intent_of)
        self.refunds = collection("refunds", refund_of)
        self.payment_methods = collection("payment_methods", a("payment_method"))
        self.balance_transactions = collection("balance_transactions", source_of)
        self.events = collection("events", a(""))
        self.customers = collection("customers", a("customer"))
        self.webhook_endpoints = collection("webhook_endpoints", a("webhook_endpoint"))
        self.setups = collection("setups", a("setup_intent"))
        self.products = collection("products", a("product"))
        self.prices = collection("prices", product_of)
        self.sessions = collection("sessions", a("checkout_session"))

        def billed(name: str) -> Callable[[str], Thing]:
            under: Collection[Any] = getattr(world, name)

            def whose(identifier: str) -> Thing:
                found = under.get(identifier)
                return ("billing", "" if found is None else str(found.customer))

            return whose

        def item_of(item: str) -> Thing:
            found = world.subscription_items.get(item)
            return ("billing", "") if found is None else subscribed(found.subscription)

        def payment_of(payment: str) -> Thing:
            found = world.invoice_payments.get(payment)
            return ("billing", "") if found is None else invoiced(found.invoice)

        def code_of(code: str) -> Thing:
            found = world.promotion_codes.get(code)
            return ("coupon", "" if found is None else str(found.promotion["coupon"]))

        subscribed, invoiced = billed("subscriptions"), billed("invoices")
        self.test_clocks = collection("test_clocks", a("test_clock"))
        self.coupons = collection("coupons", a("coupon"))
        self.promotion_codes = collection("promotion_codes", code_of)
        of_customer = {"customer": a("billing")}
        self.discounts = collection("discounts", billed("discounts"))
        self.subscriptions = collection("subscriptions", subscribed, of_customer)
        self.subscription_items = collection("subscription_items", item_of)
        self.invoices = collection("invoices", invoiced, of_customer)
        self.invoice_items = collection("invoice_items", billed("invoice_items"), of_customer)
        self.invoice_payments = collection("invoice_payments", payment_of, {"invoice": invoiced})
        self.invoice_of = world.invoice_of
        self.frame = world.frame
        self.agenda_of = world.agenda_of
        self.checkouts = world.checkouts
        self.matured = world.matured
        self.links = world.links

        def spent(identifier: str) -> Thing:
            if identifier in world.charges:
                return intent_of(identifier)
            return ("payment_method", identifier)

        def sent(transfer: str) -> Thing:
            found = world.transfers.get(transfer)
            return ("account", "" if found is None else found.destination)

        def taken_back(reversal: str) -> Thing:
            found = world.transfer_reversals.get(reversal)
            return ("account", "") if found is None else sent(found.transfer)

        def kept(fee: str) -> Thing:
            found = world.application_fees.get(fee)
            return ("account", "" if found is None else found.account)

        def given_back(refund: str) -> Thing:
            found = world.fee_refunds.get(refund)
            return ("account", "") if found is None else kept(found.fee)

        def disputed(dispute: str) -> Thing:
            found = world.disputes.get(dispute)
            return ("payment_intent", "") if found is None else intent_of(found.charge)

        self.accounts = collection("accounts", a("account"))
        self.transfers = collection("transfers", sent)
        self.transfer_reversals = collection("transfer_reversals", taken_back)
        self.application_fees = collection("application_fees", kept)
        self.fee_refunds = collection("fee_refunds", given_back)
        self.payouts = collection("payouts", a("payout"))
        self.disputes = collection("disputes", disputed, {"charge": intent_of})

        def moved(entered: str) -> Thing:
            found = world.cash_moves.get(entered)
            return ("wallet", "" if found is None else found.customer)

        self.cash_moves = collection("cash_moves", moved, {"customer": a("wallet")})
        of_moves = {"customer": a("billing"), "invoice": invoiced}
        self.credit_moves = collection("credit_moves", billed("credit_moves"), of_moves)
        self.raw_cards, self.search_index = world.raw_cards, world.search_index
        deletable: tuple[tuple[Callable[[str], Thing], Collection[Any]], ...] = (
            (a("product"), world.products),
            (a("customer"), world.customers),
            (a("coupon"), world.coupons),
            (a("account"), world.accounts),
            (a("test_clock"), world.test_clocks),
            (invoiced, world.invoices),
            (billed("invoice_items"), world.invoice_items),
            (item_of, world.subscription_items),
        )
        self.deleted = Ids(world.deleted, touched, owner)
        self.spent = Ids(world.spent, touched, spent)
        self.prepared = Ids(world.prepared, touched, a("payment_method"))
        self.authenticated = Ids(world.authenticated, touched, a("payment_intent"))
        self.methods_of = Lists(world.methods_of, touched, a("wallet"))
        self.charges_of = Lists(world.charges_of, touched, a("payment_intent"))
        self.refunds_of = Lists(world.refunds_of, touched, intent_of)
        self.prices_of = Lists(world.prices_of, touched, a("product"))
        self.session_of = world.session_of
        self.secret_of = world.secret_of
        self.cash = Amounts(world.cash, touched, lambda key: ("wallet", key.split()[0]))
        self.by_hand = Ids(world.by_hand, touched, a("wallet"))
        self.card_of = world.card_of
        self.tokens = world.tokens

    def copied(self) -> World:
        """As of the world itself; whatever is done in the copy, all there is was looked at."""
        for under in vars(self).values():
            if isinstance(under, _Collection):
                under.looked_through()
        return self._world.copied()

    def plan(self, seconds: float, what: str, subject: str) -> None:
        self._world.plan(seconds, what, subject)


class _Collection(Collection[T], Generic[T]):
    """``under``, whose objects belong to the thing that ``whose`` names."""

    def __init__(
        self,
        under: Collection[T],
        touched: Touched,
        name: str,
        whose: Callable[[str], Thing],
        found_by: dict[str, Callable[[str], Thing]],
    ) -> None:
        self._under, self._touched, self._name, self._whose = under, touched, name, whose
        self._found_by = found_by
        """By an index: to what all belongs that has one value in it."""

    def put(self, item: T) -> None:
        new = item.id not in self._under
        self._under.put(item)
        if new:
            self._touched.added.add(self._name)
        if self._name == "events" or (new and self._name == "balance_transactions"):
            return  # an event is never changed, and a movement belongs to what the call moves
        thing = self._whose(item.id)
        if new and thing[1] == item.id and self._name != "webhook_endpoints":
            self._touched.made[thing] = None
            if thing[0] == "customer":
                self._touched.made["wallet", item.id] = None
                self._touched.made["billing", item.id] = None
        self._touched.changes.add(thing)

    def _look(self, identifier: str) -> None:
        if self._name != "events":
            self._touched.looks.add(self._whose(identifier))

    def looked_through(self) -> None:
        """Note that all of them were looked at."""
        self._touched.listed.add(self._name)
        if self._name != "events":
            self._touched.looks.add((self._whose("")[0], ""))

    def get(self, identifier: str) -> T | None:
        self._look(identifier)
        return self._under.get(identifier)

    def having(self, name: str, read: Callable[[T], str | None], value: str) -> list[str]:
        if name in self._found_by:
            self._touched.looks.add(self._found_by[name](value))
        else:
            self.looked_through()
        return self._under.having(name, read, value)

    def newest(self, count: int) -> list[T]:
        self.looked_through()
        return self._under.newest(count)

    def __getitem__(self, identifier: str) -> T:
        self._look(identifier)
        return self._under[identifier]

    def __contains__(self, identifier: str) -> bool:
        self._look(identifier)
        return identifier in self._under

    def __iter__(self) -> Iterator[T]:
        self.looked_through()
        return iter(self._under)

    def __len__(self) -> int:
        self.looked_through()
        return len(self._under)

    def page(
        self,
        cursor: Cursor,
        *,
        among: Sequence[str] | None = None,
        where: Callable[[T], bool] | None = None,
    ) -> Page[T]:
        if among is None:
            self.looked_through()
        else:
            among = list(among)
            for identifier in among:
                self._look(identifier)
        return self._under.page(cursor, among=among, where=where)
