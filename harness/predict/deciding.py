"""Decides predictions by exploring, with the predicted orders first."""

from __future__ import annotations

from collections.abc import Sequence

from harness.explore.search import BadOrder, Ending, Result
from harness.history import History
from harness.predict.matching import Trace, shown_by
from harness.predict.types import Decided, Prediction, Standing


def orders_of(predictions: Sequence[Prediction]) -> tuple[BadOrder, ...]:
    """One order to try for each prediction, in their order; for ``Request.first``."""
    return tuple(
        BadOrder(
            reader=prediction.readers[0],
            label=prediction.read.label,
            occurrence=prediction.read.occurrence,
            rival=next(n for n in (*prediction.rivals, "") if n != prediction.readers[0]),
        )
        for prediction in predictions
    )


def decided(
    predictions: Sequence[Prediction], result: Result, history: History | None
) -> tuple[Decided, ...]:
    """What a search says of each prediction.

    ``history`` is that of the counterexample, None if there is none. Confirmed is what the
    counterexample shows; refuted is everything if the search was complete without one, but for
    what only a lease prevents, since leases do not run out in a search.
    """
    trace = None if history is None else Trace(history)
    return tuple(_decided(one, predictions, result, trace) for one in predictions)


def _decided(
    prediction: Prediction, known: Sequence[Prediction], result: Result, trace: Trace | None
) -> Decided:
    if trace is not None and (words := shown_by(prediction, trace, known)):
        return Decided(prediction=prediction, standing=Standing.CONFIRMED, reason=words)
    match result.ending:
        case Ending.COMPLETE if prediction.lease is not None:
            standing, reason = (
                Standing.OPEN,
                f"complete, but in a search leases do not run out, and {prediction.lease} is one",
            )
        case Ending.COMPLETE:
            standing, reason = Standing.REFUTED, f"no counterexample in {result.established}"
        case Ending.COUNTEREXAMPLE:
            standing, reason = (
                Standing.OPEN,
                "the counterexample found first shows it between no two attempts",
            )
        case Ending.INCOMPLETE:
            standing, reason = Standing.OPEN, f"not complete: {result.reason}"
    return Decided(prediction=prediction, standing=standing, reason=reason)


def undecided(predictions: Sequence[Prediction], reason: str) -> tuple[Decided, ...]:
    """The same while nothing, or nothing that counts, has been explored."""
    return tuple(
        Decided(prediction=one, standing=Standing.OPEN, reason=reason) for one in predictions
    )
