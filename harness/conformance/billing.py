"""Subscriptions in the time of a test clock, invoices, and what makes them cheaper."""

from __future__ import annotations

import time

from paidonce.harness.conformance import goods
from paidonce.harness.conformance.checks import Group, expect, made, refused
from paidonce.harness.conformance.client import Api, StripeAnswer, fresh

check = Group("billing", "https://docs.stripe.com/api/subscriptions")

_TRIALS = "https://docs.stripe.com/billing/subscriptions/trials"
_CLOCKS = "https://docs.stripe.com/billing/testing/test-clocks"
_PRORATIONS = "https://docs.stripe.com/billing/subscriptions/prorations"
_STATUSES = "https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses"
_INVOICES = "https://docs.stripe.com/api/invoices"
_INVOICING = "https://docs.stripe.com/invoicing/overview"
_ITEMS = "https://docs.stripe.com/api/invoiceitems"
_COUPONS = "https://docs.stripe.com/api/coupons"
_CODES = "https://docs.stripe.com/api/promotion_codes"
_DAY = 86_400


def _begun(api: Api, owner: str, **more: str) -> StripeAnswer:
    """Begin a subscription of 700 usd a month."""
    form = {"customer": owner, "items[0][price]": goods.monthly(api), **more}
    return api.post("/v1/subscriptions", form)


def _invoices(api: Api, subscription: str) -> list[dict[str, object]]:
    """Return the invoices of a subscription, newest first."""
    listed = api.get("/v1/invoices", {"subscription": subscription, "limit": "20"})
    return list(listed["data"])


class _Clock:
    """A test clock."""

    def __init__(self, api: Api) -> None:
        self._api, self._now = api, int(time.time())
        made_now = api.post("/v1/test_helpers/test_clocks", {"frozen_time": str(self._now)})
        self.id = made(made_now, frozen_time=self._now)

    def advance(self, days: int) -> None:
        """Let time pass, and what is due in it happen."""
        self._now += days * _DAY
        path = f"/v1/test_helpers/test_clocks/{self.id}"
        made(self._api.post(f"{path}/advance", {"frozen_time": str(self._now)}))
        goods.sooner_or_later(self._api, lambda: self._api.get(path), "status", "ready")

    def forget(self) -> None:
        """Delete it, and with it the customers in its time: there may be few of them."""
        made(self._api.send("DELETE", f"/v1/test_helpers/test_clocks/{self.id}"), deleted=True)


@check("a subscription that is paid is active, and so is its first invoice paid")
def subscription(api: Api) -> None:
    begun = _begun(api, goods.payer(api))
    made(begun, status="active")
    made(api.get(f"/v1/invoices/{begun['latest_invoice']}"), status="paid", amount_paid=700)


@check("a subscription whose first payment is declined is incomplete until it is paid", _STATUSES)
def subscription_incomplete(api: Api) -> None:
    owner = goods.payer(api, "pm_card_chargeCustomerFail")
    begun = _begun(api, owner)
    path = f"/v1/subscriptions/{made(begun, status='incomplete')}"
    pays = {"payment_method": goods.kept(api, owner)}
    made(api.post(f"/v1/invoices/{begun['latest_invoice']}/pay", pays), status="paid")
    goods.sooner_or_later(api, lambda: api.get(path), "status", "active")


@check("a trial takes nothing until it is over", _TRIALS)
def subscription_trial(api: Api) -> None:
    begun = _begun(api, goods.payer(api), trial_period_days="7")
    made(begun, status="trialing")
    made(api.get(f"/v1/invoices/{begun['latest_invoice']}"), status="paid", amount_due=0)


@check("a subscription is canceled once")
def subscription_canceled(api: Api) -> None:
    path = f"/v1/subscriptions/{made(_begun(api, goods.payer(api)))}"
    made(api.send("DELETE", path), status="canceled")
    again = api.send("DELETE", path)
    expect(400 <= again.status < 500, f"canceled again, it answered {again}")


@check("cancellations of a subscription at once: one is accepted")
def subscription_canceled_at_once(api: Api) -> None:
    path = f"/v1/subscriptions/{made(_begun(api, goods.payer(api)))}"
    count = 5 if api.is_stripe else goods.MANY
    answers = api.together(count, lambda client, _: api.send("DELETE", path, client=client))
    accepted = sum(answer.status == 200 for answer in answers)
    expect(accepted == 1, f"{accepted} accepted; answers: {goods.told(answers)}")
    made(api.get(path), status="canceled")


@check("a subscription renews at the end of its period, with one invoice, which is paid", _CLOCKS)
def renewal(api: Api) -> None:
    clock = _Clock(api)
    identifier = made(_begun(api, goods.payer(api, test_clock=clock.id)), status="active")
    clock.advance(32)
    clock.advance(1)
    invoices = _invoices(api, identifier)
    told = [(one["billing_reason"], one["status"], one["amount_paid"]) for one in invoices]
    wanted = [("subscription_cycle", "paid", 700), ("subscription_create", "paid", 700)]
    expect(told == wanted, f"invoices: {told}")
    clock.forget()


@check("a renewal that is declined makes the subscription past_due, and is tried again", _STATUSES)
def renewal_declined(api: Api) -> None:
    clock = _Clock(api)
    owner = goods.payer(api, test_clock=clock.id)
    identifier = made(_begun(api, owner), status="active")
    bad = goods.kept(api, owner, "pm_card_chargeCustomerFail")
    made(api.post(f"/v1/customers/{owner}", {"invoice_settings[default_payment_method]": bad}))
    clock.advance(32)
    made(api.get(f"/v1/subscriptions/{identifier}"), status="past_due")
    newest = _invoices(api, identifier)[0]
    told = (newest["status"], newest["amount_paid"], newest["attempt_count"])
    expect(told[:2] == ("open", 0) and told[2] in (1, 2), f"the renewal's invoice is {told}")
    expect(newest["next_payment_attempt"], "it is not to be tried again")
    clock.forget()


@check("a subscription that is to end with its period does, and takes nothing more", _CLOCKS)
def subscription_ends(api: Api) -> None:
    clock = _Clock(api)
    identifier = made(_begun(api, goods.payer(api, test_clock=clock.id)), status="active")
    path = f"/v1/subscriptions/{identifier}"
    made(api.post(path, {"cancel_at_period_end": "true"}), status="active")
    clock.advance(32)
    made(api.get(path), status="canceled")
    invoices = _invoices(api, identifier)
    expect(len(invoices) == 1, f"{len(invoices)} invoices")
    clock.forget()


@check("a change in the middle of a period gives back what is left of the old price", _PRORATIONS)
def proration(api: Api) -> None:
    clock = _Clock(api)
    begun = _begun(api, goods.payer(api, test_clock=clock.id))
    identifier, item = made(begun, status="active"), begun["items"]["data"][0]["id"]
    clock.advance(10)
    dear = goods.monthly(api)
    changed = {"items[0][id]": item, "items[0][price]": dear, "items[0][quantity]": "2"}
    form = {**changed, "proration_behavior": "always_invoice"}
    made(api.post(f"/v1/subscriptions/{identifier}", form), status="active")
    newest = _invoices(api, identifier)[0]
    lines = api.get(f"/v1/invoices/{newest['id']}/lines")["data"]
    amounts = sorted(int(line["amount"]) for line in lines)
    expect(len(amounts) == 2 and amounts[0] < 0 < amounts[1], f"lines of {amounts}")
    expect(abs(amounts[1] + 2 * amounts[0]) <= 2, f"lines of {amounts}: not twice as much")
    expect(newest["status"] == "paid" and newest["amount_paid"] == sum(amounts), f"{newest}")
    clock.forget()


@check("an invoice is paid once", _INVOICES)
def invoice(api: Api) -> None:
    path = f"/v1/invoices/{goods.invoice(api)}"
    made(api.post(f"{path}/pay"), status="paid", amount_paid=700)
    refused(api.post(f"{path}/pay"), 400)
    made(api.get(path), status="paid", amount_paid=700)


@check("payments of an invoice at once take the money once", _INVOICES)
def invoice_at_once(api: Api) -> None:
    identifier = goods.invoice(api)
    answers = goods.at_once(api, [(f"/v1/invoices/{identifier}/pay", {})] * goods.MANY)
    goods.one_won(answers)
    customer = api.get(f"/v1/invoices/{identifier}")["customer"]
    charges = api.get("/v1/charges", {"customer": customer})["data"]
    took = sum(bool(charge["paid"]) for charge in charges)
    expect(took == 1, f"{took} charges are paid; answers: {goods.told(answers)}")


@check("a draft is deleted, and what is final is not, nor changed", _INVOICING)
def invoice_draft(api: Api) -> None:
    gone = f"/v1/invoices/{goods.draft(api, goods.payer(api))}"
    made(api.send("DELETE", gone), deleted=True)
    final = f"/v1/invoices/{goods.invoice(api)}"
    refused(api.send("DELETE", final), 400)
    refused(api.post(f"{final}/finalize"), 400)
    owner = str(api.get(final)["customer"])
    late = {"customer": owner, "invoice": final.rpartition("/")[2], "currency": "usd"}
    refused(api.post("/v1/invoiceitems", {**late, "amount": "100"}), 400)
    made(api.get(final), status="open", amount_due=700)


@check("a voided invoice is not paid", _INVOICES)
def invoice_voided(api: Api) -> None:
    path = f"/v1/invoices/{goods.invoice(api)}"
    made(api.post(f"{path}/void"), status="void")
    refused(api.post(f"{path}/pay"), 400)


@check("an invoice that was given up can be paid all the same", _INVOICING)
def invoice_uncollectible(api: Api) -> None:
    path = f"/v1/invoices/{goods.invoice(api)}"
    made(api.post(f"{path}/mark_uncollectible"), status="uncollectible", amount_paid=0)
    made(api.post(f"{path}/pay"), status="paid", amount_paid=700)
    refused(api.post(f"{path}/void"), 400)


@check("of payments and voidings of an invoice at once one wins", _INVOICES)
def invoice_paid_or_voided(api: Api) -> None:
    path = f"/v1/invoices/{goods.invoice(api)}"
    goods.at_once(api, [(f"{path}/pay", {}), (f"{path}/void", {})] * (goods.MANY // 2))
    answer = api.get(path)
    status, customer = answer["status"], answer["customer"]
    charges = api.get("/v1/charges", {"customer": customer})["data"]
    took = sum(bool(charge["paid"]) for charge in charges)
    wanted = {"paid": 1, "void": 0}.get(str(status))
    expect(took == wanted, f"it is {status}, and {took} charges are paid")


@check("an invoice item waits for the customer's next invoice, and is on one of them", _ITEMS)
def invoice_item(api: Api) -> None:
    owner = goods.payer(api)
    item = {"customer": owner, "amount": "300", "currency": "usd"}
    identifier = made(api.post("/v1/invoiceitems", item), amount=300, invoice=None)
    form = {"customer": owner, "pending_invoice_items_behavior": "include"}
    first = made(api.post("/v1/invoices", form), amount_due=300)
    made(api.get(f"/v1/invoiceitems/{identifier}"), invoice=first)
    second = api.post("/v1/invoices", form)
    none = second.status == 400 or (second.status == 200 and second["amount_due"] == 0)
    expect(none, f"a second invoice: {second}, due {second['amount_due']}")


@check("a coupon takes off what it says, as often as it says", _COUPONS)
def coupon(api: Api) -> None:
    off = {"discounts[0][coupon]": goods.coupon(api, max_redemptions="1")}
    begun = _begun(api, goods.payer(api), **off)
    made(begun, status="active")
    made(api.get(f"/v1/invoices/{begun['latest_invoice']}"), subtotal=700, amount_paid=630)
    refused(_begun(api, goods.payer(api), **off), 400)


@check("a coupon that was deleted takes nothing off any more", _COUPONS)
def coupon_deleted(api: Api) -> None:
    identifier = goods.coupon(api)
    made(api.send("DELETE", f"/v1/coupons/{identifier}"), deleted=True)
    off = {"discounts[0][coupon]": identifier}
    refused(_begun(api, goods.payer(api), **off), 400, "resource_missing")


@check("the last redemption of a coupon goes to one of those who want it at once", _COUPONS)
def coupon_at_once(api: Api) -> None:
    identifier, price = goods.coupon(api, max_redemptions="1"), goods.monthly(api)
    asked = [
        {
            "customer": goods.payer(api),
            "items[0][price]": price,
            "discounts[0][coupon]": identifier,
        }
        for _ in range(4)
    ]
    goods.one_won(goods.at_once(api, [("/v1/subscriptions", form) for form in asked]))
    made(api.get(f"/v1/coupons/{identifier}"), times_redeemed=1, valid=False)


@check("a promotion code is one customer's, and so often, while it is active", _CODES)
def promotion_code(api: Api) -> None:
    owner, text = goods.payer(api), fresh("code").upper().replace("PAIDONCE-CODE-", "")
    form = {
        "promotion[type]": "coupon",
        "promotion[coupon]": goods.coupon(api),
        "code": text,
        "max_redemptions": "1",
    }
    identifier = made(api.post("/v1/promotion_codes", form), active=True, code=text)
    refused(api.post("/v1/promotion_codes", form), 400)
    off = {"discounts[0][promotion_code]": identifier}
    made(_begun(api, owner, **off), status="active")
    made(api.get(f"/v1/promotion_codes/{identifier}"), times_redeemed=1, active=False)
    refused(_begun(api, owner, **off), 400)
