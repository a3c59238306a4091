"""SQL as Postgres's own parser sees it (libpg_query, through postgast): trees, tokens, texts again.

Imports nothing of ours. Others use ``parse_sql``, ``split``, ``scan`` and ``parse_plpgsql`` from
here, ``ast`` and ``enums`` for the names of nodes and their values, ``written`` for a tree as SQL,
and ``visitors``.
"""

from paidonce.harness.sql_trees.reading import (
    ParseError,
    Token,
    parse_plpgsql,
    parse_sql,
    scan,
    split,
)
from paidonce.harness.sql_trees.writing import written

__all__ = ["ParseError", "Token", "parse_plpgsql", "parse_sql", "scan", "split", "written"]
