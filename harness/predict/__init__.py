"""Predictions: orders of two concurrent attempts that may be bad, told from each of them alone.

``predict`` needs no service: recordings of attempts played alone (``Solo``) and the catalog of
their database. ``orders_of`` gives a search what to try first, ``decided`` says what the search
then made of each prediction. ``recorded`` is the part that does need a service.

Imports explorations, taps and SQL trees. Others use the names below.
"""

from paidonce.harness.predict.deciding import decided, orders_of, undecided
from paidonce.harness.predict.matching import Shown, Trace, shown_by
from paidonce.harness.predict.pairs import MOST, forecast, predict
from paidonce.harness.predict.recording import catalog_of, effects_of, predicted, recorded
from paidonce.harness.predict.trying import Trying
from paidonce.harness.predict.types import (
    Blind,
    Decided,
    Fix,
    Forecast,
    Looked,
    PredictedOrder,
    Prediction,
    Solo,
    Spot,
    Standing,
    Trap,
    TrapKind,
    Trial,
    TriedFix,
    Unjudged,
    Weighed,
)
from paidonce.harness.predict.weighing import weighed

__all__ = [
    "MOST",
    "Blind",
    "Decided",
    "Fix",
    "Forecast",
    "Looked",
    "PredictedOrder",
    "Prediction",
    "Shown",
    "Solo",
    "Spot",
    "Standing",
    "Trace",
    "Trap",
    "TrapKind",
    "Trial",
    "TriedFix",
    "Trying",
    "Unjudged",
    "Weighed",
    "catalog_of",
    "decided",
    "effects_of",
    "forecast",
    "orders_of",
    "predict",
    "predicted",
    "recorded",
    "shown_by",
    "undecided",
    "weighed",
]
