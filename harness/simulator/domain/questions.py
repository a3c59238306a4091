"""The question that a payer is asked: by which way, and where."""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain.state import World


def next_action(
    world: World, identifier: str, secret: str, return_url: str | None, use_stripe_sdk: bool
) -> dict[str, Any]:
    """How the payer is asked: by a redirect, or in the page by Stripe's own script.

    Either way the question is on a page of this simulator.
    """
    asked_at = f"{world.base_url}{ACTION_PATH}{identifier}?client_secret={secret}"
    if return_url is None or use_stripe_sdk:
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": identifier,
                "stripe_js": asked_at,
                "type": "three_d_secure_redirect",
            },
        }
    return {
        "redirect_to_url": {
            "return_url": return_url,
            "url": asked_at,
        },
        "type": "redirect_to_url",
    }


ACTION_PATH = "/_paidonce/authenticate/"
"""Where this simulator asks its payers."""
