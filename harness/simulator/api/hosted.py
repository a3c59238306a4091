"""The pages behind links: an account's onboarding, which sends on, and a customer's portal."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from paidonce.harness.simulator.domain import links
from paidonce.harness.simulator.domain.billing_objects import Subscription
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.links import PAGE_PATH
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.wire.messages import HTML, ApiRequest, Reply
from paidonce.harness.simulator.wire.page import page, sendable


def answer(world: World, request: ApiRequest) -> Reply:
    """The page, or what came of what was done on it."""
    token = request.path.removeprefix(PAGE_PATH)
    try:
        link = links.require(world, token)
        if link.expires_at is not None:
            if request.method != "GET":
                return page(405, "This page is followed by GET", "")
            return _sent_on(links.follow(world, token))
        if request.method == "POST":
            _do(world, token, request.body)
            return Reply(303, b"", {"location": request.path}, HTML)
        return _portal(world, token, link.return_url)
    except StripeError as error:
        return page(error.status, "This page cannot be used", escape(str(error)))


def _do(world: World, token: str, body: bytes) -> None:
    form = parse_qs(body.decode("utf-8", "replace"))
    for name, ends in (("cancel", True), ("keep", False)):
        for subscription in form.get(name, ()):
            links.end_later(world, token, subscription, ends)


def _sent_on(url: str | None) -> Reply:
    if url is None or not sendable(url):
        return page(200, "The account is ready", "")
    return Reply(303, b"", {"location": url}, HTML)


def _portal(world: World, token: str, back: str | None) -> Reply:
    rows = "".join(_row(token, subscription) for subscription in links.going(world, token))
    away = f'<p><a href="{escape(back)}">Back</a></p>' if back and sendable(back) else ""
    return page(200, "Your subscriptions", (rows or "<p>There are none.</p>") + away)


def _row(token: str, subscription: Subscription) -> str:
    name, what = "cancel", "End with its period"
    if subscription.cancel_at_period_end:
        name, what = "keep", "Do not end it"
    return (
        f'<form method="post" action="{PAGE_PATH}{escape(token)}"><p>{escape(subscription.id)}, '
        f'{escape(subscription.status)} <button name="{name}" value="{escape(subscription.id)}">'
        f"{what}</button></p></form>"
    )
