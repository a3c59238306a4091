"""The chatty shop as a target, and the story told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import opened
from paidonce.harness.history import Action
from paidonce.harness.results.proof import Variant
from paidonce.harness.scenario.model import Attempt, Scenario, Step
from paidonce.harness.scenario.subject import Described
from paidonce.harness.service.description import Route, Target
from paidonce.harness.testbed.stack import Choice, open_stack

SERVICE = Path(__file__).with_name("chatty_service.py")
LIKE_REAL_SHOPS = 300
"""Statements per checkout."""

TARGET = Target(
    name="chatty",
    command=("{python}", str(SERVICE)),
    migrate=("{python}", str(SERVICE), "migrate"),
    environment={
        "DATABASE_URL": "{postgres_url}",
        "STRIPE_API_BASE": "{stripe_url}",
        "STRIPE_API_KEY": "{stripe_key}",
        "VARIANT": "{variant}",
        "STATEMENTS": str(LIKE_REAL_SHOPS),
        "HOST": "{host}",
        "PORT": "{port}",
    },
    settings={"statements": "STATEMENTS"},
    reset=(
        "DELETE FROM visits",
        "UPDATE orders SET payment_status = 'unpaid', payment_id = NULL",
    ),
    create_order=Route(
        method="POST", path="/orders", body={"amount": "{amount}", "currency": "{currency}"}
    ),
    read_order=Route(method="GET", path="/orders/{order}"),
    routes={Action.PAY: Route(method="POST", path="/orders/{order}/payments", body={})},
    webhook_path="/none",
    variants=(
        Variant(name="racy", title="Read, then write", sound=False),
        Variant(name="locked", title="FOR UPDATE", sound=True),
        Variant(name="keyed", title="FOR UPDATE, and the order's key at Stripe", sound=True),
    ),
)


def story(statements: int = LIKE_REAL_SHOPS, attempts: int = 2) -> Scenario:
    """``attempts`` clients pay one order, each with ``statements`` statements."""
    return Scenario(
        name="chatty",
        title="Chatty",
        story="Clients of a shop that talks to its database a lot pay one order.",
        attempts=tuple(
            Attempt(f"tab {number}", (Step(Action.PAY),)) for number in range(1, attempts + 1)
        ),
        checkers=(
            "one-success",
            "clean-rejections",
            "one-intent",
            "one-charge",
            "ledger-agrees",
            "linearizable",
        ),
        settings={"statements": str(statements)},
    )


@asynccontextmanager
async def chatty_worlds(
    variant: str, scenario: Scenario, choice: Choice, lanes: int = 1
) -> AsyncIterator[list[ServiceWorlds]]:
    """Worlds on the shop, running in ``variant``."""
    async with (
        open_stack(Described(TARGET), choice) as stack,
        opened(stack, scenario, variant, lanes) as worlds,
    ):
        yield worlds
