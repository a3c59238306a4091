"""The endpoints of account links and of the customer portal.

Parameters: https://docs.stripe.com/api/account_links/create and
https://docs.stripe.com/api/customer_portal/sessions/create.
"""

from __future__ import annotations

from paidonce.harness.simulator.domain import links
from paidonce.harness.simulator.endpoints.billing_params import refuse
from paidonce.harness.simulator.endpoints.listing import Execution
from paidonce.harness.simulator.wire.params import Params


def create_account_link(params: Params, _: str) -> Execution:
    """POST /v1/account_links."""
    account = params.required("account")
    if params.choice("type", ("account_onboarding", "account_update")) is None:
        raise params.missing("type")
    back, again = params.string("return_url"), params.string("refresh_url")
    params.choice("collect", ("currently_due", "eventually_due"))
    params.opaque("collection_options")
    return lambda world, _: links.onboard(world, account, back, again)


def log_in(params: Params, account: str) -> Execution:
    """POST /v1/accounts/{id}/login_links."""
    return lambda world, _: links.log_in(world, account)


def create_portal_session(params: Params, _: str) -> Execution:
    """POST /v1/billing_portal/sessions."""
    refuse(params, "configuration", "flow_data", "on_behalf_of", "customer_account")
    customer = params.required("customer")
    back, locale = params.string("return_url"), params.string("locale")
    return lambda world, _: links.open_portal(world, customer, back, locale)
