"""All checks, in the order they are told."""

from __future__ import annotations

from paidonce.harness.conformance import (
    billing,
    connect,
    idempotency,
    lifecycle,
    races,
    refunds,
    sales,
    shape,
    surroundings,
    webhooks,
)

_MODULES = (
    shape,
    lifecycle,
    refunds,
    idempotency,
    races,
    sales,
    billing,
    connect,
    surroundings,
    webhooks,
)

CHECKS = tuple(check for module in _MODULES for check in module.check.checks)
