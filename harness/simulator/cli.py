"""The command line of ``python -m paidonce.harness.simulator``.

Bad usage is one line on standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlsplit

from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.simulator.domain.state import SETTLE_SECONDS
from paidonce.harness.simulator.engine.idempotency import WhenBusy
from paidonce.harness.simulator.engine.settings import LOCK_WAIT_MS, Forward, SimulatorSettings
from paidonce.harness.simulator.engine.signing import SECRET_PREFIX
from paidonce.harness.simulator.http.server import serve
from paidonce.harness.simulator.wire.latency import MAX_MS, split

_PROGRAM = "python -m paidonce.harness.simulator"
_LONGEST_SECONDS = 31_536_000


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as an exception instead of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def reader(program: str = _PROGRAM, port: str = "0") -> argparse.ArgumentParser:
    """Return the parser for a command line of ``program``; ``port`` is where it listens if that
    says nothing of it."""
    parser = _Parser(
        prog=program,
        description="A stateful simulator of Stripe's payments API. Prints one line of JSON with "
        "its address when it listens.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (127.0.0.1)")
    parser.add_argument("--port", default=port, help=f"0 takes any free port ({port})")
    parser.add_argument("--webhook-secret", help="whsec_..., signs webhook events")
    parser.add_argument(
        "--latency-ms", default="0", help="time a request takes, half of it after its effect (0)"
    )
    parser.add_argument("--seed", help="whole number that makes ids and latencies repeatable")
    parser.add_argument(
        "--pretty-json", action="store_true", help="a line for each field, as Stripe answers"
    )
    parser.add_argument(
        "--raw-cards", action="store_true", help="accept the numbers of test cards too"
    )
    parser.add_argument(
        "--seed-ids", action="store_true", help="make an object when its id is named and unknown"
    )
    parser.add_argument(
        "--idempotency-concurrency",
        choices=[choice.value for choice in WhenBusy],
        default=WhenBusy.CONFLICT.value,
        help="when a key is in use: 409 at once, as Stripe does, or wait for the answer",
    )
    parser.add_argument(
        "--lock-wait-ms", default=f"{LOCK_WAIT_MS:g}", help="then 429 lock_timeout (2000)"
    )
    parser.add_argument("--rate-limit", help="requests a second, more are refused with 429")
    parser.add_argument("--concurrency-limit", help="requests at once, more are refused with 429")
    parser.add_argument(
        "--settle-seconds", default=f"{SETTLE_SECONDS:g}", help="how long a bank debit takes (2)"
    )
    parser.add_argument(
        "--forward-to", action="append", default=[], help="URL that events are sent to; repeatable"
    )
    parser.add_argument(
        "--forward-event", action="append", default=[], help="only this type; repeatable"
    )
    parser.add_argument(
        "--webhook-host", action="append", default=[], help="send events to this host too"
    )
    parser.add_argument(
        "--retry-seconds", default="1,5,25", help="when failed deliveries are repeated (1,5,25)"
    )
    parser.add_argument("--load", help="file with a saved state to begin with")
    parser.add_argument("--save", help="file to save the state to at the end")
    parser.add_argument(
        "--stop-on-stdin-eof", action="store_true", help="stop when standard input ends"
    )
    return parser


def parse(arguments: Sequence[str], program: str = _PROGRAM, port: str = "0") -> SimulatorSettings:
    """The settings a command line asks for. Raises ``UsageError`` naming the flag."""
    given = reader(program, port).parse_args(arguments)
    secret: str | None = given.webhook_secret
    if secret is not None and not (
        secret.startswith(SECRET_PREFIX) and len(secret) > len(SECRET_PREFIX)
    ):
        raise UsageError(f"--webhook-secret: expected {SECRET_PREFIX} and more characters")
    return SimulatorSettings(
        host=given.host,
        port=_whole("--port", given.port, 0, 65535),
        webhook_secret=secret,
        latency=split(_milliseconds("--latency-ms", given.latency_ms)),
        seed=None if given.seed is None else _whole("--seed", given.seed, 0, 2**63 - 1),
        pretty_json=given.pretty_json,
        raw_cards=given.raw_cards,
        seed_ids=given.seed_ids,
        when_busy=WhenBusy(given.idempotency_concurrency),
        stop_on_stdin_eof=given.stop_on_stdin_eof,
        lock_wait_ms=_milliseconds("--lock-wait-ms", given.lock_wait_ms),
        rate_limit=_limit("--rate-limit", given.rate_limit),
        concurrency_limit=_limit("--concurrency-limit", given.concurrency_limit),
        settle_seconds=_seconds("--settle-seconds", given.settle_seconds),
        forward=tuple(
            Forward(url=_web_address("--forward-to", url), events=tuple(given.forward_event or "*"))
            for url in given.forward_to
        ),
        webhook_hosts=tuple(given.webhook_host),
        retry_seconds=tuple(
            _seconds("--retry-seconds", text) for text in given.retry_seconds.split(",") if text
        ),
        load=given.load,
        save=given.save,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator; the exit code."""
    try:
        serve(parse(sys.argv[1:] if arguments is None else arguments))
    except PaidonceError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _whole(flag: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise UsageError(f"{flag} {text}: expected a whole number from {low} to {high}")
    return int(text)


def _limit(flag: str, text: str | None) -> int | None:
    return None if text is None else _whole(flag, text, 1, 1_000_000)


def _web_address(flag: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{flag} {text}: expected an address that begins with http:// or https://")
    return text


def _seconds(flag: str, text: str) -> float:
    return _number(flag, text, "seconds", _LONGEST_SECONDS)


def _milliseconds(flag: str, text: str) -> float:
    return _number(flag, text, "milliseconds", MAX_MS)


def _number(flag: str, text: str, unit: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise UsageError(f"{flag} {text}: expected {unit} from 0 to {most:.15g}")
    return value
