"""The app that is served: Stripe's API, the control API, and pages for people."""

from __future__ import annotations

from paidonce.harness.simulator.api import control, pages
from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.wire.messages import Answering, ApiRequest


class App:
    """Serves one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def __call__(self, request: ApiRequest) -> Answering:
        if request.path.startswith("/_"):
            if control.addressed(request):
                return control.answer(self.simulation, request)
            if pages.addressed(request):
                return pages.answer(self.simulation, request)
        return api.answer(self.simulation, request)
