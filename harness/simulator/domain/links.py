"""Pages that Stripe would host, and what is done on them.

An account link leads to its ``return_url`` the first time it is followed, and to its
``refresh_url`` when it was followed before or has expired; the account itself is ready as soon as
it is made. The customer portal does what it does unless it is configured: it ends a subscription
with its period, and takes that back. Sources: https://docs.stripe.com/api/account_links,
https://docs.stripe.com/api/customer_portal/sessions, and
https://docs.stripe.com/customer-management/cancellation-page.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import accounts, changing, clocks, customers, subscribing
from paidonce.harness.simulator.domain.billing_objects import Subscription
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.link_objects import (
    AccountLink,
    HostedLink,
    LoginLink,
    PortalSession,
)
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import UpdateSubscription
from paidonce.harness.simulator.domain.subscriptions import OVER

replace = msgspec.structs.replace

PAGE_PATH = "/_paidonce/links/"
LASTS_SECONDS = 300
"""So long is an account link good: Stripe says a few minutes, and shows five."""
_ONE_DAY = 86_400


def onboard(
    world: World, account: str, return_url: str | None, refresh_url: str | None
) -> AccountLink:
    """Make a link for a connected account; 400 where there is none of that id."""
    accounts.require(world, account, status=400)
    token, now = world.ids.draw("acctlink_"), world.now()
    world.links[token] = HostedLink(
        subject=account,
        return_url=return_url,
        refresh_url=refresh_url,
        expires_at=now + LASTS_SECONDS,
    )
    url = f"{world.base_url}{PAGE_PATH}{token}"
    return AccountLink(created=now, expires_at=now + LASTS_SECONDS, url=url)


def log_in(world: World, account: str) -> LoginLink:
    """Make a link by which an Express account sees its dashboard; 400 for an account of another
    type.

    Source: https://docs.stripe.com/api/accounts/login_link/create.
    """
    if accounts.require(world, account).type != "express":
        raise StripeError(
            400,
            f"Cannot create a login link for the account {account}, which has no Express "
            "dashboard.",
        )
    token, now = world.ids.draw("lael_"), world.now()
    world.links[token] = HostedLink(subject=account, return_url=None, expires_at=now + _ONE_DAY)
    return LoginLink(created=now, url=f"{world.base_url}{PAGE_PATH}{token}")


def open_portal(
    world: World, customer: str, return_url: str | None, locale: str | None
) -> PortalSession:
    """Open the portal for a customer; 400 where there is none of that id."""
    customers.named(world, customer)
    identifier = world.ids.draw("bps_")
    world.links[identifier] = HostedLink(subject=customer, return_url=return_url)
    return PortalSession(
        id=identifier,
        created=world.now(),
        customer=customer,
        locale=locale,
        return_url=return_url,
        url=f"{world.base_url}{PAGE_PATH}{identifier}",
    )


def require(world: World, token: str) -> HostedLink:
    """The page of that name; 404 where there is none."""
    link = world.links.get(token)
    if link is None:
        raise no_such("link", token, "id")
    return link


def follow(world: World, token: str) -> str | None:
    """Follow an account link, which is then over; where it leads."""
    link = require(world, token)
    if link.expires_at is None or world.clock() >= link.expires_at:
        return link.refresh_url
    world.links[token] = replace(link, expires_at=0)
    return link.return_url


def going(world: World, token: str) -> list[Subscription]:
    """The subscriptions that the customer of a portal has, oldest first."""
    customer = require(world, token).subject
    ids = world.subscriptions.having(
        "customer", lambda subscription: str(subscription.customer), customer
    )
    subscriptions = [world.subscriptions[one] for one in ids]
    return [subscription for subscription in subscriptions if subscription.status not in OVER]


def end_later(world: World, token: str, identifier: str, ends: bool) -> Subscription:
    """The customer ends a subscription with its period, or takes that back; 404 if not theirs."""
    subscription = subscribing.require(world, identifier)
    if subscription.customer != require(world, token).subject:
        raise no_such("subscription", identifier, "id")
    if subscription.cancel_at_period_end == ends:
        raise StripeError(400, "This subscription is so already.")
    request = UpdateSubscription(extras={"cancel_at_period_end": ends})
    with clocks.time_of(world, subscription.customer):
        return changing.update(world, identifier, request, BY_ITSELF)
