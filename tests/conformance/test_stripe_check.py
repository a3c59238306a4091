"""``paidonce stripe-check``: what passes, what fails, and what is refused to begin with."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from corrupting import Corrupting
from typer.testing import CliRunner

from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.cli.main import app
from paidonce.harness.conformance import CHECKS, Check, CheckOutcome, run
from paidonce.harness.conformance.client import Api

SAID = {"object": "list", "status": "succeeded", "amount": 1, "data": [], "secret": "x"}


class _YesMan(BaseHTTPRequestHandler):
    """Says 200 to everything: always the same, or with a new id each time."""

    protocol_version = "HTTP/1.1"
    server: _YesServer

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"id": f"pi_{next(self.server.ids)}", **SAID}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        pass


class _YesServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, ids: Iterator[int]) -> None:
        super().__init__(("127.0.0.1", 0), _YesMan)
        self.ids = ids


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatedStripe]:
    simulator = SimulatedStripe()
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def yes_men() -> Iterator[list[str]]:
    servers = [_YesServer(itertools.repeat(1)), _YesServer(itertools.count())]
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def command(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["stripe-check", *arguments], env=environment)


def test_there_are_enough_checks_and_each_names_its_source() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names) >= 25
    assert all(check.source.startswith("https://docs.stripe.com/") for check in CHECKS)


def test_the_simulator_passes_every_check(simulator: SimulatedStripe, tmp_path: Path) -> None:
    found, table = tmp_path / "found.json", tmp_path / "found.md"
    ended = command(simulator.url, "--json", str(found), "--markdown", str(table))
    assert ended.exit_code == 0, ended.output
    (server,) = json.loads(found.read_text())["servers"]
    results = server["results"]
    assert [one["name"] for one in results] == [check.name for check in CHECKS]
    assert {one["outcome"] for one in results} == {"passed"}
    assert table.read_text().count("\n") == len(CHECKS) + 3
    assert f"{len(CHECKS)} passed, 0 failed, 0 skipped" in ended.stdout


QUICK = [check for check in CHECKS if check.group != "webhooks"]


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.name)
def test_every_check_fails_where_everything_is_answered_yes(
    check: Check, yes_men: list[str]
) -> None:
    results = []
    for url in yes_men:
        api = Api(url, "sk_test_1")
        results += run(api, [check])
        api.close()
    failed = [result for result in results if result.outcome is CheckOutcome.FAILED]
    assert failed
    assert all(result.detail for result in failed)


@pytest.mark.parametrize(
    ("name", "broken", "detail"),
    [
        ("endpoint", "secret", "the secret is told again"),
        ("signature", "signature", "does not fit the body"),
        ("redelivery", "ids", "the two deliveries have the ids"),
    ],
)
def test_every_check_of_webhooks_fails_where_its_promise_is_broken(
    simulator: SimulatedStripe, name: str, broken: str, detail: str
) -> None:
    wanted = [check for check in CHECKS if check.name == name and check.group == "webhooks"]
    assert len(wanted) == 1
    for mode, outcome in (("nothing", CheckOutcome.PASSED), (broken, CheckOutcome.FAILED)):
        with Corrupting(simulator.url, mode) as server:
            api = Api(server.url, "sk_test_1")
            (result,) = run(api, wanted)
            api.close()
        assert result.outcome is outcome, result.detail
    assert detail in result.detail


def test_the_docs_show_every_check_and_what_this_simulator_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "stripe-check.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert [re.match(r"\| \[(.*?)\]\((.*?)\) \| passed \|", row).groups() for row in rows] == [
        (check.claim, check.source) for check in CHECKS
    ]


def test_a_failure_is_told_and_is_exit_code_1(yes_men: list[str]) -> None:
    ended = command(yes_men[0], "--only", "no-key", "--json", "-")
    assert ended.exit_code == 1
    (server,) = json.loads(ended.stdout)["servers"]
    (result,) = server["results"]
    assert (result["name"], result["outcome"]) == ("no-key", "failed")
    assert result["detail"] == "expected 401, got 200 succeeded"


def test_several_servers_stand_side_by_side(yes_men: list[str], simulator: SimulatedStripe) -> None:
    servers = [f"ours={simulator.url}", f"yes-man={yes_men[0]}"]
    ended = command(*servers, "--only", "no-key", "--only", "expand", "--markdown", "-")
    assert ended.exit_code == 1
    head, rule, *rows, total = ended.stdout.strip().splitlines()
    assert head == "| check | ours | yes-man |"
    assert rule == "|---|---|---|"
    assert [row.split(" | ")[1] for row in rows] == ["passed", "passed"]
    assert all("| failed: " in row for row in rows)
    assert total.startswith("| **in all** | 2 passed, 0 failed, 0 skipped |")


def test_webhooks_elsewhere_are_skipped_not_passed() -> None:
    webhooks = [check for check in CHECKS if check.name in ("signature", "redelivery")]
    api = Api("http://stripe.invalid", "sk_test_1")
    for check in webhooks:
        with pytest.raises(Exception, match="cannot reach a receiver"):
            check.run(api)
    api.close()


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            ["http://127.0.0.1:9", "--key", "sk_live_1234567890"],
            {},
            "--key holds a live Stripe key",
        ),
        (
            ["http://127.0.0.1:9", "--key", "rk_live_1234567890"],
            {},
            "--key holds a live Stripe key",
        ),
        (["http://127.0.0.1:9"], {"STRIPE_API_KEY": "sk_live_123"}, "STRIPE_API_KEY holds a live"),
        (["http://127.0.0.1:9", "--key", "pk_test_1"], {}, "--key is not a test-mode secret key"),
        (["http://127.0.0.1:9", "--only", "luck"], {}, "--only luck: no such check"),
        (["127.0.0.1:9"], {}, "expected a base URL"),
        (["http://127.0.0.1:9"], {}, "does not answer"),
    ],
)
def test_what_is_refused_is_one_message_and_exit_code_2(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    ended = command(*arguments, **environment)
    assert ended.exit_code == 2
    said = re.sub(r"\s+", " ", ended.stderr)
    assert message in said
    assert "1234567890" not in said
