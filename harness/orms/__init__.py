"""Object-relational mappers: what each calls a lock, a claim and the like, and which one speaks.

Every call is text with places for a table and its columns, and nothing else is kept of it: the
text that a report shows is the text that ``docs/orm_pages.py`` runs against the real package.

Imports nothing of the harness. Others use ``ORMS``, ``Orm`` and ``call``.
"""

from paidonce.harness.orms.calls import FIXES, Orm, RowAsked, Way, call
from paidonce.harness.orms.catalog import NAMES, ORMS, OrmName
from paidonce.harness.orms.telling import spoken

__all__ = ["FIXES", "NAMES", "ORMS", "Orm", "OrmName", "RowAsked", "Way", "call", "spoken"]
