"""The tables of a target file that say what is sent, and how answers are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from paidonce.harness.targets.file.format_base import (
    Command,
    Count,
    NotNegative,
    Seconds,
    Status,
    Table,
    Texts,
)


class StepTable(Table, frozen=True, kw_only=True):
    """One HTTP request. Redirects are never followed; cookies are kept for each user."""

    request: Annotated[str, Meta(description="Method and path: 'POST /orders/{order}/pay'.")]
    name: str = ""
    as_: Annotated[
        str | None,
        Meta(description="Whose cookies it sends and keeps: the name of a user of your choice."),
    ] = msgspec.field(default=None, name="as")
    json: Annotated[
        Any,
        Meta(description="The body as JSON. A text that is just '{name}' keeps the value's type."),
    ] = UNSET
    form: Annotated[Texts | None, Meta(description="The body as a form.")] = None
    body: Annotated[str | None, Meta(description="The body as it is.")] = None
    graphql: Annotated[
        str | None,
        Meta(
            description="The body is this GraphQL document, sent exactly as written: braces are "
            "its own. Values go into variables."
        ),
    ] = None
    variables: Annotated[
        dict[str, Any],
        Meta(description="Variables of the GraphQL document: { id = '{order}' }."),
    ] = {}
    headers: Texts = {}
    expect: Annotated[
        Status | None,
        Meta(
            description="The status it must be answered with, or the execution goes no further. "
            "Default: 2xx and 3xx. Not for the last step of an attempt: [success] is."
        ),
    ] = None
    capture: Annotated[
        Texts,
        Meta(
            description="Values of its answer for later steps, by name: 'json:$.id', "
            "'header:Authorization', 'cookie:session', 'html:input[name=_csrf]@value', "
            "'regex:order-([0-9]+)'."
        ),
    ] = {}
    to: Annotated[
        str,
        Meta(
            description="stripe: sent to Stripe, as the customer's browser does. The name of a "
            "[[process]]: sent to that one, as a scheduler asks a sweep, and not to the first."
        ),
    ] = "service"
    webhook: Annotated[
        str,
        Meta(
            description="Makes the body an event of this type, signed with the webhook secret: "
            "'payment_intent.succeeded'."
        ),
    ] = ""
    object: Annotated[
        str | dict[str, Any] | None,
        Meta(
            description="The event's object: the id of one at Stripe ('{intent}'), about which it "
            "raised the event, or its fields, with metadata of your own."
        ),
    ] = None
    event_id: Annotated[
        str,
        Meta(
            description="The event's id. By default the same for the same type and object: then "
            "two deliveries are of one event."
        ),
    ] = ""
    event: Annotated[
        str,
        Meta(
            description="Delivers an event of this type that the simulator raises, as it raised "
            "it, from that moment on: also within the call that raises it."
        ),
    ] = ""
    where: Annotated[
        dict[str, Any],
        Meta(
            description="Only an event about an object with these values: "
            "{ payment_intent = '{intent}' }; a list means any of them."
        ),
    ] = {}
    deliveries: Annotated[
        Count,
        Meta(
            description="How often each such event is delivered, by as many attempts at any time."
        ),
    ] = 1
    retries: Annotated[
        NotNegative,
        Meta(
            description="How often a delivery that is refused, or not answered, comes again: at "
            "any later time."
        ),
    ] = 0
    optional: Annotated[
        bool, Meta(description="True if it may be that no execution raises such an event.")
    ] = False
    redelivered: Annotated[
        bool, Meta(description="Sent again until accepted, as Stripe does: at any later time.")
    ] = False
    timeout_s: Annotated[Seconds, Meta(description="How long its client waits.")] = 30.0

    @property
    def delivers(self) -> str:
        """The type of the event that it delivers; empty if it delivers none."""
        return self.webhook or self.event


class RuleTable(Table, frozen=True, kw_only=True):
    """A rule for an answer; all that is given must hold."""

    status: Status | None = None
    json: Annotated[
        dict[str, Any], Meta(description="Values at JSON paths: { '$.status' = 'paid' }.")
    ] = {}
    body: Annotated[str | None, Meta(description="A regex found in the body.")] = None
    not_body: Annotated[str | None, Meta(description="A regex not found in the body.")] = None
    headers: Annotated[Texts, Meta(description="Regexes found in headers, by name.")] = {}


class AttemptStepTable(StepTable, frozen=True, kw_only=True):
    """``[[attempts.steps]]``: a request, or a command that is run to its end."""

    request: Annotated[str, Meta(description="Method and path: 'POST /orders/{order}/pay'.")] = ""
    command: Annotated[
        Command | None,
        Meta(
            description="Instead of a request: a command of yours that is run to its end, as a "
            "scheduler runs a sweep, with what the first [[process]] is told. Exit code 0 is its "
            "success."
        ),
    ] = None

    until: Annotated[
        RuleTable | tuple[RuleTable, ...] | Literal["captured"] | None,
        Meta(
            description="The answer that is waited for, one of several rules, or 'captured': one "
            "that has what capture takes. Any other below 500 is 'not yet': asked again."
        ),
    ] = None
    tries: Annotated[
        Count, Meta(description="With until: how often it is asked at most. Default: 50.")
    ] = 50

    @property
    def words(self) -> str:
        """The command as it is written; empty if it is a request."""
        if self.command is None or isinstance(self.command, str):
            return self.command or ""
        return " ".join(self.command)


class PrepareTable(StepTable, frozen=True, kw_only=True):
    """``[[prepare]]``: a step done alone, before the attempts."""

    per: Annotated[
        Literal["service", "run", "attempt"],
        Meta(
            description="service: once after it started (log in, create products); run: before "
            "each execution; attempt: before each execution, for each attempt by itself."
        ),
    ] = "run"


class TimeTable(Table, frozen=True, kw_only=True):
    """``[[time]]``: time that passes in a search, at any place: what ends by then has ended."""

    name: str
    seconds: Annotated[
        Seconds | None,
        Meta(description="So many pass for keys in Redis with an expiry, and on Stripe's clock."),
    ] = None
    sql: Annotated[
        str | tuple[str, ...],
        Meta(
            description='The same for a time kept in Postgres: "UPDATE jobs SET locked_until = '
            "locked_until - interval '1 minute'\". It waits for rows that are locked."
        ),
    ] = ()
    catches_up: Annotated[
        bool,
        Meta(
            description="It is the replica of {postgres_replica_url} that moves on, to what was "
            "committed by then."
        ),
    ] = False
    at_most: Annotated[
        Count, Meta(description="How often it passes in an execution: each time at any place.")
    ] = 1

    @property
    def statements(self) -> tuple[str, ...]:
        return (self.sql,) if isinstance(self.sql, str) else self.sql


class SuccessTable(RuleTable, frozen=True, kw_only=True):
    """``[success]``: the answer of a last step by which an attempt was told that it worked."""

    at_least: Annotated[
        NotNegative | None, Meta(description="The least number of attempts that succeed.")
    ] = None
    at_most: Annotated[
        NotNegative | None, Meta(description="The greatest number of attempts that succeed.")
    ] = None


class AttemptTable(Table, frozen=True, kw_only=True):
    """``[[attempts]]``: clients that come at the same time, each with steps of its own."""

    name: str
    steps: Annotated[tuple[AttemptStepTable, ...], Meta(min_length=1)]
    count: Annotated[Count, Meta(description="The number of clients that do the same.")] = 1
    as_: Annotated[str, Meta(description="The user whose cookies its steps use.")] = msgspec.field(
        default="client", name="as"
    )
    counts: Annotated[
        bool, Meta(description="True if its success counts for at_least and at_most.")
    ] = True
    success: Annotated[RuleTable | None, Meta(description="Instead of [success].")] = None
    rejection: Annotated[
        RuleTable | tuple[RuleTable, ...] | None, Meta(description="Instead of [rejection].")
    ] = None
    gives_up: Annotated[
        Literal["", "same key", "new key"],
        Meta(
            description="In a search its client may give up while its request is being served, at "
            "any step, and ask again: the same request as it was, or with {fresh} and {uuid} made "
            "anew."
        ),
    ] = ""
