"""The project's own Stripe simulator, run as a process of its own so that it can be load-tested.

The contract with ``python -m paidonce.harness.simulator`` is: a JSON line on standard output when
it listens, and an end when its standard input ends (so it cannot outlive us).
"""

from __future__ import annotations

import json
import secrets

from paidonce.harness import __version__
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.stripe_keys import DEFAULT_TEST_KEY
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once
from paidonce.harness.process import modules
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST

START_SECONDS = 60.0
CAPABILITIES = frozenset(
    {
        Capability.STRIPE_LEDGER,
        Capability.STRIPE_STATE,
        Capability.STRIPE_CONFIRM,
        Capability.STRIPE_REFUND_LIMIT,
        Capability.STRIPE_IDEMPOTENCY,
        Capability.STRIPE_DECLINES,
        Capability.STRIPE_WEBHOOKS,
        Capability.STRIPE_EVENTS,
        Capability.STRIPE_PAGES,
    }
)
CONTROL_HEADERS = {"Paidonce-Control": "1"}
RESET_PATH = "/_control/reset"
KEEP_PATH = "/_control/keep"
CLOCK_PATH = "/_control/clock"
SEARCH_PATH = "/_control/search"


class SimulatedStripe(Stoppable):
    """A simulator process of our own; constructing it starts it.

    ``arguments`` are added to its command line (``--latency-ms 5`` for example). Raises
    ``ChildFailed`` with what it said when it cannot be started.
    """

    kind = "simulator"
    version = __version__
    capabilities = CAPABILITIES
    can_reset = True
    reset_path = RESET_PATH
    api_key = DEFAULT_TEST_KEY

    def __init__(self, *arguments: str, webhook_secret: str | None = None) -> None:
        self.webhook_secret = webhook_secret or new_webhook_secret()
        argv, environment = modules.command(
            "paidonce.harness.simulator",
            *("--host", HOST, "--port", "0", "--stop-on-stdin-eof"),
            *("--webhook-secret", self.webhook_secret),
            *arguments,
        )
        self._server = Child("Stripe simulator", argv, env=environment, hold_stdin=True)
        try:
            self.port = self._server.wait_line("say it is ready", _port, START_SECONDS)
        except BaseException:
            self._server.stop()
            raise
        self.url = f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The simulator's pid."""
        return self._server.pid

    @property
    def log(self) -> str:
        """All the simulator has printed so far."""
        return self._server.output

    def reset(self) -> None:
        """Forget all objects, keys and events. Raises ``Unavailable`` when it does not answer."""
        reset_simulator(self.url)

    def stop(self) -> None:
        """End the simulator; idempotent."""
        self._server.stop()


def new_webhook_secret() -> str:
    """A fresh signing secret in the form of Stripe's."""
    return f"whsec_{secrets.token_hex(16)}"


def reset_simulator(url: str) -> None:
    """Ask the simulator at ``url`` to forget everything. Raises ``Unavailable``."""
    try:
        answer = ask_once("POST", f"{url}{RESET_PATH}", seconds=10.0, headers=CONTROL_HEADERS)
    except NoAnswer as error:
        raise not_reset(url, str(error)) from None
    if answer.status != 200:
        raise not_reset(url, f"it answered {answer.status} {answer.reason}")


def not_reset(url: str, why: str) -> Unavailable:
    """Return the error for a simulator at ``url`` that did not forget everything."""
    problem = f"{url} could not be reset ({why})"
    return Unavailable("Stripe simulator", problem, "See whether it is still running")


def _port(line: str) -> int | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if isinstance(said, dict) and said.get("ready") is True and isinstance(said.get("port"), int):
        return int(said["port"])
    return None
