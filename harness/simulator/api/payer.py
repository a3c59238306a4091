"""The page of a Checkout Session: a payer looks at it (GET) and pays (POST).

One POST is enough, from a browser or from a test: ``payment_method`` says how (``pm_card_visa``
unless told otherwise, and nothing where nothing is to be paid with), ``email`` who. Whoever has
paid is sent to the session's ``success_url``, whoever must be authenticated to the page where that
is asked, and whoever is declined finds out here, with status 402.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from paidonce.harness.simulator.domain import checkout, money
from paidonce.harness.simulator.domain.checkout_making import PAGE_PATH
from paidonce.harness.simulator.domain.errors import Declined, SetupDeclined, StripeError
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.sale_objects import CheckoutSession
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.wire.messages import HTML, ApiRequest, Reply
from paidonce.harness.simulator.wire.page import page, sendable

_CARDS = (
    ("pm_card_visa", "pays"),
    ("pm_card_threeDSecure2Required", "asks for 3D Secure"),
    ("pm_card_chargeDeclined", "is declined"),
    ("pm_usBankAccount_success", "pays later"),
)


def answer(world: World, request: ApiRequest) -> Reply:
    """The page, or what came of submitting it."""
    identifier = request.path.removeprefix(PAGE_PATH)
    try:
        session = checkout.require(world, identifier)
        if request.method != "POST":
            return _shown(session)
        return _paid(world, session, request)
    except (Declined, SetupDeclined) as declined:
        return _form(402, world.sessions[identifier], declined.error.message)
    except StripeError as error:
        return page(error.status, "This page cannot be paid", escape(str(error)))


def _paid(world: World, session: CheckoutSession, request: ApiRequest) -> Reply:
    form = parse_qs(request.body.decode("utf-8", "replace"))
    method = form.get("payment_method", [None if _needs_no_method(session) else _CARDS[0][0]])[0]
    email = form.get("email", [None])[0]
    code = form.get("promotion_code", [None])[0] or None
    source = None if method is None else PaymentSource(payment_method=method)
    session = checkout.pay(world, session.id, source, email, code)
    if session.status == "complete":
        return _sent_on(checkout.success_url(session), "Paid")
    if session.setup_intent is not None:
        action = world.setups[session.setup_intent].next_action
    else:
        action = world.intents[str(session.payment_intent)].next_action
    asked = (action or {}).get("redirect_to_url")
    assert asked is not None, "a session that was submitted is complete or has a question"
    return _sent_on(asked["url"], "Authenticate this payment")


def _needs_no_method(session: CheckoutSession) -> bool:
    """True where nothing is due now, and a method is asked for only if something is."""
    return session.payment_method_collection == "if_required" and not session.amount_total


def _sent_on(url: str | None, title: str) -> Reply:
    if url is None or not sendable(url):
        return page(200, title, "")
    return Reply(303, b"", {"location": url}, HTML)


def _shown(session: CheckoutSession) -> Reply:
    if session.status != "open":
        return page(200, f"This Checkout Session is {session.status}", "")
    return _form(200, session, "")


def _form(status: int, session: CheckoutSession, refusal: str) -> Reply:
    cards = "".join(f'<option value="{name}">{name} {what}</option>' for name, what in _CARDS)
    card = f'<label>Card <select name="payment_method">{cards}</select></label> '
    if _needs_no_method(session):
        card = ""
    code = ""
    if session.allow_promotion_codes:
        code = '<label>Promotion code <input name="promotion_code"></label> '
    amount = money.written(session.amount_total or 0, session.currency or "usd")
    return page(
        status,
        "Save a card" if session.mode == "setup" else f"Pay {amount}",
        f"<p>{escape(refusal)}</p>"
        f'<form method="post" action="{PAGE_PATH}{escape(session.id)}">'
        f"{card}"
        '<label>Email <input name="email" type="email"></label> '
        f"{code}<button>Pay</button></form>",
    )
