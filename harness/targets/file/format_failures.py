"""The tables of a target file about what goes wrong, and what follows then."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from paidonce.harness.targets.file.format_base import Command, Count, Seconds, Table, Texts
from paidonce.harness.targets.file.format_steps import RuleTable


class RecoverTable(Table, frozen=True, kw_only=True):
    """``[[recover]]``: what is done by itself about what a failure left, in each round of recovery.

    One of ``sql``, ``command`` and ``request``; in the order of the file.
    """

    name: Annotated[str, Meta(description="What it is called in a history.")] = ""
    sql: Annotated[
        str | tuple[str, ...],
        Meta(description="Statements that stand for time: 'UPDATE claims SET expires_at = now()'."),
    ] = ()
    command: Annotated[
        Command | None, Meta(description="A command of yours: a sweep, a reconciliation.")
    ] = None
    request: Annotated[
        str, Meta(description="Method and path of a request to the service: 'POST /jobs/sweep'.")
    ] = ""
    json: Annotated[Any, Meta(description="Its body as JSON.")] = UNSET
    form: Annotated[Texts | None, Meta(description="Its body as a form.")] = None
    headers: Texts = {}
    as_: Annotated[str, Meta(description="The user whose cookies it sends.")] = msgspec.field(
        default="client", name="as"
    )
    within: Annotated[Seconds, Meta(description="Seconds it may take.")] = 30.0


class RecoveryTable(Table, frozen=True, kw_only=True):
    """``[recovery]``: what follows where something went wrong, and how long."""

    rounds: Annotated[
        int, Meta(ge=1, le=20, description="Rounds that may change something, at most.")
    ] = 3
    passes_s: Annotated[
        float,
        Meta(
            ge=0,
            le=31_536_000,
            description="Seconds that pass in each round for what expires in Redis and at Stripe.",
        ),
    ] = 900.0
    within_s: Annotated[
        Seconds, Meta(description="Seconds in which it comes to rest in each round, or does not.")
    ] = 2.0
    later: Annotated[
        RuleTable | None,
        Meta(
            description="The answer that says to come again later, the first request being under "
            "way: { status = 409, json = { '$.error' = 'in_progress' } }."
        ),
    ] = None
    asks: Annotated[
        bool,
        Meta(description="Clients without an answer ask again; false: they never come back."),
    ] = True
    always: Annotated[
        bool, Meta(description="It follows in every execution, also where nothing went wrong.")
    ] = False


class FaultsTable(Table, frozen=True, kw_only=True):
    """``[[faults]]``: what may go wrong, instead of the usual."""

    on: Annotated[
        str, Meta(description="'stripe', 'postgres', 'redis', 'process' or 'process NAME'.")
    ]
    kind: Annotated[
        str,
        Meta(
            description="'crash' of a process; at a tap 'no_contact', 'lost_answer', or the name "
            "of an error: '40001', 'api_error', 'rate_limit'."
        ),
    ]
    at_most: Annotated[Count, Meta(description="How often in one execution.")] = 1
