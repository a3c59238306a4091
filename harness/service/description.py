"""A target: how to start, drive and read a service under test, as plain data.

Nothing here knows any particular service. Texts may hold ``{placeholders}``; which ones is said
at each field, and an unknown one is reported when the target is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.history import Action
from paidonce.harness.http.client import Request
from paidonce.harness.results.proof import Variant


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request of the service's API.

    ``path`` may use ``{order}``. A string value of ``body`` that is exactly ``"{name}"`` becomes
    the argument of that name with its type kept; if the attempt gave no such argument the field
    is left out, so that the service's default applies.
    """

    method: str
    path: str
    body: dict[str, str] | None = None


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """A way in which what was left behind is seen to: statements (a lease is over), a request."""

    name: str
    sql: tuple[str, ...] = ()
    route: Route | None = None


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Where to find, in the service's JSON answers, what a history needs.

    Each value is a dotted path; a path that leads nowhere yields nothing.
    """

    order_id: str = "id"
    payment_id: str = "payment_id"
    payment_status: str = "payment_status"
    amount: str = "amount"
    currency: str = "currency"
    refund_id: str = "refund_id"
    refunded_amount: str = "refunded_amount"
    error_code: str = "error.code"
    checkout_id: str = "checkout_id"
    page: str = "url"
    handed_out: str = "handed_out"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A service under test.

    ``command`` starts it and ``migrate`` (if any) prepares an empty database; both, ``ahead`` and
    ``environment``, may use ``{python}``, ``{host}``, ``{port}``, ``{variant}``,
    ``{postgres_url}``, ``{redis_url}``, ``{stripe_url}``, ``{stripe_key}`` and
    ``{webhook_secret}``. It is ready when ``ready_path`` answers 200.

    ``ahead`` (if any) starts a zygote of it (``paidonce.harness.process.zygote``): from that it is
    started again after a crash, where loading it takes long.

    ``settings`` maps the neutral names by which scenarios ask for settings (stripe_timeout_s,
    redis_lease_ms, lock_timeout_ms, workers, pool_size, threads, ...) to the service's environment
    variables. ``stripe_stateless`` is asked for, as "1", where Stripe keeps no state, and
    ``server_timing`` under load.

    ``under_control`` are settings (by neutral names) for exploration, where a step may be held
    for long: time-outs out of the way, background work off. ``reset`` is SQL that takes every
    order back to unpaid, and to its first amount (``{amount}``, in minor units); without it each
    execution has a fresh order. ``recover`` is what the service does about what was left behind,
    in each round of recovery; under control its own clock does not do it.

    ``stripe_order_key`` is the metadata key by which the service's Stripe objects name their
    order. ``resting_statuses`` are the payment statuses of an order nobody is working on.
    ``vocabulary`` maps the service's payment statuses to the ones checkers know (unpaid,
    processing, paid, partially_refunded, refunded, cancelled); one that is missing is itself.
    """

    name: str
    command: tuple[str, ...]
    extra: str = ""
    """The extra of ours (``paidonce.harness.extras``) that has the libraries it needs."""
    ahead: tuple[str, ...] = ()
    environment: dict[str, str]
    settings: dict[str, str] = {}
    under_control: dict[str, str] = {}
    reset: tuple[str, ...] = ()
    recover: tuple[Sweep, ...] = ()
    migrate: tuple[str, ...] | None = None
    ready_path: str = "/healthz"
    create_order: Route
    read_order: Route
    routes: dict[Action, Route]
    webhook_path: str
    answers: Answers = Answers()
    idempotency_header: str = "Idempotency-Key"
    replayed_header: str = "Idempotent-Replayed"
    retries_header: str | None = None
    stripe_order_key: str = "order_id"
    vocabulary: dict[str, str] = {}
    resting_statuses: tuple[str, ...] = (
        "unpaid",
        "paid",
        "partially_refunded",
        "refunded",
        "cancelled",
    )
    variants: tuple[Variant, ...] = ()

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises ``UsageError`` listing the choices."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        choices = ", ".join(variant.name for variant in self.variants)
        raise UsageError(f"unknown guard {name!r}; choose one of: {choices}")


def fill(template: str, values: Mapping[str, str], where: str) -> str:
    """``template`` with its ``{placeholders}`` replaced.

    Raises ``UsageError`` that names ``where`` and the placeholders there are.
    """
    try:
        return template.format_map(values)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join("{" + name + "}" for name in sorted(values))
        raise UsageError(
            f"{where}: {template!r} has an unusable placeholder ({error}); known are {known}"
        ) from error


def request_for(
    target: Target, action: Action, order: str, args: Mapping[str, Any], key: str | None
) -> Request:
    """The request by which ``target`` is asked for ``action``.

    Raises ``UsageError`` when the target says no route for it.
    """
    route = target.read_order if action is Action.READ else target.routes.get(action)
    if route is None:
        raise UsageError(f"target {target.name}: no route is given for the action {action.value!r}")
    return _request(target, route, {"order": order}, args, key)


def creation_request(target: Target, amount: int, currency: str) -> Request:
    """The request that creates an unpaid order of ``amount`` minor units."""
    return _request(target, target.create_order, {}, {"amount": amount, "currency": currency}, None)


def sweep_request(target: Target, route: Route) -> Request:
    """The request of a sweep."""
    return _request(target, route, {}, {}, None)


def _request(
    target: Target,
    route: Route,
    places: Mapping[str, str],
    args: Mapping[str, Any],
    key: str | None,
) -> Request:
    headers = {} if key is None else {target.idempotency_header: key}
    body = b""
    if route.body is not None:
        fields = {name: _argument(text, args) for name, text in route.body.items()}
        body = msgspec.json.encode({k: v for k, v in fields.items() if v is not None})
        headers["Content-Type"] = "application/json"
    path = fill(route.path, places, f"target {target.name}, route {route.method} {route.path}")
    return Request(method=route.method, path=path, headers=headers, body=body)


def _argument(text: str, args: Mapping[str, Any]) -> Any:
    if text.startswith("{") and text.endswith("}"):
        return args.get(text[1:-1])
    return text
