"""Readers of single calls, without the sessions of a database."""

from __future__ import annotations

from typing import Any, cast

from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.control.database_timeouts import Timeouts
from paidonce.harness.explore.control.deferral import DeferralTracker
from paidonce.harness.explore.control.leases import Leases
from paidonce.harness.explore.control.one_key import OneKey
from paidonce.harness.explore.control.readers import TAPS
from paidonce.harness.explore.control.readers.base import CallReader, Reading
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.gate import Call


def reader_of(
    call: Call,
    *,
    names: Names | None = None,
    times: Times | None = None,
    leases: Leases | None = None,
) -> CallReader[Any]:
    """The reader that is registered for the call's tap."""
    background, sessions = Background(), cast("SqlSessions", None)
    reading = Reading(
        names=names or Names({}),
        background=background,
        times=times or Times(0.0, background),
        sessions=sessions,
        late=DeferralTracker(sessions),
        one_key=OneKey(),
        leases=leases or Leases(),
        timeouts=Timeouts(),
    )
    return TAPS[call.tap].reader(reading)
