"""The looks of one statement that do not all see the same, and what may come between two of them.

A function, trigger, procedure or block that is VOLATILE takes a new snapshot for each statement in
it (manual, section 38.7), so that at READ COMMITTED others may commit between two of these, in the
midst of what is one step to a search. That makes no difference, compared with their having come
before or after all of it or while it waits, if

* others' commits meet no more than one of the looks: those that come before that one could have
  come before all, the others after all;
* or the looks they meet are kept until the end of the transaction from then on, but for the last:
  who locks the row it looks at by its key alone, or has made an entry of a unique index, is not
  overtaken;
* or only one commit meets any of them, and one look at most without locking what it looks at: what
  locks waits for that commit, so that this came while it waited.

Two look-ups of the same, or one of this and one of that where two commits change this and then
that, see what nobody sees who looks at one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from paidonce.harness.explore.footprint.model import Resource

Resources = frozenset[Resource]
NONE: Resources = frozenset()


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The things that one statement within another sees, and those it locks as it does.

    ``free`` may change as soon as it was seen. ``kept`` are rows that are locked with it, once they
    are there (``missing`` if they need not be, as rows that foreign keys refer to), ``some`` are
    those that are locked if they are as it wants them. ``entries`` are those it makes in unique
    indexes, unless somebody has them; ``tested`` are locks of others that it does not wait for.
    """

    free: Resources = NONE
    kept: Resources = NONE
    some: Resources = NONE
    missing: Resources = NONE
    entries: Resources = NONE
    tested: Resources = NONE

    def misses(self, change: ChangedRows) -> bool:
        """Return whether it would have seen the change, but need not wait for it while that is
        under way."""
        return (
            _meet(self.free, change.writes)
            or _meet(self.some, change.arrives)
            or _meet(self.missing, change.adds)
            or _meet(self.tested, change.locks)
        )

    def overtaken(self, change: ChangedRows) -> bool:
        """Return whether the change may come after it, within the same transaction, though it would
        have seen it before."""
        return self.misses(change) or self.waits_no_more(change)

    def waits_no_more(self, change: ChangedRows) -> bool:
        """Return whether the change may come after it, which would have waited for it before."""
        return _meet(self.entries, change.goes) or _meet(self.tested, change.locks)

    def meets(self, change: ChangedRows) -> bool:
        """Return whether it sees the change at all, or waits for it."""
        return (
            self.overtaken(change)
            or _meet(self.kept | self.some, change.writes)
            or _meet(self.entries, change.adds)
        )


@dataclass
class ChangedRows:
    """The rows that another transaction changed, made, removed and locked.

    ``arrives`` is what changed rows are now. ``holds`` are those of its locks that were taken for
    certain.
    """

    writes: Resources = NONE
    adds: Resources = NONE
    arrives: Resources = NONE
    goes: Resources = NONE
    locks: Resources = NONE
    holds: Resources = NONE


def torn(looks: Sequence[Look], changes: Sequence[ChangedRows]) -> bool:
    """Return whether it matters that others make these changes between two of the looks."""
    changes = [change for change in changes if any(look.meets(change) for look in looks)]
    for at, look in enumerate(looks):
        if not any(look.overtaken(change) for change in changes):
            continue
        held = len(changes) == 1 and not look.waits_no_more(changes[0])
        for later in looks[at + 1 :]:
            if any(later.misses(change) if held else later.meets(change) for change in changes):
                return True
    return False


def keep_out(mine: Iterable[Resource], theirs: Iterable[Resource]) -> bool:
    """Return whether two transactions that certainly hold these locks cannot go on side by side."""
    return any(
        resource.key
        and resource.key == other.key
        and _same(resource, other)
        and not (resource.shared and other.shared)
        for resource in mine
        for other in theirs
    )


def _same(one: Resource, other: Resource) -> bool:
    return one.place[:2] == other.place[:2]


def _meet(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(resource.overlaps(other) for resource in some for other in others)
