"""stripe-mock (https://github.com/stripe/stripe-mock): Stripe's own mock, as a binary.

It validates requests against Stripe's OpenAPI description and answers with fixtures that echo
what was sent. It keeps no state: no ledger, no idempotency, no declines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.listening import start_saying
from paidonce.harness.backends.stripe_keys import DEFAULT_TEST_KEY
from paidonce.harness.backends.stripe_simulator import new_webhook_secret
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST

VARIABLE = "PAIDONCE_STRIPE_MOCK"
START_SECONDS = 30.0
CAPABILITIES = frozenset({Capability.STRIPE_WEBHOOKS, Capability.STRIPE_CONFIRM})
"""Webhooks because the harness makes and signs those itself."""
_LISTENING = re.compile(r"Listening for HTTP at address: \S*:(\d+)\s*$")


class MockStripe(Stoppable):
    """A stripe-mock process of our own; constructing it starts it.

    ``binary`` defaults to what ``find_stripe_mock`` finds. Raises ``Unavailable`` when it is not
    there or cannot be started.
    """

    kind = "stripe-mock"
    capabilities = CAPABILITIES
    can_reset = True
    reset_path = ""
    api_key = DEFAULT_TEST_KEY

    def __init__(self, binary: Path | None = None, *, webhook_secret: str | None = None) -> None:
        binary = binary or find_stripe_mock()
        self.webhook_secret = webhook_secret or new_webhook_secret()
        self.version = stripe_mock_version(binary)
        # Without an address for HTTPS it would listen on port 12112 of every interface.
        argv = [str(binary), "-http-addr", f"{HOST}:0", "-https-addr", f"{HOST}:0"]
        self._server, self.port = start_saying(
            "stripe-mock",
            lambda: Child("stripe-mock", argv),
            "say where it listens",
            _port,
            START_SECONDS,
            f"Check {binary}",
        )
        self.url = f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._server.pid

    def reset(self) -> None:
        """Nothing to forget: it keeps no state."""

    def stop(self) -> None:
        """End it; idempotent."""
        self._server.stop()


def find_stripe_mock() -> Path:
    """The stripe-mock binary: ``PAIDONCE_STRIPE_MOCK``, else ``PATH``, else Go's bin folders.

    Raises ``UsageError`` when the variable names no program, ``Unavailable`` when none is found.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise UsageError(f"{VARIABLE}={named}: expected the path of the stripe-mock program")
        return Path(named).absolute()
    found = shutil.which("stripe-mock")
    if found:
        return Path(found).absolute()
    go_path = os.environ.get("GOPATH")
    folders = [Path(part) for part in go_path.split(os.pathsep) if part] if go_path else []
    for folder in (*folders, Path.home() / "go"):
        candidate = folder / "bin" / "stripe-mock"
        if os.access(candidate, os.X_OK):
            return candidate
    raise Unavailable(
        "stripe-mock",
        f"the program is neither in {VARIABLE} nor on PATH nor in Go's bin folder",
        "Run go install github.com/stripe/stripe-mock@latest, or use the backend 'simulator'",
    )


def stripe_mock_version(binary: Path) -> str:
    """Return what ``stripe-mock -version`` says; "master" when it was built from source.

    Raises ``Unavailable`` where it cannot be run.
    """
    try:
        shown = subprocess.run(
            [str(binary), "-version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable("stripe-mock", f"{binary} cannot be run ({error})", "Check it") from None
    return shown.stdout.strip().removeprefix("stripe-mock").strip() or "unknown"


def _port(line: str) -> int | None:
    match = _LISTENING.search(line)
    return int(match.group(1)) if match else None
