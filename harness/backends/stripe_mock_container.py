"""stripe-mock from its official container image."""

from __future__ import annotations

from typing import Literal

from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.containers import Container
from paidonce.harness.backends.stripe_keys import DEFAULT_TEST_KEY
from paidonce.harness.backends.stripe_mock import CAPABILITIES
from paidonce.harness.backends.stripe_simulator import new_webhook_secret
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.process.ports import HOST

VERSION = "0.197.0"
IMAGE = f"stripe/stripe-mock:v{VERSION}"
START_SECONDS = 120.0


class ContainerMockStripe(Stoppable):
    """A stripe-mock container; constructing it starts it.

    Raises ``Unavailable`` (no Docker engine, no image) or ``DeadlineExceeded``.
    """

    kind = "stripe-mock-container"
    capabilities = CAPABILITIES
    can_reset = True
    reset_path = ""
    api_key = DEFAULT_TEST_KEY

    def __init__(self, image: str = IMAGE, *, webhook_secret: str | None = None) -> None:
        self.webhook_secret = webhook_secret or new_webhook_secret()
        self._container = Container(image, 12111)
        self.version = self._container.named(VERSION)
        self.url = f"http://{HOST}:{self._container.port}"
        try:
            self._container.wait_for("answer HTTP", self._answers, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def reset(self) -> None:
        """Nothing to forget: it keeps no state."""

    def stop(self) -> None:
        """Remove the container; idempotent."""
        self._container.stop()

    def _answers(self) -> Literal[True] | None:
        try:
            ask_once("GET", self.url, seconds=2.0)
        except NoAnswer:
            return None
        return True
