"""Money that is sent on to others, paid out or charged back, and the balance that is left."""

from __future__ import annotations

from paidonce.harness.conformance import goods
from paidonce.harness.conformance.checks import (
    Group,
    Skipped,
    charges_of,
    expect,
    made,
    paid,
    refused,
)
from paidonce.harness.conformance.client import Api, StripeAnswer

check = Group("sent on and charged back", "https://docs.stripe.com/api/transfers")

_CHARGES = "https://docs.stripe.com/connect/destination-charges"
_SEPARATE = "https://docs.stripe.com/connect/separate-charges-and-transfers"
_PAYOUTS = "https://docs.stripe.com/api/payouts"
_BALANCE = "https://docs.stripe.com/api/balance"
_DISPUTES = "https://docs.stripe.com/disputes/api"
_TESTING = "https://docs.stripe.com/testing#disputes"


def _account(api: Api) -> str:
    """Return an account that can be sent money.

    Raises ``Skipped`` at Stripe itself where there is none: it asks for more than can be told here.
    """
    if api.is_stripe:
        listed = api.get("/v1/accounts", {"limit": "100"})
        for one in (listed["data"] or []) if listed.status == 200 else []:
            if (one.get("capabilities") or {}).get("transfers") == "active":
                return str(one["id"])
        raise Skipped("this account has no connected account that can be sent money")
    able = {"type": "custom", "country": "US", "capabilities[transfers][requested]": "true"}
    return made(api.post("/v1/accounts", able))


def _charge(api: Api, **more: str) -> str:
    """Return a charge of 1000 usd that is available at once."""
    answer = paid(api, "pm_card_bypassPending", **more)
    made(answer, status="succeeded")
    return str(answer["latest_charge"])


def _sent(api: Api, account: str, charge: str, amount: str) -> StripeAnswer:
    form = {"destination": account, "source_transaction": charge, "currency": "usd"}
    return api.post("/v1/transfers", {**form, "amount": amount})


def _usd(api: Api) -> int:
    """Return what the account has in usd, and what is on its way to it."""
    answer = api.get("/v1/balance")
    expect(answer.status == 200, f"expected 200, got {answer}")
    return sum(
        int(one["amount"])
        for one in [*answer["available"], *answer["pending"]]
        if one["currency"] == "usd"
    )


def _dispute(api: Api) -> tuple[str, str]:
    """Return a dispute over 1000 usd, and its charge."""
    identifier = made(paid(api, "pm_card_createDispute"), status="succeeded")
    charge = str(charges_of(api, identifier)[0]["id"])
    goods.sooner_or_later(api, lambda: api.get(f"/v1/charges/{charge}"), "disputed", True)
    found = api.get("/v1/disputes", {"payment_intent": identifier})["data"]
    expect([one["amount"] for one in found] == [1000], f"disputes: {found}")
    return str(found[0]["id"]), charge


@check("no more of a charge is sent on than it has brought", _SEPARATE)
def transfer(api: Api) -> None:
    account, charge = _account(api), _charge(api)
    made(_sent(api, account, charge, "600"), amount=600, source_transaction=charge)
    refused(_sent(api, account, charge, "600"), 400)
    made(_sent(api, account, charge, "400"), amount=400)
    refused(_sent(api, account, charge, "1"), 400)


@check("transfers of a charge at once never exceed what it has brought", _SEPARATE)
def transfer_at_once(api: Api) -> None:
    account, charge = _account(api), _charge(api)
    form = {"destination": account, "source_transaction": charge, "currency": "usd"}
    asked = [("/v1/transfers", {**form, "amount": "600"})] * goods.MANY
    goods.one_won(goods.at_once(api, asked))


@check("a transfer is taken back in parts, and no more than was sent")
def reversal(api: Api) -> None:
    account, charge = _account(api), _charge(api)
    path = f"/v1/transfers/{made(_sent(api, account, charge, '600'), amount_reversed=0)}"
    made(api.post(f"{path}/reversals", {"amount": "200"}), amount=200)
    refused(api.post(f"{path}/reversals", {"amount": "500"}), 400)
    made(api.post(f"{path}/reversals"), amount=400)
    made(api.get(path), amount_reversed=600, reversed=True)
    refused(api.post(f"{path}/reversals"), 400)


@check("reversals of a transfer at once take it back once")
def reversal_at_once(api: Api) -> None:
    account, charge = _account(api), _charge(api)
    path = f"/v1/transfers/{made(_sent(api, account, charge, '600'), amount=600)}"
    goods.one_won(goods.at_once(api, [(f"{path}/reversals", {})] * goods.MANY))
    made(api.get(path), amount_reversed=600)


@check("a payment for another account is sent on to it, but for the fee", _CHARGES)
def destination(api: Api) -> None:
    account = _account(api)
    more = {"transfer_data[destination]": account, "application_fee_amount": "100"}
    charge = api.get(f"/v1/charges/{_charge(api, **more)}")
    made(charge, application_fee_amount=100)
    sent = api.get(f"/v1/transfers/{charge['transfer']}")
    made(sent, destination=account, amount=1000)
    fee = api.get(f"/v1/application_fees/{charge['application_fee']}")
    made(fee, amount=100, amount_refunded=0, account=account)


@check("a refund takes back what was sent on, and the fee, where it says so", _CHARGES)
def destination_refunded(api: Api) -> None:
    more = {"transfer_data[destination]": _account(api), "application_fee_amount": "100"}
    identifier = _charge(api, **more)
    charge = api.get(f"/v1/charges/{identifier}")
    back = {"reverse_transfer": "true", "refund_application_fee": "true"}
    made(api.post("/v1/refunds", {"charge": identifier, **back}), amount=1000)
    sent = f"/v1/transfers/{charge['transfer']}"
    made(api.get(sent), amount_reversed=1000, reversed=True)
    fee = f"/v1/application_fees/{charge['application_fee']}"
    made(api.get(fee), amount_refunded=100, refunded=True)


@check("an account that nobody has is sent nothing")
def transfer_to_nobody(api: Api) -> None:
    refused(_sent(api, "acct_paidonce_nobody", _charge(api), "600"), 400)


@check("no more is paid out than is there", _PAYOUTS)
def payout(api: Api) -> None:
    much = api.post("/v1/payouts", {"amount": "99999900", "currency": "usd"})
    refused(much, 400, "balance_insufficient")


@check("a payment's net is in the balance, and what is given back is not any more", _BALANCE)
def balance(api: Api) -> None:
    before = _usd(api)
    charge = _charge(api)
    entry = str(api.get(f"/v1/charges/{charge}")["balance_transaction"])
    net = int(api.get(f"/v1/balance_transactions/{entry}")["net"])
    expect(_usd(api) - before == net, f"it grew by {_usd(api) - before}, and the net is {net}")
    made(api.post("/v1/refunds", {"charge": charge}), amount=1000)
    left = _usd(api) - before
    expect(left == net - 1000, f"after the refund {left} is left, not {net - 1000}")


@check("a card whose holder disputes has its payment disputed, for the amount of it", _DISPUTES)
def dispute(api: Api) -> None:
    _, charge = _dispute(api)
    refused(api.post("/v1/refunds", {"charge": charge}), 400, "charge_disputed")


@check("evidence that wins gives back what the dispute has taken", _TESTING)
def dispute_won(api: Api) -> None:
    identifier, _ = _dispute(api)
    path = f"/v1/disputes/{identifier}"
    evidence = {"evidence[uncategorized_text]": "winning_evidence", "submit": "true"}
    made(api.post(path, evidence))
    goods.sooner_or_later(api, lambda: api.get(path), "status", "won")
    moved = [int(one["amount"]) for one in api.get(path)["balance_transactions"]]
    expect(len(moved) == 2 and sum(moved) == 0, f"it moved {moved}")


@check("evidence that loses leaves the money with the cardholder, and comes once", _TESTING)
def dispute_lost(api: Api) -> None:
    identifier, charge = _dispute(api)
    path = f"/v1/disputes/{identifier}"
    evidence = {"evidence[uncategorized_text]": "losing_evidence", "submit": "true"}
    made(api.post(path, evidence))
    goods.sooner_or_later(api, lambda: api.get(path), "status", "lost")
    moved = [int(one["amount"]) for one in api.get(path)["balance_transactions"]]
    expect(moved == [-1000], f"it moved {moved}")
    refused(api.post(f"{path}/close"), 400)
    refused(api.post("/v1/refunds", {"charge": charge}), 400)


@check("a dispute is given up once", _DISPUTES)
def dispute_closed(api: Api) -> None:
    identifier, _ = _dispute(api)
    path = f"/v1/disputes/{identifier}/close"
    made(api.post(path), status="lost")
    refused(api.post(path), 400)


@check("giving a dispute up at once: one is accepted", _DISPUTES)
def dispute_closed_at_once(api: Api) -> None:
    identifier, _ = _dispute(api)
    goods.one_won(goods.at_once(api, [(f"/v1/disputes/{identifier}/close", {})] * goods.MANY))
