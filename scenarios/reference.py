"""The reference service as a target: described from outside, like any other service."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.results.proof import Variant
from paidonce.harness.service.description import Route, Sweep, Target

VARIANTS = (
    Variant(
        name="none",
        title="No protection",
        sound=False,
        summary="Reads payment_status, compares it, calls Stripe, then writes. The founding bug.",
        choose=("Never: it is the bug."),
    ),
    Variant(
        name="row_lock",
        title="SELECT … FOR UPDATE",
        sound=True,
        summary="Option A: the row is locked while Stripe is called; others wait, bounded.",
        choose=(
            "When Stripe is quick and an order's payments seldom meet: the least code, and "
            "nobody is turned away without need. It keeps a database connection for as long as "
            "Stripe takes."
        ),
    ),
    Variant(
        name="row_lock_nowait",
        title="FOR UPDATE NOWAIT",
        sound=True,
        summary="As row_lock, but whoever finds the row locked is turned away at once.",
        choose=(
            "As row_lock, when whoever comes second should hear at once that a payment is in "
            "progress, and waiting would fill the pool."
        ),
    ),
    Variant(
        name="optimistic",
        title="Version column",
        sound=True,
        summary="Option B: a conditional write on the version decides before Stripe is called.",
        choose=(
            "When conflicts are rare and every writer of the row can be made to use the "
            "version. Stripe is called without a lock, so nothing waits; a crash in between has "
            "to be looked after."
        ),
    ),
    Variant(
        name="optimistic_late",
        title="Version column, checked late",
        sound=False,
        summary="Option B done wrong: the version is checked after Stripe was called.",
        choose=("Never: the version is checked after the money was taken."),
    ),
    Variant(
        name="redis_lock",
        title="Redis lock, fenced",
        sound=True,
        summary="Option C: SET NX PX with an owner's token, and a fencing token Postgres checks.",
        choose=(
            "When several databases or services have to agree and Redis is there anyway. It is "
            "only as good as the fencing token that Postgres checks."
        ),
    ),
    Variant(
        name="redis_lock_unfenced",
        title="Redis lock, unfenced",
        sound=False,
        summary="The usual Redis lock: when its lease runs out, two requests hold it.",
        choose=("Never for money: a lease that runs out lets two in."),
    ),
    Variant(
        name="advisory_lock",
        title="Advisory lock",
        sound=True,
        summary="A transaction-level advisory lock on the order, held while Stripe is called.",
        choose=(
            "As row_lock, when there is no row to lock yet, or when other statements must go on "
            "using the row meanwhile."
        ),
    ),
    Variant(
        name="serializable",
        title="SERIALIZABLE",
        sound=True,
        summary="The decision is one serializable transaction, retried before Stripe is called.",
        choose=(
            "When the decision reads more than one row and no single lock covers it. Everybody "
            "has to retry, and readers pay as well."
        ),
    ),
    Variant(
        name="unique_index",
        title="Partial unique index",
        sound=True,
        summary="At most one live attempt per order, by a partial unique index.",
        choose=(
            "When an attempt is a row of its own: the database says no by itself, whatever the "
            "code forgets."
        ),
    ),
    Variant(
        name="claim",
        title="Claim, call, settle",
        sound=True,
        summary="A short transaction claims, Stripe is called outside, a second one settles.",
        choose=(
            "When Stripe is slow, or crashes must heal by themselves: no transaction is open "
            "while Stripe is called, and recovery finishes what was left. The most code."
        ),
    ),
)

TARGET = Target(
    name="reference",
    command=("{python}", "-m", "paidonce.reference_service"),
    extra="reference",
    ahead=("{python}", "-m", "paidonce.reference_service", "ahead"),
    migrate=("{python}", "-m", "paidonce.reference_service", "migrate"),
    environment={
        "DATABASE_URL": "{postgres_url}",
        "REDIS_URL": "{redis_url}",
        "STRIPE_API_BASE": "{stripe_url}",
        "STRIPE_API_KEY": "{stripe_key}",
        "STRIPE_WEBHOOK_SECRET": "{webhook_secret}",
        "PAYMENT_GUARD": "{variant}",
        "HOST": "{host}",
        "PORT": "{port}",
    },
    settings={
        "stripe_timeout_s": "STRIPE_TIMEOUT_S",
        "redis_lease_ms": "REDIS_LEASE_MS",
        "lock_timeout_ms": "LOCK_TIMEOUT_MS",
        "workers": "WEB_CONCURRENCY",
        "pool_size": "DB_POOL_SIZE",
        "threads": "HANDLER_THREADS",
        "retries": "GUARD_RETRIES",
        "recovery_interval_s": "RECOVERY_INTERVAL_S",
        "claim_lease_s": "CLAIM_LEASE_S",
        "stripe_network_retries": "STRIPE_MAX_NETWORK_RETRIES",
        "stripe_stateless": "STRIPE_STATELESS",
        "server_timing": "SERVER_TIMING",
    },
    under_control={
        "recovery_interval_s": "0",
        "stripe_timeout_s": "120",
        "redis_lease_ms": "600000",
        "lock_timeout_ms": "120000",
        "claim_lease_s": "600",
    },
    reset=(
        "DELETE FROM webhook_events",
        "DELETE FROM attempts",
        "DELETE FROM handed_out",
        "UPDATE coupons SET used = 0",
        "UPDATE orders SET amount = {amount}, payment_status = 'unpaid', payment_id = NULL, "
        "refunded_amount = 0, version = 0, attempt_no = 0, pending_attempt = NULL, fence = 0, "
        "checkout_id = NULL, checkout_over = FALSE, subscription_id = NULL, renewals = '{{}}', "
        "coupon = NULL",
    ),
    recover=(
        Sweep(
            name="recovery",
            sql=("UPDATE attempts SET lease_until = now() WHERE lease_until > now()",),
            route=Route(method="POST", path="/internal/recovery"),
        ),
        Sweep(
            name="reconciliation",
            route=Route(method="POST", path="/internal/reconciliation"),
        ),
    ),
    create_order=Route(
        method="POST",
        path="/orders",
        body={"amount": "{amount}", "currency": "{currency}"},
    ),
    read_order=Route(method="GET", path="/orders/{order}"),
    routes={
        Action.CREATE_INTENT: Route(method="POST", path="/orders/{order}/payment-intents", body={}),
        Action.PAY: Route(
            method="POST",
            path="/orders/{order}/payments",
            body={"payment_method": "{payment_method}"},
        ),
        Action.CANCEL: Route(method="POST", path="/orders/{order}/cancel", body={}),
        Action.REFUND: Route(
            method="POST", path="/orders/{order}/refunds", body={"amount": "{amount}"}
        ),
        Action.CHANGE_AMOUNT: Route(
            method="PATCH", path="/orders/{order}", body={"amount": "{amount}"}
        ),
        Action.CHECKOUT: Route(
            method="POST", path="/orders/{order}/checkout", body={"recurring": "{recurring}"}
        ),
        Action.COME_BACK: Route(method="GET", path="/orders/{order}/checkout/return"),
        Action.REDEEM: Route(method="POST", path="/orders/{order}/coupon", body={"code": "{code}"}),
        Action.RENEW: Route(method="POST", path="/internal/renewals"),
    },
    webhook_path="/webhooks/stripe",
    retries_header="Payment-Retries",
    variants=VARIANTS,
)
