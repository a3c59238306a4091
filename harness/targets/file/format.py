"""The target file: a service under test, described in TOML. One struct for each table.

``docs/targets.md`` explains every key with a complete example. Texts may hold ``{placeholders}``:
in commands and environments those of ``paidonce.harness.targets.file.placeholders.SURROUNDINGS``,
in steps and queries what was captured or marked before. Nothing here reads files or checks more
than types: see ``paidonce.harness.targets.file.loading`` and
``paidonce.harness.targets.file.meaning_check``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from paidonce.harness.orms import OrmName
from paidonce.harness.targets.file.format_base import (
    Command,
    Count,
    Port,
    Seconds,
    Status,
    Table,
    Texts,
)
from paidonce.harness.targets.file.format_failures import FaultsTable, RecoverTable, RecoveryTable
from paidonce.harness.targets.file.format_steps import (
    AttemptStepTable,
    AttemptTable,
    PrepareTable,
    RuleTable,
    StepTable,
    SuccessTable,
    TimeTable,
)
from paidonce.harness.targets.file.stripe_lists import Counted


class ResetTable(Table, frozen=True, kw_only=True):
    """``[reset]``: what happens before each execution, ahead of ``[[prepare]]``.

    All of it is optional: where preparing makes everything anew no reset is needed.
    """

    sql: Annotated[
        tuple[str, ...], Meta(description="Statements, run in one transaction; quickest.")
    ] = ()
    snapshot: Annotated[
        bool,
        Meta(
            description="Put every table back as it was after the steps that are done once per "
            "service. Complete, slower than sql."
        ),
    ] = False
    redis: Annotated[bool, Meta(description="Empty its Redis database.")] = True
    stripe: Annotated[bool, Meta(description="Empty Stripe, where it can be.")] = True
    command: Annotated[
        Command | None, Meta(description="A command of yours; exit code 0 is expected.")
    ] = None


class VariantTable(Table, frozen=True, kw_only=True):
    """``[variants.NAME]``: one build of the service, with what is claimed of it."""

    sound: Annotated[
        bool, Meta(description="The claim: true says that no interleaving breaks an invariant.")
    ]
    title: str = ""
    env: Annotated[
        Texts, Meta(description="Variables every process gets in this variant, besides its own.")
    ] = {}
    headers: Annotated[
        Texts, Meta(description="Sent with every step in this variant, besides the file's own.")
    ] = {}
    reset: Annotated[
        ResetTable | None, Meta(description="In this variant, instead of [reset].")
    ] = None


class ProcessTable(Table, frozen=True, kw_only=True):
    """``[[process]]``: a program of the service. The first one is who requests are sent to."""

    command: Command
    name: str = ""
    cwd: Annotated[str, Meta(description="Where it runs, relative to this file.")] = "."
    env: Texts = {}
    port: Annotated[
        Port | None,
        Meta(
            description="The port it listens on whatever it is told, which is {port} then. There "
            "is one service at a time with it."
        ),
    ] = None
    ready: Annotated[
        str,
        Meta(
            description="When it is ready: '/path' (answers below 500), 'tcp' (its port accepts), "
            "'log:REGEX' (a line it writes) or 'started'. Default: tcp where it has {port}."
        ),
    ] = ""
    ready_within: Annotated[Seconds, Meta(description="Seconds it may take to be ready.")] = 60.0
    ahead: Annotated[
        tuple[str, ...],
        Meta(
            description="Modules that are loaded once, where its command is a Python program's: "
            "after a crash it is forked from a process that has them, and begins no sooner. "
            "On Linux; elsewhere it is started by its command."
        ),
    ] = ()
    copies: Annotated[
        Count,
        Meta(
            description="How many of it are started, each with a port and connections of its own. "
            "What is sent to it comes to them in turn: the first attempt to the first copy."
        ),
    ] = 1


class ServiceTable(Table, frozen=True, kw_only=True):
    """``[service]``: a service that runs already; nothing is started or stopped."""

    url: Annotated[str, Meta(description="Where requests are sent: http://127.0.0.1:3000")]
    pids: Annotated[
        tuple[int, ...], Meta(description="Its processes, where they are on this machine.")
    ] = ()


class DatabaseTable(Table, frozen=True, kw_only=True):
    """``[database]``: how an empty database becomes the service's."""

    schema: Annotated[
        tuple[str, ...],
        Meta(
            description="SQL files, relative to this file, run in order: files for psql too, such "
            "as pg_dump writes. {variant} may be part of their names."
        ),
    ] = ()
    migrate: Annotated[
        tuple[Command, ...], Meta(description="Commands run after that, against {postgres_url}.")
    ] = ()
    cwd: Annotated[str, Meta(description="Where those commands run.")] = "."
    env: Annotated[Texts, Meta(description="Variables those commands get.")] = {}
    within: Annotated[
        Seconds, Meta(description="Seconds each of those files and commands may take.")
    ] = 120.0
    keep: Annotated[
        bool,
        Meta(
            description="What comes of it is kept, and used again until something that it was made "
            "of changes, for a day at most."
        ),
    ] = True
    reads: Annotated[
        tuple[str, ...],
        Meta(
            description="All files, folders and patterns that those commands read, relative to "
            "this file. Default: everything in the repository, and what their words name."
        ),
    ] = ()
    name: Annotated[
        str,
        Meta(
            description="What the database is called, for a service that has the name fixed. By "
            "default each service has one of a name of its own. One service at a time."
        ),
    ] = ""
    user: Annotated[
        str,
        Meta(
            description="Who the service is to Postgres, where it has that fixed. By default the "
            "user of the server's URL. On a server of ours it is made, as a superuser."
        ),
    ] = ""
    url: Annotated[
        str,
        Meta(description="For a service that runs already: its database, as the harness gets in."),
    ] = ""


class ObserveTable(Table, frozen=True, kw_only=True):
    """``[observe.NAME]``: a value looked up when all is over, from SQL or from Stripe."""

    sql: Annotated[
        str,
        Meta(
            description="A query that gives one value. {names} in it are sent as parameters: "
            "write no quotes around them."
        ),
    ] = ""
    stripe: Annotated[
        Counted,
        Meta(description="Stripe's objects of this kind are counted."),
    ] = ""
    sum: Annotated[str, Meta(description="This field is added up, instead of counting.")] = ""
    where: Annotated[
        dict[str, Any],
        Meta(
            description="Only objects with these values: { status = 'succeeded', "
            "'metadata.order_id' = '{order}' }; a list means any of them."
        ),
    ] = {}


class InvariantTable(Table, frozen=True, kw_only=True):
    """``[[invariants]]``: what must hold of the values that were observed, once all is over
    (``check``) or at any time (``always``)."""

    name: str
    check: Annotated[
        str,
        Meta(
            description="'charges == successes', 'stock >= 0', 'stock == before.stock - sold': "
            "names of [observe], numbers, texts, attempts, successes, before.NAME, + - * and "
            "comparisons, and, or, not."
        ),
    ] = ""
    always: Annotated[
        str,
        Meta(
            description="Instead of check: holds after each COMMIT as well, 'picked <= 1'. Of "
            "values that [observe] looks up by SQL; without successes."
        ),
    ] = ""

    @property
    def condition(self) -> str:
        """Return the condition, whenever it is to hold."""
        return self.check or self.always


class TapsTable(Table, frozen=True, kw_only=True):
    """``[taps]``: the proxies before the service's dependencies."""

    need: Annotated[
        tuple[Literal["postgres", "stripe", "redis"], ...] | None,
        Meta(
            description="Where one attempt alone must be seen; else the set-up is wrong. Default: "
            "Postgres, if the service is told of it. What [observe] looks at is needed anyway."
        ),
    ] = None
    postgres_port: Annotated[
        Port | None, Meta(description="The port to listen on; any free one by default.")
    ] = None
    stripe_port: Port | None = None
    stripe_tls_port: Annotated[
        Port | None, Meta(description="Stripe by TLS, with a certificate made for the run.")
    ] = None
    stripe_host: Annotated[
        str,
        Meta(
            description="The host by which the service calls Stripe, where it has another than "
            "Stripe's own fixed: the certificate is for it too, and {stripe_proxy} leads there."
        ),
    ] = ""
    redis_port: Port | None = None


class ExploreTable(Table, frozen=True, kw_only=True):
    """``[explore]``: what exploration needs to know."""

    env: Annotated[
        Texts,
        Meta(description="Variables under exploration: time-outs out of the way, timers off."),
    ] = {}
    noise: Annotated[
        tuple[str, ...],
        Meta(description="Patterns of what it sends by itself: 'SELECT 1*', 'GET session:*'."),
    ] = ()
    leases_hold: Annotated[
        bool,
        Meta(
            description="Leases are taken to outlast every request, or not to matter: a search may "
            "be complete although none runs out in it."
        ),
    ] = False
    timeouts_hold: Annotated[
        bool,
        Meta(
            description="Time-outs of Postgres are taken so as well: those that sessions have "
            "set (lock_timeout, statement_timeout and the like), where somebody waits for a lock."
        ),
    ] = False
    check_s: Annotated[
        Seconds, Meta(description="Seconds a check takes at most, unless --time is given.")
    ] = 120.0
    watch_s: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds it is watched to learn what it does by itself."),
    ] = 0.5


class RestTable(Table, frozen=True, kw_only=True):
    """``[rest]``: when nothing is left to be done, before anything is observed."""

    sql: Annotated[
        tuple[str, ...],
        Meta(description="Queries that are waited for to give 0: jobs left, orders in work."),
    ] = ()
    within: Annotated[Seconds, Meta(description="Seconds it may take.")] = 10.0


class TargetFile(Table, frozen=True, kw_only=True):
    """The whole file."""

    name: Annotated[str, Meta(description="The service's name in reports.")]
    title: str = ""
    orm: Annotated[
        OrmName | None,
        Meta(
            description="The ORM it speaks: fixes are told as its calls too. By default the one "
            "that shows itself in its statements, if that is certain."
        ),
    ] = None
    build: Annotated[
        tuple[Command, ...],
        Meta(description="Commands run once, beside this file, before it is started."),
    ] = ()
    headers: Annotated[Texts, Meta(description="Sent with every step.")] = {}
    variants: Annotated[
        dict[str, VariantTable], Meta(description="Builds of the service, by name.")
    ] = {}
    process: Annotated[tuple[ProcessTable, ...], Meta(description="The service's programs.")] = ()
    service: ServiceTable | None = None
    database: DatabaseTable = DatabaseTable()
    reset: ResetTable = ResetTable()
    marks: Annotated[
        Texts,
        Meta(
            description="Queries done before the attempts; their value is {name} in steps of "
            "attempts and in [observe]: "
            '"SELECT coalesce(max(id), 0) FROM payments".'
        ),
    ] = {}
    prepare: tuple[PrepareTable, ...] = ()
    attempts: Annotated[tuple[AttemptTable, ...], Meta(min_length=1)]
    time: Annotated[
        tuple[TimeTable, ...],
        Meta(description="What runs out while the attempts are under way; in searches only."),
    ] = ()
    success: SuccessTable
    rejection: Annotated[
        RuleTable | tuple[RuleTable, ...],
        Meta(description="The answer by which an attempt was told that it did not happen."),
    ] = RuleTable(status="4xx")
    observe: dict[str, ObserveTable] = {}
    invariants: Annotated[tuple[InvariantTable, ...], Meta(min_length=1)]
    taps: TapsTable = TapsTable()
    explore: ExploreTable = ExploreTable()
    rest: RestTable = RestTable()
    faults: Annotated[
        tuple[FaultsTable, ...] | Literal["none"] | None,
        Meta(description="What may go wrong; by default the usual, 'none' for nothing."),
    ] = None
    recover: tuple[RecoverTable, ...] = ()
    recovery: RecoveryTable = RecoveryTable()


__all__ = [
    "AttemptStepTable",
    "AttemptTable",
    "Command",
    "DatabaseTable",
    "ExploreTable",
    "FaultsTable",
    "InvariantTable",
    "ObserveTable",
    "PrepareTable",
    "ProcessTable",
    "RecoverTable",
    "RecoveryTable",
    "ResetTable",
    "RestTable",
    "RuleTable",
    "ServiceTable",
    "Status",
    "StepTable",
    "SuccessTable",
    "Table",
    "TapsTable",
    "TargetFile",
    "TimeTable",
    "VariantTable",
]
