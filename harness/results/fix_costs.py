"""The costs of fixes under load: a target's service as it is, and with each fix made on the way."""

from __future__ import annotations

import enum
from statistics import median

import msgspec

from paidonce.harness.results.proof import Machine

AS_IT_IS = "as it is"
WITHOUT_TAPS = "without taps"


class AttemptsCome(enum.StrEnum):
    """The ways in which the attempts of an order come."""

    AT_ONCE = "all at once"
    IN_TURN = "in turn"


class PlayedOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that were played: ``paid`` are those of which at least one attempt was answered as
    success is. Times are of single answers."""

    orders: int
    paid: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Orders a second that were paid."""
        return self.paid / self.seconds if self.seconds else 0.0


class WayRun(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: bursts, one order at a time, and then many orders at each pace. ``broken``
    are the bursts that broke a rule, ``open`` those of which that could not be told, ``reason`` why
    the first of either was."""

    round: int
    bursts: int
    broken: int
    played: dict[AttemptsCome, PlayedOrders]
    open: int = 0
    reason: str = ""
    never_came: tuple[str, ...] = ()
    """The changes that nothing came for, in words."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run the service. ``closes`` are the numbers of the predictions that it is a fix
    of, from 1; ``changes`` are told in words; ``failed`` says why it could not be measured."""

    name: str
    closes: tuple[int, ...] = ()
    changes: tuple[str, ...] = ()
    runs: tuple[WayRun, ...] = ()
    failed: str = ""

    @property
    def bursts(self) -> int:
        """Return how many bursts there were in all."""
        return sum(run.bursts for run in self.runs)

    @property
    def broken(self) -> int:
        """Return how many of them broke a rule."""
        return sum(run.broken for run in self.runs)

    @property
    def undecided(self) -> int:
        """Return of how many that could not be told."""
        return sum(run.open for run in self.runs)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A fix that cannot be tried from outside, and why."""

    name: str
    closes: tuple[int, ...]
    why: str


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A median, and what it lies between."""

    middle: float
    least: float
    most: float


class FixCosts(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of all ways. ``one_by_one`` tells that its file takes something back before each
    order, so that there is one order at a time."""

    target: str
    variant: str
    sound: bool
    started: str
    command: str
    machine: Machine
    users: int
    rounds: int
    stripe_latency: str
    one_by_one: bool
    ways: tuple[Way, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def unfixed(self) -> Way | None:
        """The service as it is, behind the taps that the fixes are measured behind."""
        return next((way for way in self.ways if way.name == AS_IT_IS), None)

    def rate(self, way: Way, pace: AttemptsCome) -> Spread | None:
        """Orders a second that were paid; None where nothing is known."""
        return _spread([run.played[pace].rate for run in way.runs])

    def share(self, way: Way, pace: AttemptsCome) -> Spread | None:
        """The same as a share of what it is as it is, of measurements of one round each."""
        unfixed = self.unfixed
        if unfixed is None:
            return None
        whole = {run.round: run.played[pace].rate for run in unfixed.runs}
        return _spread(
            [run.played[pace].rate / whole[run.round] for run in way.runs if whole.get(run.round)]
        )


def _spread(values: list[float]) -> Spread | None:
    if not values:
        return None
    return Spread(middle=median(values), least=min(values), most=max(values))
