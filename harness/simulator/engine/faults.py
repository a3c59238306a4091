"""Faults on demand: what goes wrong with which requests.

A rule says which requests it is about and what happens to them; it is set through the control
API. A single request can ask for a fault itself, with the header ``Paidonce-Fault``. No client of
Stripe does either by accident. The first rule that matches and whose turn it is decides.

``before`` and ``after`` mean the effect: an error, a reset or a silence *before* leaves nothing
done; the same *after* looks alike to the client, and the payment was made.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from paidonce.harness.simulator.wire.latency import Distribution, Fixed

HEADER = "paidonce-fault"


class When(enum.StrEnum):
    """On which side of the effect."""

    BEFORE = "before"
    AFTER = "after"


class _Fault(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """The part that all faults have in common: how they are written as JSON."""


class ErrorFault(_Fault, frozen=True, kw_only=True, tag="error"):
    """An answer of 500 or another 5xx.

    ``stored`` says whether it is kept under the idempotency key, as Stripe keeps a 500 that
    arose in executing; ``should_retry`` is the ``Stripe-Should-Retry`` header, if any.
    """

    when: When = When.BEFORE
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 500
    stored: bool = True
    should_retry: bool | None = None


class ResetFault(_Fault, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset instead of an answer."""

    when: When = When.BEFORE


class SilenceFault(_Fault, frozen=True, kw_only=True, tag="silence"):
    """No answer ever comes; the connection stays open."""

    when: When = When.BEFORE


class RateLimitFault(_Fault, frozen=True, kw_only=True, tag="rate_limit"):
    """429, before anything happens; nothing is stored."""


class LockFault(_Fault, frozen=True, kw_only=True, tag="lock_timeout"):
    """429 ``lock_timeout``, as if another request had held the object too long."""


class SlowFault(_Fault, frozen=True, kw_only=True, tag="slow_body"):
    """The answer's body comes in pieces."""

    bytes: Annotated[int, msgspec.Meta(ge=1)] = 64
    pause: Distribution = Fixed(50)


class LatencyFault(_Fault, frozen=True, kw_only=True, tag="latency"):
    """The request takes its own time, whatever the others take."""

    before: Distribution = Fixed()
    held: Distribution = Fixed()
    after: Distribution = Fixed()
    around: Distribution = Fixed()


Fault = (
    ErrorFault | ResetFault | SilenceFault | RateLimitFault | LockFault | SlowFault | LatencyFault
)


_DECODER: msgspec.json.Decoder[Fault] = msgspec.json.Decoder(Fault)


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests: all that satisfy everything that is given.

    ``path`` is a shell pattern (``/v1/payment_intents/*/confirm``), ``key`` an idempotency key,
    ``params`` the values of parameters by their name on the wire (``metadata[order_id]``).
    """

    method: str | None = None
    path: str = "*"
    key: str | None = None
    params: dict[str, str] = {}

    def fits(self, method: str, path: str, key: str | None, form: Mapping[str, Any]) -> bool:
        """Return whether a request satisfies everything that is given."""
        return (
            (self.method is None or self.method == method)
            and fnmatchcase(path, self.path)
            and (self.key is None or self.key == key)
            and all(_at(form, name) == value for name, value in self.params.items())
        )


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule: the fault that befalls requests that fit, each with ``probability``.

    The first ``skip`` that fit are spared, and after ``times`` faults it is over.
    """

    fault: Fault
    match: Match = Match()
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int | None = None


class _Active:
    def __init__(self, rule: Rule, seed: object) -> None:
        self.rule = rule
        self.rng = random.Random(f"fault {seed if rule.seed is None else rule.seed}")
        self.fitted = 0
        self.done = 0

    def turn(self) -> bool:
        self.fitted += 1
        rule = self.rule
        if self.fitted <= rule.skip or (rule.times is not None and self.done >= rule.times):
            return False
        if rule.probability < 1 and self.rng.random() >= rule.probability:
            return False
        self.done += 1
        return True


class Faults:
    """The rules in force, in the order they were given; ``seed`` makes chances repeatable."""

    def __init__(self, rules: tuple[Rule, ...] = (), seed: int | None = None) -> None:
        self._active = [
            _Active(rule, f"{'free' if seed is None else seed} {number}")
            for number, rule in enumerate(rules)
        ]

    def __bool__(self) -> bool:
        return bool(self._active)

    def choose(
        self, method: str, path: str, key: str | None, form: Mapping[str, Any]
    ) -> Fault | None:
        """The fault a request meets, if any; to be asked once for each request."""
        for active in self._active:
            if active.rule.match.fits(method, path, key, form) and active.turn():
                return active.rule.fault
        return None

    def summaries(self) -> list[dict[str, Any]]:
        """Each rule with how many requests fitted and how many met its fault."""
        return [
            {"rule": active.rule, "fitted": active.fitted, "faults": active.done}
            for active in self._active
        ]


def from_header(text: str) -> Fault:
    """The fault a request's own header asks for. Raises ``ValueError`` saying what is wrong."""
    try:
        return _DECODER.decode(text.encode())
    except msgspec.MsgspecError as error:
        raise ValueError(f"Paidonce-Fault is not a fault: {error}") from error


def _at(form: Mapping[str, Any], name: str) -> object:
    head, *rest = name.replace("]", "").split("[")
    value: object = form.get(head)
    for step in rest:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
