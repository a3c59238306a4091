"""Stripe's own hosts that a service asked for past the tap, and was kept from."""

from __future__ import annotations

from paidonce.harness.testbed.bench import Bench


def past_the_tap(bench: Bench) -> list[str]:
    """Return which of Stripe's own hosts the service asked for, in words: it got no answer."""
    hosts = () if bench.egress is None else sorted(bench.egress.refused)
    return [f"the service calls {host} itself, past the tap; that is refused" for host in hosts]
