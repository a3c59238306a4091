"""From what a person wrote ("embedded", "container", a URL) to a running backend."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from paidonce.harness.backends import stripe_keys
from paidonce.harness.backends.base import PostgresServer, RedisServer, Role, StripeServer
from paidonce.harness.backends.urls import looks_like_url
from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.extras import need
from paidonce.harness.masking import word_without_credentials

KINDS: dict[Role, tuple[str, ...]] = {
    Role.POSTGRES: ("embedded", "container"),
    Role.REDIS: ("embedded", "container"),
    Role.STRIPE: ("simulator", "stripe-mock", "stripe-mock-container", "localstripe"),
}
"""The names a spec may have for each role, the default first; a URL is always possible too."""


def open_postgres(spec: str = "embedded", *, replicated: bool = False) -> PostgresServer:
    """A PostgreSQL server: "embedded", "container" or a ``postgresql://`` URL.

    An embedded one that is ``replicated`` can have replicas. Raises ``UsageError`` for a spec that
    is none of these, else what the backend raises.
    """
    # Imported where needed: Docker's and PostgreSQL's clients cost 0.2 s each to load.
    if looks_like_url(spec):
        from paidonce.harness.backends.postgres_url import UrlPostgres

        return UrlPostgres(spec)
    check_spec(Role.POSTGRES, spec)
    if spec == "container":
        need("containers")
        from paidonce.harness.backends.postgres_container import ContainerPostgres

        return ContainerPostgres()
    from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres

    return EmbeddedPostgres(replicated=replicated)


def open_redis(spec: str = "embedded") -> RedisServer:
    """A Redis-compatible server: "embedded", "container" or a ``redis://`` URL.

    Raises ``UsageError`` for a spec that is none of these, else what the backend raises.
    """
    if looks_like_url(spec):
        from paidonce.harness.backends.redis_url import UrlRedis

        return UrlRedis(spec)
    check_spec(Role.REDIS, spec)
    if spec == "container":
        need("containers")
        from paidonce.harness.backends.redis_container import ContainerRedis

        return ContainerRedis()
    from paidonce.harness.backends.redis_embedded import EmbeddedRedis

    return EmbeddedRedis()


def open_stripe(
    spec: str = "simulator",
    *,
    api_key: str | None = None,
    webhook_secret: str | None = None,
    capabilities: Collection[Capability] = (),
    stripe_mock: Path | None = None,
    simulator_arguments: Collection[str] = (),
) -> StripeServer:
    """Something that speaks Stripe's API: "simulator", a kind among ``KINDS``, or a URL.

    ``api_key`` and ``capabilities`` (added to what is known of it) are for URLs only,
    ``stripe_mock`` names the binary, ``simulator_arguments`` go to the simulator. A live key,
    given or in the environment, is refused whatever the spec.

    Raises ``UsageError`` for a spec that is none of these, else what the backend raises.
    """
    stripe_keys.refuse_live(api_key, "the Stripe API key")
    stripe_keys.refuse_live_environment()
    if looks_like_url(spec):
        from paidonce.harness.backends.stripe_url import UrlStripe

        return UrlStripe(
            spec, api_key=api_key, webhook_secret=webhook_secret, capabilities=capabilities
        )
    check_spec(Role.STRIPE, spec)
    if spec == "stripe-mock":
        from paidonce.harness.backends.stripe_mock import MockStripe

        return MockStripe(stripe_mock, webhook_secret=webhook_secret)
    if spec == "stripe-mock-container":
        need("containers")
        from paidonce.harness.backends.stripe_mock_container import ContainerMockStripe

        return ContainerMockStripe(webhook_secret=webhook_secret)
    if spec == "localstripe":
        from paidonce.harness.backends.localstripe import LocalStripe

        return LocalStripe(webhook_secret=webhook_secret)
    from paidonce.harness.backends.stripe_simulator import SimulatedStripe

    return SimulatedStripe(*simulator_arguments, webhook_secret=webhook_secret)


def check_spec(role: Role, spec: str) -> None:
    """Raises ``UsageError`` unless ``spec`` is a URL or one of the kinds of this role."""
    if not looks_like_url(spec) and spec not in KINDS[role]:
        choices = ", ".join(KINDS[role])
        raise UsageError(
            f"{role} backend {word_without_credentials(spec)!r} is not known; "
            f"expected one of {choices}, or a URL"
        )
