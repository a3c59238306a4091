"""The failures that a script says may happen, as it says them: where, of which kind, how often."""

from __future__ import annotations

from dataclasses import dataclass

from paidonce.harness.taps.faults import AtTap, Crash, ErrorAnswer
from paidonce.harness.taps.postgres.errors import FAULTS as POSTGRES
from paidonce.harness.taps.redis.errors import FAULTS as REDIS
from paidonce.harness.taps.stripe.refusals import FAULTS_OF_OURS as STRIPE

PROCESS = "process"
_AT_TAPS = {"postgres": POSTGRES, "redis": REDIS, "stripe": STRIPE}


@dataclass(frozen=True)
class FailureChoice:
    """Failures of ``kind`` may happen on ``on``, at most ``at_most`` of them in an execution.

    ``on`` is the name of a tap, or "process NAME" ("process" is any of them). ``kind`` is a word of
    ``kinds_on``.
    """

    on: str
    kind: str
    at_most: int = 1

    @property
    def process(self) -> str | None:
        """The name of the process that it happens to, empty for any; None at a tap."""
        name = self.on.split(maxsplit=1)
        return None if name[0] != PROCESS else "".join(name[1:])

    def means(self, fault: AtTap | Crash, tap: str = "") -> bool:
        """Tell whether this is the choice of ``fault``, at the tap of that name."""
        if isinstance(fault, Crash):
            return self.kind == Crash().kind and self.process in ("", fault.process)
        return self.on == tap and self.kind == word_of(fault)


def word_of(fault: AtTap | Crash) -> str:
    """The kind of a fault in one word: of an error that is answered, the error's own name."""
    return fault.error if isinstance(fault, ErrorAnswer) else fault.kind


def kinds_on(on: str) -> tuple[str, ...]:
    """The kinds of failures that there are on ``on``; none where there is no such thing."""
    if on.split(maxsplit=1)[:1] == [PROCESS]:
        return (Crash().kind,)
    faults = _AT_TAPS.get(on)
    if faults is None:
        return ()
    return tuple(dict.fromkeys(word_of(fault) for fault in (*faults.request, *faults.answer)))
