"""The results of a search under failures, plan by plan."""

from __future__ import annotations

import msgspec

from paidonce.harness.results.grounds import Claim, Grounds


class PlanResult(msgspec.Struct, frozen=True, kw_only=True):
    """The search below one plan of failures.

    ``failures`` are in words, ``kinds`` what they are on their own. ``reason`` says why the search
    was not complete, empty if it was.
    """

    failures: tuple[str, ...]
    kinds: tuple[str, ...]
    alone: bool = False
    """True if one attempt was searched alone."""
    executions: int = 0
    seconds: float = 0.0
    reason: str = ""
    found: bool = False
    """True if it has a counterexample."""


class UnderFailures(msgspec.Struct, frozen=True, kw_only=True):
    """All searches under at most ``at_most`` failures in an execution."""

    at_most: int
    plans: tuple[PlanResult, ...] = ()
    chosen: bool = False
    """True if only failures were made that were asked for."""
    crashes: bool = True
    """False if no process of the service could be killed."""
    orders: int = 1
    """In how many orders one attempt alone recovered: it asks again first, and sweeps first."""
    processes: int = 1
    """How many of them there are, each of which is killed at its own steps."""
    leases_held: bool = False
    """True if attempts were seen to take what may run out, and nothing let it run out here."""
    search_up_to_date: bool = False
    """True if attempts search at Stripe, and the search never lagged here."""
    replica: bool = False
    """True if the service reads from a replica, at which nothing was made to go wrong."""

    rounds: int = 0
    """Within how many rounds of recovery everything has to come to rest; 0 where nobody says."""
    grounds: Grounds | None = None
    """The claims that these searches relied on beyond those of the search without failures; None
    where none was tried."""

    @property
    def words(self) -> str:
        """The words for it, before interleavings are told of."""
        times = "failure" if self.at_most == 1 else "failures"
        which = " of those asked for" if self.chosen else ""
        but = "" if self.crashes else " (no process killed)"
        if self.processes > 1:
            but = f" (each of {self.processes} processes killed at its own steps)"
        if self.replica:
            but += " (the replica itself never fails)"
        return f"with at most {self.at_most} {times}{which} at any tap step{but}, "

    @property
    def told(self) -> str:
        """Return how many plans there were, of which kinds, and what they took."""
        kinds: dict[str, int] = {}
        for plan in self.plans:
            for kind in plan.kinds:
                kinds[kind] = kinds.get(kind, 0) + 1
        of_each = ", ".join(f"{count} of {kind!r}" for kind, count in sorted(kinds.items()))
        plans = "1 plan" if len(self.plans) == 1 else f"{len(self.plans)} plans"
        return f"{plans} of failures in {self.executions} executions: {of_each or 'none possible'}"

    @property
    def undecided(self) -> tuple[PlanResult, ...]:
        """The plans below which a search was not complete."""
        return tuple(plan for plan in self.plans if plan.reason and not plan.found)

    @property
    def executions(self) -> int:
        """Return how many executions were made below all plans."""
        return sum(plan.executions for plan in self.plans)


def together(one: Grounds, other: Grounds) -> Grounds:
    """Return the claims of both: one that was confirmed in either is."""
    return Grounds(
        pairs=_joined(one.pairs, other.pairs),
        moments=_joined(one.moments, other.moments),
        deferrals=_joined(one.deferrals, other.deferrals),
        kills=_joined(one.kills, other.kills),
        executions=one.executions + other.executions,
        lessons=tuple(dict.fromkeys((*one.lessons, *other.lessons))),
    )


def _joined(some: tuple[Claim, ...], others: tuple[Claim, ...]) -> tuple[Claim, ...]:
    known: dict[tuple[str, ...], bool] = {}
    for claim in (*some, *others):
        known[claim.names] = known.get(claim.names, False) or claim.confirmed
    return tuple(Claim(names=names, confirmed=it) for names, it in sorted(known.items()))


def claimed(established: str, failures: UnderFailures | None, *, tried: bool) -> str:
    """Return what a complete search claims that has ``established`` this of interleavings.

    ``tried`` says that what it relies on was tried without failures; what more it relies on under
    them is in ``failures``.
    """
    if failures is None:
        return f"no counterexample in {established}"
    rests = ", without failures" if tried else ""
    if failures.grounds is not None:
        rests += f"; under them {str(failures.grounds) or 'nothing more was relied on'}"
    orders = "in one order"
    if failures.orders > 1:
        orders = "by clients first, and of one alone by sweeps first as well"
    within = ""
    if failures.rounds:
        within = f" within {failures.rounds} round{'' if failures.rounds == 1 else 's'}"
    leases = "; leases were not let run out under failures" if failures.leases_held else ""
    if failures.search_up_to_date:
        leases += "; Stripe's search did not lag under failures"
    return (
        f"no counterexample {failures.words}in {established}{rests}; it came to rest after every "
        f"failure{within}, recovered {orders}{leases}"
    )
