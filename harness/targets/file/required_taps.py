"""Which taps a service must be seen at: without that, nothing of it is under control."""

from __future__ import annotations

from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.placeholders import names_in

TAPS = ("postgres", "stripe", "redis")
_STORES = {"postgres", "redis"}


def told_of(file: TargetFile) -> frozenset[str]:
    """The taps that the service is told of: by placeholders, or by a port where it runs already."""
    taps = file.taps
    if file.service is not None:
        ports = (taps.postgres_port, taps.stripe_port or taps.stripe_tls_port, taps.redis_port)
        return frozenset(tap for tap, port in zip(TAPS, ports, strict=True) if port is not None)
    texts = [[process.command, process.env] for process in file.process]
    texts += [[variant.env for variant in file.variants.values()], [file.explore.env]]
    used = set(names_in(texts))
    found = {tap for tap in TAPS if any(_leads_to(tap, place) for place in used)}
    return frozenset(found | ({"stripe"} if taps.stripe_tls_port is not None else set()))


def needed(file: TargetFile) -> tuple[str, ...]:
    """Where one attempt alone must be seen: what ``[taps] need`` says, or Postgres where it says
    nothing and the service is told of it; and whatever values are looked up in.

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
    return tuple(tap for tap in TAPS if tap in found)


def keeps_state_unseen(file: TargetFile) -> bool:
    """Return whether it keeps what it knows of its orders where no tap is: in its memory, most
    likely."""
    return not _STORES & set(needed(file))


def _leads_to(tap: str, place: str) -> bool:
    return place.startswith(f"{tap}_") and place != "stripe_key"
