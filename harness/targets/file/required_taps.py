"""Which taps a service must be seen at: without that, nothing of it is under control."""

from __future__ import annotations

from paidonce.harness.explore.control.readers import TAPS as KINDS
from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.placeholders import SURROUNDINGS, names_in
from paidonce.harness.testbed.openers import REPLICA_URL

TAPS = ("postgres", "stripe", "redis")
"""Those that have a table of their own in the format, in the order in which they are named."""


def further() -> tuple[str, ...]:
    """Return the names of the taps that are registered besides."""
    return tuple(name for name in KINDS if name not in TAPS)


def surroundings() -> tuple[str, ...]:
    """Return what commands and environments may use, with what taps add to it."""
    return (*SURROUNDINGS, *(place for kind in KINDS.values() for place in kind.places))


def told_of(file: TargetFile) -> frozenset[str]:
    """The taps that the service is told of: by placeholders, or by a port where it runs already."""
    taps = file.taps
    if file.service is not None:
        ports = (taps.postgres_port, taps.stripe_port or taps.stripe_tls_port, taps.redis_port)
        return frozenset(tap for tap, port in zip(TAPS, ports, strict=True) if port is not None)
    texts = [[process.command, process.env] for process in file.process]
    texts += [[variant.env for variant in file.variants.values()], [file.explore.env]]
    used = set(names_in(texts))
    found = {tap for tap in (*TAPS, *further()) if any(_leads_to(tap, place) for place in used)}
    return frozenset(found | ({"stripe"} if taps.stripe_tls_port is not None else set()))


def needed(file: TargetFile) -> tuple[str, ...]:
    """Return where one attempt alone must be seen: what ``[taps] need`` says, or Postgres where it
    says nothing and the service is told of it; and whatever values are looked up in.

    Values of a store that the attempts were never seen to use would say nothing of them.
    """
    if file.taps.need is None:
        found = dict.fromkeys(tap for tap in ("postgres",) if tap in told_of(file))
    else:
        found = dict.fromkeys(file.taps.need)
    if file.marks or file.rest.sql or any(observe.sql for observe in file.observe.values()):
        found["postgres"] = None
    if any(observe.stripe for observe in file.observe.values()):
        found["stripe"] = None
    told = told_of(file)
    found |= dict.fromkeys(tap for tap in further() if tap in told)
    return tuple(tap for tap in (*TAPS, *further()) if tap in found)


def reads_replica(file: TargetFile) -> bool:
    """Return whether a process reads from a replica of its Postgres."""
    texts = [[process.command, process.env] for process in file.process]
    texts += [[variant.env for variant in file.variants.values()], [file.explore.env]]
    return REPLICA_URL in names_in(texts)


def keeps_state_unseen(file: TargetFile) -> bool:
    """Return whether it keeps what it knows of its orders where no tap is: in its memory, most
    likely."""
    return not any(KINDS[tap].stores for tap in needed(file))


def _leads_to(tap: str, place: str) -> bool:
    return place.startswith(f"{tap}_") and place != "stripe_key"
