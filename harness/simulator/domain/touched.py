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
from paidonce.harness.simulator.domain.touched_owners import Owners
from paidonce.harness.simulator.domain.touched_tables import Amounts, Ids, Lists, Thing, Touched

ASKED = "paidonce-tell"
"""The header of a request that asks, in lower case."""

TOLD = "paidonce-touched"
"""The header of the answer that tells."""

T = TypeVar("T", bound=Identified)

# By name of a collection or table of the world: which method of ``Owners`` tells whose it is.
_COLLECTIONS = {
    "intents": "payment_intent",
    "charges": "of_charge",
    "refunds": "of_refund",
    "payment_methods": "payment_method",
    "balance_transactions": "of_movement",
    "events": "nobody",
    "customers": "customer",
    "webhook_endpoints": "webhook_endpoint",
    "setups": "setup_intent",
    "products": "product",
    "prices": "of_price",
    "sessions": "checkout_session",
    "test_clocks": "test_clock",
    "coupons": "coupon",
    "promotion_codes": "of_code",
    "discounts": "of_discount",
    "subscriptions": "of_subscription",
    "subscription_items": "of_item",
    "invoices": "of_invoice",
    "invoice_items": "of_invoice_item",
    "invoice_payments": "of_payment",
    "accounts": "account",
    "transfers": "of_transfer",
    "transfer_reversals": "of_reversal",
    "application_fees": "of_fee",
    "fee_refunds": "of_fee_refund",
    "payouts": "payout",
    "disputes": "of_dispute",
    "cash_moves": "of_cash_move",
    "credit_moves": "of_credit_move",
}
_FOUND_BY = {
    "subscriptions": {"customer": "billing"},
    "invoices": {"customer": "billing"},
    "invoice_items": {"customer": "billing"},
    "invoice_payments": {"invoice": "of_invoice"},
    "disputes": {"charge": "of_charge"},
    "cash_moves": {"customer": "wallet"},
    "credit_moves": {"customer": "billing", "invoice": "of_invoice"},
}
"""By an index of a collection."""
_IDS = {
    "deleted": "of_deleted",
    "spent": "of_spent",
    "prepared": "payment_method",
    "authenticated": "payment_intent",
    "by_hand": "wallet",
}
_LISTS = {
    "methods_of": "wallet",
    "charges_of": "payment_intent",
    "refunds_of": "of_charge",
    "prices_of": "product",
}
_OF_THE_WORLD = frozenset(
    {
        *("ids", "clock", "base_url", "settle_seconds", "listeners", "frame", "raw_cards"),
        *("search_index", "matured", "agenda_of", "checkouts", "links", "invoice_of"),
        *("session_of", "secret_of", "card_of", "tokens"),
    }
)
"""The parts that say nothing of any object which the rest does not say."""


def watched(world: World, touched: Touched) -> World:
    """``world``, with notes taken of what is read and written."""
    return _View(world, touched)


class _View(World):
    """The world itself behind collections and tables that take notes.

    There are fifty of them, and a call comes upon a few: each is made when it is first met.
    """

    def __init__(self, world: World, touched: Touched) -> None:  # a view makes nothing anew
        self._world, self._touched = world, touched
        self._whose = Owners(world)

    def __getattr__(self, name: str) -> Any:
        """Make what is met for the first time."""
        taking_notes = self._with_notes(name)
        setattr(self, name, taking_notes)
        return taking_notes

    def _with_notes(self, name: str) -> Any:
        under, touched, whose = getattr(self._world, name), self._touched, self._whose
        if name in _COLLECTIONS:
            found_by = {
                index: getattr(whose, owner) for index, owner in _FOUND_BY.get(name, {}).items()
            }
            return _Collection(under, touched, name, getattr(whose, _COLLECTIONS[name]), found_by)
        if name in _IDS:
            return Ids(under, touched, getattr(whose, _IDS[name]))
        if name in _LISTS:
            return Lists(under, touched, getattr(whose, _LISTS[name]))
        if name == "cash":
            return Amounts(under, touched, whose.of_cash)
        if name in _OF_THE_WORLD:
            return under
        raise AttributeError(f"a call that is watched cannot come upon {name}")

    def copied(self) -> World:
        """As of the world itself; whatever is done in the copy, all there is was looked at."""
        for name in _COLLECTIONS:
            getattr(self, name).looked_through()
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
