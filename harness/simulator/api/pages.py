"""Pages for people: what happens live, where a payer pays, and is asked to authenticate.

They are below ``/_paidonce``, where no client of Stripe has any business. The live page reads the
control API, with its header; a page from elsewhere cannot, as browsers send such a header across
origins only to those who agree.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from urllib.parse import parse_qs

from paidonce.harness.simulator.api import hosted, payer
from paidonce.harness.simulator.domain import checkout, links, setups
from paidonce.harness.simulator.domain.checkout_making import PAGE_PATH
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.intents import require
from paidonce.harness.simulator.domain.objects import PaymentIntent, SetupIntent
from paidonce.harness.simulator.domain.questions import ACTION_PATH
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.messages import HTML, ApiRequest, Reply
from paidonce.harness.simulator.wire.origin import stranger
from paidonce.harness.simulator.wire.page import PAGE_HEADERS, page, sendable

PREFIX = "/_paidonce"


def addressed(request: ApiRequest) -> bool:
    """Return whether this asks for a page."""
    return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")


def answer(simulation: Simulation, request: ApiRequest) -> Reply:
    """A page, or 404 where there is none."""
    asked = request.path.startswith(ACTION_PATH)
    paying = request.path.startswith(PAGE_PATH)
    hosting = request.path.startswith(links.PAGE_PATH)
    if why := stranger(request, followed=asked or paying or hosting):
        return page(403, "This page is for this machine only", escape(why))
    if asked:
        return _authentication(simulation, request)
    if paying:
        return payer.answer(simulation.epoch.world, request)
    if hosting:
        return hosted.answer(simulation.epoch.world, request)
    if request.path.rstrip("/") == PREFIX and request.method in ("GET", "HEAD"):
        live = files("paidonce.harness.simulator").joinpath("live.html").read_bytes()
        return Reply(200, live, PAGE_HEADERS, HTML)
    return page(404, "There is no such page", "")


def _authentication(simulation: Simulation, request: ApiRequest) -> Reply:
    """Ask the payer (GET) or take the answer (POST), knowing the intent's client secret."""
    world = simulation.epoch.world
    identifier = request.path.removeprefix(ACTION_PATH)
    secret = _one(request.query, "client_secret")
    try:
        setting_up = identifier in world.setups
        intent = setups.require(world, identifier) if setting_up else require(world, identifier)
        if secret != intent.client_secret:
            return page(403, "This payment is somebody else's", "")
        if request.method == "POST":
            back = _return_url(intent)
            succeeded = _one(request.body, "outcome") != "fail"
            if setting_up:
                intent = checkout.authenticate_setup(world, identifier, succeeded)
            else:
                intent = checkout.authenticate(world, identifier, succeeded)
            if (session := world.session_of.get(identifier)) is not None:
                open_still = world.sessions[session].url  # to be tried again
                return Reply(303, b"", {"location": open_still or back or PREFIX}, HTML)
            if back is not None:
                separator = "&" if "?" in back else "?"
                query = f"{intent.object}={intent.id}&{intent.object}_client_secret={secret}"
                return Reply(303, b"", {"location": f"{back}{separator}{query}"}, HTML)
            what = "card" if setting_up else "payment"
            return page(200, f"The {what} {intent.status.replace('_', ' ')}", "")
    except StripeError as error:
        return page(error.status, "There is nothing to authenticate", escape(str(error)))
    if intent.status != "requires_action":
        return page(200, "There is nothing to authenticate", f"It has {escape(intent.status)}.")
    return page(
        200,
        "Authenticate this test payment?",
        f"<p>{escape(_told(intent))}</p>"
        f'<form method="post" action="{ACTION_PATH}{escape(intent.id)}'
        f'?client_secret={escape(secret)}">'
        '<button name="outcome" value="complete">Complete</button> '
        '<button name="outcome" value="fail">Fail</button></form>',
    )


def _told(intent: PaymentIntent | SetupIntent) -> str:
    if isinstance(intent, SetupIntent):
        return f"a card to be saved, {intent.id}"
    return f"{intent.amount} {intent.currency}, {intent.id}"


def _return_url(intent: PaymentIntent | SetupIntent) -> str | None:
    redirect = (intent.next_action or {}).get("redirect_to_url")
    url = None if redirect is None else redirect["return_url"]
    return url if url and sendable(url) else None


def _one(form: bytes, name: str) -> str:
    values = parse_qs(form.decode("utf-8", "replace")).get(name)
    return values[0] if values else ""
