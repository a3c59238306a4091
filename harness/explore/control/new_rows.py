"""Rows that attempts make, and who cares which of two was first.

Rows under keys from a sequence are two rows whoever is first: the attempts that make them need not
be tried in both orders for that. It matters to whoever sees both, as one who asks for the latest
does: a table that is looked through, by anything but a key of a single row, is told to the search,
which then begins again with it among those that grow in an order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from paidonce.harness.explore.footprint.model import MADE, Footprint, Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog

_ROWS = "pg"
_ALL = ""


@dataclass
class NewRows:
    """The new rows of one execution, and who looks through their tables.

    ``ordered`` are the tables, by their names in footprints, that are known to be looked through;
    ``everything`` if any of them may be.
    """

    catalog: Catalog
    ordered: Collection[str] = ()
    everything: bool = True
    _made: set[str] = field(default_factory=set)
    _looked: set[str] = field(default_factory=set)
    _keys: dict[str, list[frozenset[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in self.catalog.tables.values():
            if table.kind == "table" and not table.related:
                self._keys[table.place[1]] = [
                    frozenset(column for column in index.columns if column)
                    for index in table.unique
                    if index.plain and index.columns and not index.exclusion
                ]

    def apart(self, table: str) -> bool:
        """Return whether rows that several attempts make in the table are of no interest to one
        another."""
        return not self.everything and table not in self.ordered

    def sees(self, touched: Footprint) -> None:
        """Somebody's call touches this."""
        self._made.update(row.place[1] for row in touched.publishes if row.key[:1] == ((MADE, ""),))
        self._looked.update(looked_through(touched.looks, self._keys))

    @property
    def in_order(self) -> frozenset[str]:
        """Return the tables with new rows that are looked through, beyond those known to be."""
        if self.everything:
            return frozenset()
        found = self._made if _ALL in self._looked else self._made & self._looked
        return frozenset(found - set(self.ordered))


def tables_of(looks: Iterable[Resource], catalog: Catalog) -> frozenset[str]:
    """Return the tables that are looked at, all of them where that cannot be told."""
    tables = looked_through(looks, {})
    if _ALL in tables:
        return frozenset(table.place[1] for table in catalog.tables.values())
    return frozenset(tables)


def looked_through(looks: Iterable[Resource], keys: dict[str, list[frozenset[str]]]) -> set[str]:
    """Return the tables of which more than one row is looked at; ``_ALL`` for those of any."""
    found: set[str] = set()
    for look in looks:
        if look.place[:1] not in ((), (_ROWS,)):
            continue
        if len(look.place) < 2:
            found.add(_ALL)
            continue
        columns = {column for column, _ in look.key}
        if not any(key <= columns for key in keys.get(look.place[1], ())):
            found.add(look.place[1])
    return found
