"""The events a history is made of: one frozen struct each, one JSON object a line on disk.

Times ``t`` are nanoseconds on the monotonic clock since the run began (int, never negative).
Money is an integer in the currency's minor unit. Ids of operations (``op``) are unique in a
history and grow with invocation order. ``order`` is the service's own order id.

The format is versioned by ``Header.format``; a reader accepts its own version only.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

FORMAT = 2
UNNUMBERED = 1
"""The format before lines were numbered; it is still read."""


class Outcome(enum.StrEnum):
    """The end of an operation, as its client saw it."""

    OK = "ok"
    """2xx: the client was told that it happened."""
    REJECTED = "rejected"
    """A clean 4xx: the client was told that it did not happen."""
    FAILED = "failed"
    """5xx: the client was told of a failure, which says nothing of what happened."""
    UNKNOWN = "unknown"
    """No answer: it may or may not have happened, now or later. Never treated as failed."""


class Action(enum.StrEnum):
    """The kinds of things an attempt asks the service to do; ``CONFIRM_IN_BROWSER`` and
    ``PAY_ON_PAGE`` are asked of Stripe, past the service, and ``WAIT`` of nobody: time passes."""

    CREATE_INTENT = "create_intent"
    PAY = "pay"
    CANCEL = "cancel"
    REFUND = "refund"
    CHANGE_AMOUNT = "change_amount"
    WEBHOOK = "webhook"
    READ = "read"
    CONFIRM_IN_BROWSER = "confirm_in_browser"
    CHECKOUT = "checkout"
    """The order is to be paid on a page of Stripe's: a Checkout Session is opened."""
    PAY_ON_PAGE = "pay_on_page"
    COME_BACK = "come_back"
    """The customer comes back from that page to one of the service's."""
    REDEEM = "redeem"
    RENEW = "renew"
    """The service looks for renewals of what was bought that no webhook has brought."""
    WAIT = "wait"
    REQUEST = "request"
    """Any HTTP request, of a service that is not described by the actions above."""


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """Which dependency stood behind a role ("postgres", "redis", "stripe") in this run."""

    kind: str
    version: str


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """A condition over observed values; ``paidonce.harness.checkers.expressions`` reads
    ``check``.
    """

    name: str
    check: str
    always: bool = False
    """True if it must hold after each step that changed what it looks at, and not just at rest."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that must hold, where the service's description states some itself.

    ``attempts`` are all that came. Of those in ``counted``, ``at_least`` and ``at_most`` so many
    are told that they succeeded (None: any number).
    """

    attempts: tuple[str, ...]
    counted: tuple[str, ...]
    invariants: tuple[Invariant, ...]
    at_least: int | None = None
    at_most: int | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header"):
    """First event of every history: all that is needed to judge it offline."""

    run: str
    scenario: str
    target: str
    variant: str = ""
    """Which build of the target ran; for the reference service, its guard."""
    backends: dict[str, Backend] = {}
    capabilities: tuple[str, ...] = ()
    checkers: tuple[str, ...] = ()
    seed: int = 0
    started: str = ""
    """Wall-clock start, ISO 8601 in UTC; for people only."""
    settings: dict[str, str] = {}
    rules: Rules | None = None
    format: int = FORMAT


class OrderCreated(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="order"):
    """An order came into being, unpaid, with this amount, before any attempt on it."""

    t: int
    order: str
    amount: int
    currency: str


class Invoked(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="invoke"):
    """A client sent a request; from now on it may take effect at any moment.

    ``attempt`` names the client in the words of the scenario ("tab 1"). ``key`` is the client's
    idempotency key, if it sent one. ``args`` holds what the action needs: ``amount`` (int,
    refund and change_amount; absent for a refund of all that is left), ``payment_method``,
    ``payment_id`` and ``event`` (webhook, confirm_in_browser), ``code`` and ``most`` (redeem: the
    coupon, and for how many orders it is), ``seconds`` (wait), and of a request ``step`` (its
    number in the attempt, from 1), ``request`` (method and path) and ``body``. ``late`` is by how
    many nanoseconds the client, kept by an earlier request, came later than it was to (in an open
    loop of load).
    """

    t: int
    op: int
    attempt: str
    action: Action
    order: str
    key: str | None = None
    args: dict[str, Any] = {}
    late: int = 0


class Completed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="complete"):
    """The answer to operation ``op``, or the moment its client gave up (``UNKNOWN``).

    ``code`` is the service's machine-readable reason of a rejection. ``value`` holds what an
    ``OK`` said: ``payment_id``, ``amount``, ``refund_id``, and for a read the whole order as in
    ``OrderObserved``; of a request ``success`` is true where it told its attempt of success.
    ``timing`` is the answer's ``Server-Timing`` header (load only), empty where there was none.
    ``replayed`` marks an answer the service gave as a replay of an earlier
    one to the same idempotency key. ``retries`` is how often the service said it tried again
    inside, None if it did not say. An operation with no completion at all is unknown as well.
    """

    t: int
    op: int
    outcome: Outcome
    status: int | None = None
    code: str | None = None
    value: dict[str, Any] = {}
    replayed: bool = False
    error: str | None = None
    retries: int | None = None
    timing: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="effect"):
    """One unit that crossed a tap, recorded when its answer was passed on (or was lost).

    ``label`` says what it was in the tap's vocabulary (Stripe: "payment_intent.create").
    ``began`` is when it arrived at the tap. ``answer`` is None when none came. For Stripe,
    ``request`` has ``method``, ``path``, ``params`` (flat form fields, secrets left out) and
    ``idempotency_key``; ``answer`` has ``status``, ``id``, ``object``, ``state`` and, of an
    error, ``code``. ``delivered`` is False when the tap kept the answer from the service.
    """

    t: int
    tap: str
    seq: int
    label: str
    began: int
    attempt: str | None = None
    order: str | None = None
    request: dict[str, Any] = {}
    answer: dict[str, Any] | None = None
    delivered: bool = True


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag="fault"):
    """Something the harness did to the system: held, delayed or dropped at a tap."""

    t: int
    tap: str
    kind: str
    detail: str
    seq: int | None = None


class OrderObserved(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="observed_order"):
    """An order as the service shows it once everything has come to rest."""

    t: int
    order: str
    payment_status: str
    payment_id: str | None
    amount: int
    currency: str
    refunded_amount: int
    handed_out: tuple[str, ...] | None = None
    """The id of what paid for each thing that was handed out; None where it does not say."""


class IntentObserved(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="observed_intent"):
    """A payment intent as Stripe lists it at the end. ``order`` is whose it is, if known."""

    t: int
    id: str
    order: str | None
    status: str
    amount: int
    amount_received: int
    currency: str


class ChargeObserved(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="observed_charge"):
    """A charge as Stripe lists it at the end; money moved only if ``status`` is succeeded."""

    t: int
    id: str
    intent: str | None
    order: str | None
    status: str
    amount: int
    amount_refunded: int
    currency: str


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag="observed"):
    """A value looked up in the database or at Stripe, by the name its description gives it.

    ``attempt`` is whose it is, None where it is not about one. ``before`` tells that it was
    looked up before any attempt began. ``step`` is the step of a search after which it was looked
    up, from 1; None for what was found when all was over, or before.
    """

    t: int
    name: str
    value: int | float | str | bool
    attempt: str | None = None
    before: bool = False
    step: int | None = None

    @property
    def at_rest(self) -> bool:
        """Return whether it was looked up when all was over."""
        return not self.before and self.step is None


class Recovering(msgspec.Struct, frozen=True, kw_only=True, tag="recovering"):
    """Nothing goes wrong any more; round ``round`` of recovery begins, counted from 1.

    What comes after the first of them was asked again, delivered again or swept.
    """

    t: int
    round: int


class Recovered(msgspec.Struct, frozen=True, kw_only=True, tag="recovered"):
    """Recovery is over: ``rounds`` of it changed something.

    ``rested`` tells that one more changed nothing; else the bound on them was met, and
    ``changing`` names what the last one still changed. ``owed`` are the attempts that have no
    answer to go by to the last, and ``undelivered`` those whose event was not accepted.
    """

    t: int
    rounds: int
    rested: bool
    changing: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()
    undelivered: tuple[str, ...] = ()


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """Something a reader of the history should know, in plain words."""

    t: int
    text: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """Last event of a history that was recorded to its end; without it the run was cut off."""

    t: int
    reason: str = "finished"


Event = (
    Header
    | OrderCreated
    | Invoked
    | Completed
    | Effect
    | Fault
    | OrderObserved
    | IntentObserved
    | ChargeObserved
    | Observed
    | Recovering
    | Recovered
    | Note
    | Ended
)
