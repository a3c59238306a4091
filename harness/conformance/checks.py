"""A check of a Stripe, and what all checks have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paidonce.harness.conformance.client import Api, StripeAnswer

Run = Callable[[Api], None]


class Failed(Exception):
    """The server did something else than Stripe documents; the message says what."""


class Skipped(Exception):
    """This server cannot be judged on this; the message says why."""


@dataclass(frozen=True)
class Check:
    """One behaviour; ``source`` is the page that documents it."""

    name: str
    group: str
    claim: str
    source: str
    run: Run


def expect(condition: object, saw: str) -> None:
    """Raises ``Failed`` with what was seen, unless the condition holds."""
    if not condition:
        raise Failed(saw)


def refused(
    answer: StripeAnswer, status: int, code: str | None = None, param: str | None = None
) -> None:
    """Expect an error of Stripe's shape with that status, and that code or parameter if given."""
    wanted = str(status) if code is None else f"{status} {code}"
    expect(answer.status == status, f"expected {wanted}, got {answer}")
    expect(answer.error.get("message"), f"{answer.status} without error.message")
    for name, value in (("code", code), ("param", param)):
        got = answer.error.get(name)
        expect(value is None or got == value, f"expected the {name} {value}, got {got}")


def made(answer: StripeAnswer, **fields: Any) -> str:
    """Expect a 200 whose body has these fields; the object's id."""
    expect(answer.status == 200, f"expected 200, got {answer}")
    for name, value in fields.items():
        expect(answer[name] == value, f"expected {name} {value!r}, got {answer[name]!r}")
    identifier = answer["id"]
    expect(isinstance(identifier, str), "the answer has no id")
    return str(identifier)


CARD = {"payment_method_types[]": "card"}
NEW = {"amount": "1000", "currency": "usd", **CARD}


def new(api: Api, **more: str) -> StripeAnswer:
    """A new payment intent of 1000 usd for cards."""
    return api.post("/v1/payment_intents", {**NEW, **more})


def paid(api: Api, card: str = "pm_card_visa", **more: str) -> StripeAnswer:
    """A new payment intent, confirmed at once."""
    return new(api, confirm="true", payment_method=card, **more)


def charges_of(api: Api, intent: str) -> list[dict[str, Any]]:
    """The charges of an intent, newest first."""
    answer = api.get("/v1/charges", {"payment_intent": intent, "limit": "100"})
    expect(answer.status == 200 and isinstance(answer["data"], list), f"listing charges: {answer}")
    return list(answer["data"])


class Group:
    """Collects the checks of one subject."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source
        self.checks: list[Check] = []

    def __call__(self, claim: str, source: str | None = None) -> Callable[[Run], Run]:
        """Register a function as the check of ``claim``; its name becomes the check's."""

        def register(run: Run) -> Run:
            name = run.__name__.strip("_").replace("_", "-")
            self.checks.append(Check(name, self.name, claim, source or self.source, run))
            return run

        return register
