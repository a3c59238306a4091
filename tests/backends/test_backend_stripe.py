"""The Stripe backends: the simulator, the real stripe-mock, and URLs."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import stripe

from paidonce.harness.backends import open_stripe, stripe_keys
from paidonce.harness.backends.stripe_mock import MockStripe, find_stripe_mock
from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.process.child import ChildFailed
from paidonce.harness.process.custody import custody
from paidonce.harness.process.offspring import wait_gone
from paidonce.harness.process.ports import HOST, answers

pytestmark = pytest.mark.usefixtures("no_stripe_settings")

FULL = {
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


def client_of(server) -> stripe.StripeClient:
    return stripe.StripeClient(
        server.api_key, base_addresses={"api": server.url}, max_network_retries=0
    )


def pay(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 4200, "currency": "usd", "payment_method_types": ["card"]}
    )


def stripe_mock_or_skip() -> Path:
    try:
        return find_stripe_mock()
    except Unavailable as error:
        pytest.skip(str(error))


def addresses(pid: int) -> set[str]:
    return {
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_simulator_serves_resets_and_leaves_nothing() -> None:
    before = custody.tickets
    with open_stripe() as server:
        assert isinstance(server, SimulatedStripe)
        assert server.capabilities == FULL
        assert server.webhook_secret.startswith("whsec_")
        process = psutil.Process(server.pid)
        assert addresses(server.pid) == {HOST}
        client = client_of(server)
        intent = pay(client)
        assert [found.id for found in client.v1.payment_intents.list().data] == [intent.id]
        server.reset()
        assert client.v1.payment_intents.list().data == []
        port = server.port
    assert not wait_gone([process], 120)
    assert not answers(port)
    assert custody.tickets == before
    with pytest.raises(Unavailable, match="could not be reset"):
        server.reset()


def test_a_flag_the_simulator_refuses_is_told_with_its_words() -> None:
    before = custody.tickets
    with pytest.raises(ChildFailed, match="latency-ms") as caught:
        open_stripe(simulator_arguments=["--latency-ms", "soon"])
    assert caught.value.returncode == 2
    assert custody.tickets == before


def test_a_simulator_by_url_has_all_it_has() -> None:
    with open_stripe() as own, open_stripe(f"{own.url}/") as by_url:
        assert by_url.kind == "url"
        assert by_url.url == own.url
        assert by_url.capabilities == FULL
        pay(client_of(by_url))
        assert by_url.can_reset
        by_url.reset()
        by_url.stop()
        assert client_of(own).v1.payment_intents.list().data == []


@pytest.mark.stripe_mock
def test_the_real_stripe_mock_answers_on_loopback_only() -> None:
    binary = stripe_mock_or_skip()
    before = custody.tickets
    with open_stripe("stripe-mock", stripe_mock=binary) as server:
        assert isinstance(server, MockStripe)
        assert server.capabilities == {Capability.STRIPE_WEBHOOKS, Capability.STRIPE_CONFIRM}
        assert server.version
        assert addresses(server.pid) == {HOST}
        assert pay(client_of(server)).amount == 4200
        assert server.can_reset
        server.reset()
        process, port = psutil.Process(server.pid), server.port
    assert not wait_gone([process], 120)
    assert not answers(port)
    assert custody.tickets == before


@pytest.mark.stripe_mock
def test_two_stripe_mocks_at_once() -> None:
    binary = stripe_mock_or_skip()
    with MockStripe(binary) as one, MockStripe(binary) as two:
        assert one.port != two.port
        assert pay(client_of(one)).object == pay(client_of(two)).object == "payment_intent"


def test_stripe_mock_is_found_by_variable_then_path_then_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {}
    for name in ("path", "gopath/bin", "home/go/bin", "named"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        places[name] = folder / "stripe-mock"
        places[name].write_text("#!/bin/sh\necho stripe-mock 1.2.3\n")
        places[name].chmod(0o755)
    monkeypatch.setenv("PAIDONCE_STRIPE_MOCK", str(places["named"]))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("GOPATH", str(tmp_path / "gopath"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_stripe_mock() == places["named"]
    monkeypatch.delenv("PAIDONCE_STRIPE_MOCK")
    assert find_stripe_mock() == places["path"]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_stripe_mock() == places["gopath/bin"]
    monkeypatch.delenv("GOPATH")
    assert find_stripe_mock() == places["home/go/bin"]
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(Unavailable, match=r"go install github\.com/stripe/stripe-mock@latest"):
        find_stripe_mock()
    monkeypatch.setenv("PAIDONCE_STRIPE_MOCK", str(tmp_path))
    with pytest.raises(UsageError, match="PAIDONCE_STRIPE_MOCK"):
        find_stripe_mock()


def test_a_program_that_is_no_stripe_mock_is_one_clear_error(tmp_path: Path) -> None:
    program = tmp_path / "stripe-mock"
    program.write_text("#!/bin/sh\necho no spec here >&2; exit 4\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match=r"exit code 4.*no spec here"):
        MockStripe(program)
    program.chmod(0o644)
    with pytest.raises(Unavailable, match="cannot be run"):
        MockStripe(program)


class _Recorder(http.server.BaseHTTPRequestHandler):
    """A stranger that speaks HTTP: 404 to everything, and remembers the keys it was shown."""

    keys: list[str]

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("Authorization", ""))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    keys: list[str] = []
    handler = type("Handler", (_Recorder,), {"keys": keys})
    server = http.server.ThreadingHTTPServer((HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{HOST}:{server.server_address[1]}", keys
    server.shutdown()
    thread.join(120)
    server.server_close()


def test_of_a_stranger_little_is_assumed_unless_it_is_said(
    stranger: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, keys = stranger
    with open_stripe(url) as server:
        assert server.capabilities == {Capability.STRIPE_WEBHOOKS}
        assert not server.can_reset
        with pytest.raises(Unavailable, match="cannot be reset"):
            server.reset()
    monkeypatch.setenv("STRIPE_API_KEY", " sk_test_mine\n")
    said = {Capability.STRIPE_LEDGER, Capability.STRIPE_IDEMPOTENCY}
    with open_stripe(url, capabilities=said, webhook_secret="whsec_x") as server:
        assert server.capabilities == {Capability.STRIPE_WEBHOOKS, *said}
        assert server.api_key == "sk_test_mine"
        assert server.webhook_secret == "whsec_x"
    assert keys[0] == f"Bearer {stripe_keys.DEFAULT_TEST_KEY}"
    assert "Bearer sk_test_mine" in keys


@pytest.mark.parametrize("spec", ["simulator", "stripe-mock", "https://api.stripe.com"])
@pytest.mark.parametrize("key", ["sk_live_51abc", " rk_live_51abc", "pk_live_51abc"])
def test_a_live_key_is_refused_always_and_never_shown(
    spec: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="live Stripe key") as given:
        open_stripe(spec, api_key=key)
    monkeypatch.setenv("STRIPE_API_KEY", key)
    with pytest.raises(UsageError, match="STRIPE_API_KEY holds a live Stripe key") as found:
        open_stripe(spec)
    assert "51abc" not in f"{given.value}{found.value}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", "sk_live_51abc"),
        ("SHOP_CONFIG", '{"key": "rk_live_51abc"}'),
        ("PAYMENTS", "sk_org_live_51abc"),
    ],
    ids=["secret", "within", "organisation"],  # pytest has a variable with the test's name
)
def test_a_live_key_in_any_variable_that_a_service_would_inherit_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"{name} holds a live Stripe key") as found:
        open_stripe("simulator")
    assert "51abc" not in str(found.value)


@pytest.mark.parametrize("key", ["pk_test_1", "whatever", "sk_test_with blank", "sk_test_é"])
def test_stripe_itself_needs_a_test_secret_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="set STRIPE_API_KEY to sk_test_"):
        open_stripe("https://api.stripe.com")
    monkeypatch.setenv("STRIPE_API_KEY", key)
    with pytest.raises(UsageError, match=r"expected sk_test_\.\.\. or rk_test_"):
        open_stripe("https://api.stripe.com")


def test_stripe_refusing_the_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(401)

    class Offline(httpx.Client):
        def __init__(self, **settings: object) -> None:
            super().__init__(transport=httpx.MockTransport(refuse))

    monkeypatch.setattr(httpx, "Client", Offline)
    with pytest.raises(UsageError, match="refuses STRIPE_API_KEY"):
        open_stripe("https://api.stripe.com", api_key="sk_test_old")
    assert [request.url.path for request in asked] == ["/v1/payment_intents"]
    assert asked[0].method == "GET"
