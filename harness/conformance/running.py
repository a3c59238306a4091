"""Running the checks against a server, and what came of each."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx

from paidonce.harness.conformance.checks import Check, Failed, Skipped
from paidonce.harness.conformance.client import Api
from paidonce.harness.errors import Unavailable


class CheckOutcome(enum.StrEnum):
    """The end of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckResult:
    """A check, how it ended, why if it did not pass, and how long it took."""

    check: Check
    outcome: CheckOutcome
    detail: str
    seconds: float


def run(
    api: Api, checks: Iterable[Check], tell: Callable[[CheckResult], None] = lambda _: None
) -> list[CheckResult]:
    """Run the checks one after the other, telling each result as it comes.

    Raises ``Unavailable`` when nobody answers at the server's address at all.
    """
    try:
        api.get("/v1/payment_intents", {"limit": "1"})
    except httpx.TransportError as error:
        raise Unavailable(
            "stripe-check", f"{api.url} does not answer ({error})", "See whether it is running"
        ) from error
    results = []
    for check in checks:
        began = time.monotonic()
        outcome, detail = _outcome(check, api)
        result = CheckResult(check, outcome, detail, time.monotonic() - began)
        results.append(result)
        tell(result)
    return results


def _outcome(check: Check, api: Api) -> tuple[CheckOutcome, str]:
    try:
        check.run(api)
    except Skipped as reason:
        return CheckOutcome.SKIPPED, str(reason)
    except Failed as reason:
        return CheckOutcome.FAILED, str(reason)
    except httpx.HTTPError as error:
        return CheckOutcome.FAILED, f"no answer: {type(error).__name__}: {error}"
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        # An answer of quite another shape than the one read from: the server's doing.
        return CheckOutcome.FAILED, f"an answer of another shape: {type(error).__name__}: {error}"
    return CheckOutcome.PASSED, ""
