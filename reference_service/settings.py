"""Settings from the environment: read once, validated, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from paidonce.reference_service.guards import GUARDS


class SettingsError(Exception):
    """An environment variable is missing or has a bad value; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings with which the service was started.

    ``lock_timeout_ms`` and ``redis_lease_ms`` are milliseconds, names ending in ``_s`` are
    seconds. ``handler_threads`` is how many requests are worked on at once; with more of them than
    connections a guard that holds none while Stripe is called can use the difference.
    ``server_timing`` has every answer say where its time went (see ``spent``).
    ``stripe_stateless`` is for stripe-mock alone: it keeps no state and answers every
    confirmation with its fixture's status, so an answer without error has to be read as the
    success it stands for.
    """

    database_url: str
    redis_url: str | None
    stripe_api_base: str
    stripe_api_key: str
    stripe_webhook_secret: str
    stripe_timeout_s: float
    stripe_max_network_retries: int
    stripe_stateless: bool
    payment_guard: str
    host: str
    port: int
    web_concurrency: int
    db_pool_size: int
    handler_threads: int
    lock_timeout_ms: int
    guard_retries: int
    redis_lease_ms: int
    recovery_interval_s: float
    claim_lease_s: float
    server_timing: bool = False
    public_url: str = "https://shop.example"
    """Where customers find the shop: Stripe's pages send them back there."""


@dataclass(frozen=True)
class _Reader:
    env: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.env.get(name, "").strip() or default
        if value is None:
            raise SettingsError(f"{name} is not set and has no default")
        return value

    def url(
        self, name: str, schemes: tuple[str, ...], default: str | None = None, socket: bool = False
    ) -> str:
        """``socket``: the host may be absent, as in PostgreSQL's ``?host=/socket/folder``."""
        value = self.text(name, default)
        expected = f"{name} must be a URL like {schemes[0]}://host[:port]"
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise SettingsError(f"{expected}: {error}") from None
        if parts.scheme not in schemes or not (host or socket):
            raise SettingsError(expected)
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise SettingsError(
                f"{name} must be a whole number from {low} to {high}, not {value!r}"
            )
        return number

    def seconds(self, name: str, default: float, low: float, high: float) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise SettingsError(
                f"{name} must be a number of seconds from {low:g} to {high:g}, not {value!r}"
            )
        return number

    def flag(self, name: str) -> bool:
        value = self.text(name, "0")
        if value not in ("0", "1"):
            raise SettingsError(f"{name} must be 0 or 1, not {value!r}")
        return value == "1"


def load(env: Mapping[str, str]) -> Settings:
    """Read every setting from ``env``. Raises ``SettingsError`` at the first bad one."""
    read = _Reader(env)
    guard = read.text("PAYMENT_GUARD", "row_lock")
    if guard not in GUARDS:
        raise SettingsError(f"PAYMENT_GUARD must be one of {', '.join(GUARDS)}, not {guard!r}")
    redis_url = None
    if GUARDS[guard].needs_redis or env.get("REDIS_URL", "").strip():
        redis_url = read.url("REDIS_URL", ("redis", "rediss", "unix"), socket=True)
    api_base = read.url("STRIPE_API_BASE", ("https", "http"), "https://api.stripe.com").rstrip("/")
    stateless = read.flag("STRIPE_STATELESS")
    if stateless and urlsplit(api_base).hostname == "api.stripe.com":
        raise SettingsError("STRIPE_STATELESS=1 is for stripe-mock, not for https://api.stripe.com")
    pool_size = read.integer("DB_POOL_SIZE", 20, 1, 500)
    return Settings(
        database_url=read_database_url(env),
        redis_url=redis_url,
        stripe_api_base=api_base,
        stripe_api_key=read.text("STRIPE_API_KEY"),
        stripe_webhook_secret=read.text("STRIPE_WEBHOOK_SECRET"),
        stripe_timeout_s=read.seconds("STRIPE_TIMEOUT_S", 30, 0.05, 600),
        stripe_max_network_retries=read.integer("STRIPE_MAX_NETWORK_RETRIES", 0, 0, 10),
        stripe_stateless=stateless,
        payment_guard=guard,
        host=read.text("HOST", "127.0.0.1"),
        port=read.integer("PORT", 8000, 0, 65535),
        web_concurrency=read.integer("WEB_CONCURRENCY", 1, 1, 64),
        db_pool_size=pool_size,
        handler_threads=read.integer("HANDLER_THREADS", pool_size, 1, 2000),
        lock_timeout_ms=read.integer("LOCK_TIMEOUT_MS", 2000, 1, 3_600_000),
        guard_retries=read.integer("GUARD_RETRIES", 5, 0, 100),
        redis_lease_ms=read.integer("REDIS_LEASE_MS", 30_000, 1, 3_600_000),
        recovery_interval_s=read.seconds("RECOVERY_INTERVAL_S", 0.5, 0, 3600),
        claim_lease_s=read.seconds("CLAIM_LEASE_S", 60, 0, 86_400),
        server_timing=read.flag("SERVER_TIMING"),
        public_url=read.url("PUBLIC_URL", ("https", "http"), "https://shop.example").rstrip("/"),
    )


def read_database_url(env: Mapping[str, str]) -> str:
    """The one setting that ``migrate`` needs, as given (``postgresql://...``)."""
    return _Reader(env).url("DATABASE_URL", ("postgresql", "postgres"), socket=True)
