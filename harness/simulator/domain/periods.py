"""Billing periods: day for day, and month for month by the calendar.

Source: https://docs.stripe.com/billing/subscriptions/billing-cycle. Where a month has not the day
of the anchor, its last day is taken. All is in UTC.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

_SECONDS = {"day": 86_400, "week": 7 * 86_400}
_MONTHS = {"month": 1, "year": 12}


def boundary(anchor: int, interval: str, count: int, number: int) -> int:
    """Return the time that is ``number`` periods after ``anchor``, or before it."""
    if interval in _SECONDS:
        return anchor + _SECONDS[interval] * count * number
    at = datetime.fromtimestamp(anchor, UTC)
    months = at.year * 12 + at.month - 1 + _MONTHS[interval] * count * number
    year, month = divmod(months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def after(anchor: int, interval: str, count: int, time: int) -> int:
    """Return the first end of a period after ``time``."""
    if interval in _SECONDS:
        passed = (time - anchor) // (_SECONDS[interval] * count)
        return boundary(anchor, interval, count, passed + 1)
    here, there = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(time, UTC)
    months = (there.year - here.year) * 12 + there.month - here.month
    number = months // (_MONTHS[interval] * count) - 1
    while boundary(anchor, interval, count, number) <= time:
        number += 1
    return boundary(anchor, interval, count, number)


def share(amount: int, part: int, whole: int) -> int:
    """Return ``part`` of ``whole`` seconds' worth of ``amount``, rounded half up."""
    return (2 * amount * part + whole) // (2 * whole)
