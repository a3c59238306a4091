"""Decides predictions by exploring, with the predicted orders first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidonce.harness.explore.search import BadOrder, Ending, SearchResult
from paidonce.harness.history import History
from paidonce.harness.predict.matching import Trace, shown_by
from paidonce.harness.predict.types import Decided, Forecast, Prediction, Standing, Weighed
from paidonce.harness.service.passing import EVERY_LEASE_OVER


def orders_of(forecast: Forecast) -> tuple[BadOrder, ...]:
    """One order to try for each prediction, in their order; for ``Request.first``."""
    return tuple(map(order_of, forecast.predictions))


def order_of(prediction: Prediction) -> BadOrder:
    """The order to try for one."""
    return BadOrder(
        reader=prediction.readers[0],
        label=prediction.read.label,
        occurrence=prediction.read.occurrence,
        rival=next(n for n in (*prediction.rivals, "") if n != prediction.readers[0]),
    )


def decided(
    forecast: Forecast,
    result: SearchResult,
    history: History | None,
    weighed: Mapping[Prediction, Weighed] | None = None,
) -> tuple[Decided, ...]:
    """Return each prediction with what a search says of it.

    ``history`` is that of the counterexample, None if there is none. Confirmed is what the
    counterexample shows, unless ``weighed`` says that it does not matter to it; refuted is
    everything if the search was complete without one, but for what only a lease prevents, where it
    was not let run out.
    """
    trace = None if history is None else Trace(history, forecast.catalog)
    weighed = weighed or {}
    return tuple(
        _decided(prediction, forecast.predictions, result, trace, weighed.get(prediction))
        for prediction in forecast.predictions
    )


def _decided(
    prediction: Prediction,
    known: Sequence[Prediction],
    result: SearchResult,
    trace: Trace | None,
    weighed: Weighed | None,
) -> Decided:
    if weighed is not None:
        standing = Standing.CONFIRMED if weighed.matters else Standing.OPEN
        return Decided(prediction=prediction, standing=standing, reason=weighed.words)
    if trace is not None and (shown := shown_by(prediction, trace, known)):
        return Decided(prediction=prediction, standing=Standing.CONFIRMED, reason=shown.words)
    match result.ending:
        case Ending.COMPLETE if (
            prediction.lease is not None and EVERY_LEASE_OVER not in result.coverage
        ):
            standing, reason = (
                Standing.OPEN,
                f"complete, but {prediction.lease} is a lease, which was not let run out",
            )
        case Ending.COMPLETE:
            standing, reason = Standing.REFUTED, result.claimed
        case Ending.COUNTEREXAMPLE:
            standing, reason = (
                Standing.OPEN,
                "the counterexample shows it between no two attempts on one row",
            )
        case Ending.INCOMPLETE:
            standing, reason = Standing.OPEN, f"not complete: {result.reason}"
    return Decided(prediction=prediction, standing=standing, reason=reason)


def undecided(forecast: Forecast, reason: str) -> tuple[Decided, ...]:
    """The same while nothing, or nothing that counts, has been explored."""
    return tuple(
        Decided(prediction=prediction, standing=Standing.OPEN, reason=reason)
        for prediction in forecast.predictions
    )
