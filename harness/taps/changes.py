"""Changes that a tap makes on the way, with the service untouched: plain frozen data.

A fix may so be tried before anybody writes it. What is changed is told by the text that was seen,
and nothing else is: a statement that comes in other words passes as it is.
"""

from __future__ import annotations

import msgspec


class Replaced(msgspec.Struct, frozen=True, kw_only=True, tag="replaced", tag_field="change"):
    """The statement ``sql`` is sent on as ``by``, with the parameters that it came with.

    ``differing`` counts the words of ``sql``, from 0, that differ in every execution, since the
    client writes values into the text. What comes in their place stands in the place of the same
    words of ``by``.
    """

    sql: str
    by: str
    differing: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """Say what is changed."""
        return f"{self.sql} is sent as {self.by}"


class Preceded(msgspec.Struct, frozen=True, kw_only=True, tag="preceded", tag_field="change"):
    """Before the statement ``sql``, where that comes in an open transaction, ``by`` is sent first.

    ``$1`` of ``by`` is that of ``sql``; ``differing`` as for ``Replaced``.
    """

    sql: str
    by: str
    differing: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """Say what is changed."""
        return f"{self.by} is sent before {self.sql}"


class Keyed(msgspec.Struct, frozen=True, kw_only=True, tag="keyed", tag_field="change"):
    """Calls to Stripe of this label have an idempotency key made of method, path and parameters."""

    label: str

    @property
    def words(self) -> str:
        """Say what is changed."""
        return f"{self.label} is sent with an idempotency key made of its path and its parameters"


class Migrated(msgspec.Struct, frozen=True, kw_only=True, tag="migrated", tag_field="change"):
    """The migrated database has been changed by ``sql`` as well; no tap has a part in that."""

    sql: str

    @property
    def words(self) -> str:
        """Say what is changed."""
        return f"the database is made with {self.sql}"


StatementChange = Replaced | Preceded
Change = Replaced | Preceded | Keyed | Migrated
