"""The ways to run a service: as it is, and with the changes of each fix that is proposed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from paidonce.harness.predict import Forecast
from paidonce.harness.predict.trying import OWN_DATABASE
from paidonce.harness.results.fix_costs import AS_IT_IS, WITHOUT_TAPS, LeftOut
from paidonce.harness.taps.changes import Change, Migrated


@dataclass(frozen=True)
class WayToRun:
    """One of them. ``closes`` are the numbers of the predictions that it is to close, from 1."""

    name: str
    changes: tuple[Change, ...] = ()
    closes: tuple[int, ...] = ()
    tapped: bool = True


UNFIXED = (WayToRun(AS_IT_IS), WayToRun(WITHOUT_TAPS, tapped=False))


def ways_of(
    forecast: Forecast, *, own_database: bool = False
) -> tuple[tuple[WayToRun, ...], tuple[LeftOut, ...]]:
    """Return those that there are, and the fixes that cannot be tried from outside.

    Fixes of one name are one way: where several predictions have it, it is made for all of them.
    With ``own_database`` the service's database is not ours to change.
    """
    changes: dict[str, dict[Change, None]] = {}
    closes: dict[str, dict[int, None]] = {}
    untried: dict[tuple[str, str], dict[int, None]] = {}
    for number, prediction in enumerate(forecast.predictions, start=1):
        for fix in prediction.fixes:
            why = fix.untried
            if own_database and any(isinstance(change, Migrated) for change in fix.changes):
                why = OWN_DATABASE
            if why or not fix.changes:
                untried.setdefault((fix.name, why), {})[number] = None
                continue
            changes.setdefault(fix.name, {}).update(dict.fromkeys(fix.changes))
            closes.setdefault(fix.name, {})[number] = None
    ways = [WayToRun(name, tuple(made), tuple(closes[name])) for name, made in changes.items()]
    left_out = [
        LeftOut(name=name, closes=tuple(numbers), why=why)
        for (name, why), numbers in untried.items()
    ]
    return (*UNFIXED, *ways), tuple(left_out)
