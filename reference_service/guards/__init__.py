"""The guards by name. Nothing is imported until one is chosen, so starting stays quick.

Imports the flow's data, never the harness. The application uses ``GUARDS``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """A guard, as far as it is known without loading it.

    ``sound`` claims that no interleaving and no fault makes an order pay twice. ``module`` is
    the file in this package whose ``build(context)`` returns it.
    """

    title: str
    sound: bool
    summary: str
    module: str
    needs_redis: bool = False


GUARDS: dict[str, Guard] = {
    "none": Guard(
        "No protection",
        False,
        "Reads, checks, calls Stripe, writes back what it read.",
        "none",
    ),
    "row_lock": Guard(
        "Row lock, waiting",
        True,
        "SELECT ... FOR UPDATE held across the Stripe call; losers wait, then get 409.",
        "row_lock",
    ),
    "row_lock_nowait": Guard(
        "Row lock, not waiting",
        True,
        "SELECT ... FOR UPDATE NOWAIT held across the Stripe call; losers get 409 at once.",
        "row_lock_nowait",
    ),
    "advisory_lock": Guard(
        "Advisory lock",
        True,
        "pg_advisory_xact_lock on the order's id, taken by every path, held across the call.",
        "advisory_lock",
    ),
    "optimistic": Guard(
        "Optimistic version",
        True,
        "A compare-and-set on the version reserves the attempt before Stripe is called.",
        "optimistic",
    ),
    "serializable": Guard(
        "Serializable isolation",
        True,
        "The reservation is a SERIALIZABLE transaction, retried before Stripe is called.",
        "serializable",
    ),
    "unique_index": Guard(
        "Unique index",
        True,
        "A partial unique index admits one unfinished attempt per order.",
        "unique_index",
    ),
    "claim": Guard(
        "Claim with a lease",
        True,
        "A conditional UPDATE claims the order; a recovery worker finishes what a crash left.",
        "claim",
    ),
    "redis_lock": Guard(
        "Redis lock with fencing",
        True,
        "SET NX PX with owner and fencing token; Postgres checks the token before Stripe.",
        "redis_lock",
        needs_redis=True,
    ),
    "redis_lock_unfenced": Guard(
        "Redis lock, unfenced",
        False,
        "SET NX PX whose lease may end early, released by a DEL that asks no owner.",
        "redis_lock_unfenced",
        needs_redis=True,
    ),
    "optimistic_late": Guard(
        "Optimistic version, checked late",
        False,
        "The version is compared after the Stripe call, when the money has moved.",
        "optimistic_late",
    ),
}
