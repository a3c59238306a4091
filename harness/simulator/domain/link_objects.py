"""Links to pages that Stripe would host: a connected account's onboarding and dashboard, a
customer's portal."""

from __future__ import annotations

import msgspec


class AccountLink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page on which a connected account says who it is; good once, for some minutes."""

    object: str = "account_link"
    created: int
    expires_at: int
    url: str


class LoginLink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page on which an Express account sees what it has been sent."""

    object: str = "login_link"
    created: int
    url: str


class PortalSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page on which a customer sees their subscriptions, and may end them."""

    id: str
    object: str = "billing_portal.session"
    configuration: str = "bpc_paidoncesimulator"
    created: int
    customer: str
    customer_account: str | None = None
    flow: None = None
    livemode: bool = False
    locale: str | None = None
    on_behalf_of: str | None = None
    return_url: str | None
    url: str


class HostedLink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A page that was made for somebody: whose it is, where it leads, and until when it is good.

    ``refresh_url`` is where it leads when it is over; None where it is never over.
    """

    subject: str
    return_url: str | None
    refresh_url: str | None = None
    expires_at: int | None = None
