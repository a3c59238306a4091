"""Connected accounts: as much of them as is needed to send them money.

They are ready as soon as they are made: what Stripe would have to be told of their owners is taken
and not looked at. Source: https://docs.stripe.com/api/accounts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain.billing_objects import Items
from paidonce.harness.simulator.domain.connect_objects import Account
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

OWN = "acct_paidoncesimulator"
"""The id of the account that is simulated itself."""


def require(world: World, identifier: str, *, status: int = 404, param: str = "account") -> Account:
    """The account of that id; 404 (or ``status``) where there is none, or none any more."""
    account = world.accounts.get(identifier)
    if account is None or identifier in world.deleted:
        raise no_such("account" if status == 404 else param, identifier, param, status=status)
    return account


def create(
    world: World, attributes: dict[str, Any], metadata: Metadata, cause: EventRequest
) -> Account:
    """A new account, of which nothing more is asked."""
    account = _account(world, world.ids.draw("acct_"), metadata, attributes)
    world.accounts.put(account)
    world.emit("account.updated", account, cause)
    return account


def own(world: World) -> Account:
    """The account that is simulated itself."""
    return _account(world, OWN, {}, {"capabilities": {"card_payments": "active"}})


def update(
    world: World,
    identifier: str,
    attributes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Account:
    """Change what is given; capabilities that are asked for are there at once."""
    before = require(world, identifier)
    changes = {**attributes, "metadata": as_asked(before.metadata, metadata)}
    if "capabilities" in attributes:
        changes["capabilities"] = {**before.capabilities, **attributes["capabilities"]}
    account = replace(before, **changes)
    world.accounts.put(account)
    previous = {name: getattr(before, name) for name in changes}
    world.emit("account.updated", account, cause, previous)
    return account


def reject(world: World, identifier: str, reason: str, cause: EventRequest) -> Account:
    """Do no more business with an account."""
    account = replace(
        require(world, identifier),
        charges_enabled=False,
        payouts_enabled=False,
        requirements=_requirements(f"rejected.{reason}"),
    )
    world.accounts.put(account)
    world.emit("account.updated", account, cause)
    return account


def delete(world: World, identifier: str) -> Deleted:
    """Delete an account."""
    require(world, identifier)
    world.deleted.add(identifier)
    return Deleted(id=identifier, object="account")


def destination(world: World, identifier: str, param: str) -> Account:
    """The account, if money may be sent to it; 400 otherwise."""
    account = require(world, identifier, status=400, param=param)
    able = account.type == "standard" or account.capabilities.get("transfers") == "active"
    if not able or not account.payouts_enabled:
        raise StripeError(
            400,
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
            param=param,
        )
    return account


def _account(
    world: World, identifier: str, metadata: Metadata, attributes: dict[str, Any]
) -> Account:
    none = Items(data=[], total_count=0, url=f"/v1/accounts/{identifier}/external_accounts")
    return Account(
        id=identifier,
        created=world.now(),
        external_accounts=none,
        metadata=metadata,
        requirements=_requirements(None),
        tos_acceptance={"date": None, "ip": None, "user_agent": None},
        **{"capabilities": {}, **attributes},
    )


def _requirements(disabled: str | None) -> dict[str, Any]:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": disabled,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
