"""Whoever loses is told so cleanly: a 409 with a code, or a 402 for a declined card."""

from __future__ import annotations

from collections.abc import Iterator

from paidonce.harness.checkers.answers import CONFLICT, CONTENDING, PAYMENT_REQUIRED, evidence, who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude
from paidonce.harness.history import Action, Completed, Effect, Fault, History, Operation, Outcome
from paidonce.harness.verdict import Status, Verdict, Violation

ALLOW_FAILED = "allow_failed"
"""Setting: "true" where a scenario breaks so much that server errors prove nothing."""
CLEAN_STATUSES = "clean_statuses"
"""Setting: statuses that a target uses for a clean rejection, such as "409,402,423"."""

_ONLY_SLOW = frozenset({"hold", "release"})
"""Kinds of fault that make a call slow and do nothing else to it."""

_GOOD_CARDS = frozenset(
    {
        "pm_card_visa",
        "pm_card_visa_debit",
        "pm_card_mastercard",
        "pm_card_mastercard_debit",
        "pm_card_amex",
        "pm_card_discover",
    }
)
"""Test cards that Stripe never declines (https://docs.stripe.com/testing#cards)."""


class CleanRejections:
    """Judges how operations were turned away, never whether that was right.

    * No server error (5xx), unless a fault was injected into that very operation: one recorded
      for a call of the same attempt while it ran or, where the call cannot be attributed, any
      but a mere hold while it ran. A hold only makes one call slow, and what the *others* are
      answered meanwhile is the very thing to judge.
    * A rejection of a competing operation has status 409 and a machine-readable code, or is a
      402 to a payment whose card can be declined.
    * A webhook may be turned away, since Stripe sends it again; the last delivery of each event
      must be accepted.
    """

    name = "clean-rejections"
    title = "Whoever loses is told so by a clean 409"
    needs = NOTHING
    telling = Telling(of_load=True)

    def check(self, history: History) -> Verdict:
        settings = history.header.settings
        clean = _clean_statuses(settings.get(CLEAN_STATUSES))
        if isinstance(clean, str):
            return Verdict(checker=self.name, status=Status.UNKNOWN, reason=clean)
        faults = _Faults(history, excuse_all=settings.get(ALLOW_FAILED) == "true")
        violations = []
        rejected = 0
        for operation in history.operations:
            completed = operation.completed
            if completed is None:
                continue
            rejected += completed.outcome is Outcome.REJECTED
            problem = _problem(operation, completed, clean, faults)
            if problem is not None:
                violations.append(
                    Violation(
                        reason=f"{who(operation)}: {operation.invoked.action} {problem}",
                        evidence=evidence([operation]),
                    )
                )
        violations.extend(_undelivered(history))
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"{_told(rejected)}, and nothing failed without a cause",
        )


def _clean_statuses(text: str | None) -> frozenset[int] | str:
    """The statuses a rejection may have, or what is wrong with the setting."""
    if text is None:
        return frozenset({CONFLICT, PAYMENT_REQUIRED})
    words = [word.strip() for word in text.split(",")]
    if not all(len(word) == 3 and word.isdecimal() for word in words):
        return f"setting {CLEAN_STATUSES} is {text!r}, not a list of statuses such as 409,402"
    return frozenset(int(word) for word in words)


def _problem(
    operation: Operation, completed: Completed, clean: frozenset[int], faults: _Faults
) -> str | None:
    action, status = operation.invoked.action, completed.status
    if completed.outcome is Outcome.FAILED:
        # A confirmation in the browser is answered by Stripe, not by the service.
        if action in (Action.CONFIRM_IN_BROWSER, Action.PAY_ON_PAGE) or faults.explain(operation):
            return None
        return f"ended in a server error ({status or 'no status'})"
    if completed.outcome is not Outcome.REJECTED or action not in CONTENDING:
        return None
    if status is not None and status not in clean:
        return f"was rejected with {status}, not with a clean {CONFLICT}"
    if status == PAYMENT_REQUIRED:
        card = operation.invoked.args.get("payment_method")
        if action is not Action.PAY:
            return f"was answered {PAYMENT_REQUIRED}, which only a payment can be"
        if card in _GOOD_CARDS and not faults.explain(operation):
            return f"was told that {card} was declined, which it never is"
    if not completed.code:
        return f"was rejected with {status or 'no status'} without a machine-readable code"
    return None


def _undelivered(history: History) -> Iterator[Violation]:
    last: dict[tuple[str, str], Operation] = {}
    for operation in history.operations:
        if operation.invoked.action is Action.WEBHOOK:
            args = operation.invoked.args
            identity = args.get("event_id") or args.get("payment_id") or ""
            last[str(args.get("event", "")), str(identity)] = operation
    for (event, identity), operation in last.items():
        completed = operation.completed
        if completed is not None and completed.outcome in (Outcome.REJECTED, Outcome.FAILED):
            yield Violation(
                reason=f"webhook {event} {identity} was never accepted: its last delivery "
                f"{who(operation)} was {completed.outcome} ({completed.code or completed.status})",
                evidence=evidence([operation]),
                absence=True,
            )


class _Faults:
    """Which operations an injected fault can have broken."""

    def __init__(self, history: History, *, excuse_all: bool) -> None:
        self._excuse_all = excuse_all
        self._faults = [fault for _, fault in history.of(Fault)]
        self._victims: dict[tuple[str, int], str] = {}
        if self._faults:
            self._victims = {
                (effect.tap, effect.seq): effect.attempt
                for _, effect in history.of(Effect)
                if effect.attempt is not None
            }

    def explain(self, operation: Operation) -> bool:
        return self._excuse_all or any(self._hit(fault, operation) for fault in self._faults)

    def _hit(self, fault: Fault, operation: Operation) -> bool:
        completed = operation.completed
        if completed is None or not operation.invoked.t <= fault.t <= completed.t:
            return False
        victim = self._victims.get((fault.tap, fault.seq)) if fault.seq is not None else None
        if victim is not None:
            return victim == operation.invoked.attempt
        return fault.kind not in _ONLY_SLOW


def _told(rejected: int) -> str:
    match rejected:
        case 0:
            return "nobody was turned away"
        case 1:
            return "the one rejection was clean"
        case _:
            return f"all {rejected} rejections were clean"
