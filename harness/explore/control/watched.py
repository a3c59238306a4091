"""Tables that are looked at after each step which publishes anything there: what must hold always.

The state between two steps is one that a reduced search may leave out: two attempts that commit to
rows of their own come to the same in either order, and yet only one of the orders goes through the
state in which the first has committed alone. So each step that publishes anything in such a table
is taken to look at all of it: of two of those the order matters, whichever rows they are about.
Then every order of what is published there is searched, and since nobody sees what is not
committed, every state of those tables with it.

A statement that commits by itself and would change such a table is committed in a step of its own
(``splitting``): one that has waited for a lock would else be through in the very step that let it
go on, and the state between the two commits would not be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paidonce.harness.explore.control.sql_sessions import Found, SqlSessions
from paidonce.harness.explore.footprint.model import Footprint, Resource

_TABLE = 2
"""Parts of a place that name a table."""


@dataclass(frozen=True)
class Watched:
    """The tables of one execution that are watched, as places."""

    tables: frozenset[Resource] = frozenset()

    def shows(self, touched: Footprint) -> bool:
        """Return whether a step with this footprint may change what is watched, for all to see."""
        return any(
            mine.overlaps(resource) for mine in self.tables for resource in touched.publishes
        )

    def around(self, touched: Footprint) -> Footprint:
        """Return the footprint of a step together with the look that follows it, if one does."""
        return touched.union(Footprint(looks=self.tables)) if self.shows(touched) else touched

    def written_by(self, found: Found) -> bool:
        """Return whether statements would change what is watched."""
        written = {row for footprint in found for row in (*footprint.writes, *footprint.at_once)}
        return any(mine.overlaps(resource) for mine in self.tables for resource in written)


def watched_by(queries: Iterable[str], sessions: SqlSessions) -> Watched:
    """Return the tables that these queries look at."""
    looks = (look for sql in queries for look in sessions.looks(sql))
    return Watched(frozenset(Resource(look.place[:_TABLE]) for look in looks))


NOTHING_WATCHED = Watched()
