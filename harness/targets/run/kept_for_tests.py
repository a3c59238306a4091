"""The database of a test's service: on the test run's server, or kept between runs."""

from __future__ import annotations

import os
from dataclasses import replace

from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.backends.shared import THROWN_AWAY_VARIABLE
from paidonce.harness.errors import Unavailable
from paidonce.harness.targets.file.loading import Loaded


def kept_for_tests(loaded: Loaded, choice: Choice) -> tuple[Choice, KeptDatabases | None]:
    """Return the backends of a test of this target, and where its database is kept, if it is.

    A server that the run started for all of its tests is given up for one that can be kept where
    commands migrate: those may take minutes, a server of its own a second. SQL files seldom do.
    """
    database = loaded.file.database
    ours = choice.postgres in ("embedded", os.environ.get(THROWN_AWAY_VARIABLE))
    if not ours:
        return choice, None
    if not (database.migrate and database.keep):
        # Where its name is fixed, other workers of the run have one of that name on its server.
        return (replace(choice, postgres="embedded") if database.name else choice), None
    try:
        return replace(choice, postgres="embedded"), KeptDatabases()
    except Unavailable:
        return choice, None
