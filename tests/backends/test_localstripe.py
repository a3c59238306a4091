"""localstripe as a backend: found or installed, on loopback, and its defects as declared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import stripe

from paidonce.harness.backends import doctor, localstripe, open_stripe
from paidonce.harness.backends.localstripe import LocalStripe, find_localstripe, install
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.process.custody import custody
from paidonce.harness.process.offspring import wait_gone
from paidonce.harness.process.ports import HOST

pytestmark = pytest.mark.usefixtures("no_stripe_settings")

PICKLE = Path("/tmp/localstripe.pickle")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No localstripe anywhere; returns the cache folder."""
    monkeypatch.delenv(localstripe.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_it_is_found_by_variable_then_path_then_cache(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_localstripe() is None
    found = {f.component: f for f in doctor.examine()}["localstripe"]
    assert not found.available
    assert f"localstripe=={localstripe.VERSION}" in found.remedy
    assert localstripe.VARIABLE in found.remedy

    made = localstripe.environment_folder()
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(sys.executable)
    assert made.is_relative_to(nowhere)
    assert find_localstripe() is None, "an environment that is not complete is none"
    (made / "complete").touch()
    assert find_localstripe() == made / "bin" / "python"

    on_path = nowhere / "path"
    on_path.mkdir()
    (on_path / "localstripe").write_text(f"#!{sys.executable}\nimport localstripe\n")
    (on_path / "localstripe").chmod(0o755)
    monkeypatch.setenv("PATH", str(on_path))
    assert find_localstripe() == Path(sys.executable)

    monkeypatch.setenv(localstripe.VARIABLE, str(made))
    assert find_localstripe() == made / "bin" / "python"
    monkeypatch.setenv(localstripe.VARIABLE, str(nowhere))
    with pytest.raises(UsageError, match=rf"{localstripe.VARIABLE}=.*: expected the folder of"):
        find_localstripe()


def test_an_interpreter_without_it_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    before = custody.tickets
    monkeypatch.setenv(localstripe.VARIABLE, sys.executable)
    with pytest.raises(Unavailable, match=r"No module named '(aiohttp|localstripe)'.*Install loc"):
        open_stripe("localstripe")
    assert custody.tickets == before


def test_an_installation_that_fails_is_told_and_tried_again(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unavailable, match=r"localstripe: venv failed: .*Install localstripe=="):
        install()
    assert find_localstripe() is None
    (nowhere / "paidonce").rename(nowhere / "elsewhere")
    (nowhere / "paidonce").write_text("in the way")
    with pytest.raises(Unavailable, match="no environment for it could be made"):
        install()


@pytest.fixture(scope="module")
def server() -> Iterator[LocalStripe]:
    try:
        opened = LocalStripe()
    except Unavailable as error:
        pytest.skip(str(error))
    with opened:
        yield opened


@pytest.fixture
def client(server: LocalStripe) -> stripe.StripeClient:
    server.reset()
    return stripe.StripeClient(
        server.api_key, base_addresses={"api": server.url}, max_network_retries=0
    )


def pay(client: stripe.StripeClient, key: str, card: str = "pm_card_visa") -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 4200,
            "currency": "usd",
            "confirm": True,
            "payment_method": card,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "error_on_requires_action": True,
        },
        {"idempotency_key": key},
    )


@pytest.mark.slow
def test_it_is_on_loopback_keeps_state_forgets_on_reset_and_ends(server: LocalStripe) -> None:
    before = custody.tickets
    pickle = PICKLE.stat().st_mtime_ns if PICKLE.exists() else None
    with LocalStripe() as own:
        assert own.version == localstripe.VERSION
        listening = psutil.Process(own.pid).net_connections("inet")
        assert {c.laddr.ip for c in listening if c.status == psutil.CONN_LISTEN} == {HOST}
        clients = [
            stripe.StripeClient(s.api_key, base_addresses={"api": s.url}) for s in (own, server)
        ]
        made = pay(clients[0], "a")
        assert clients[0].v1.payment_intents.retrieve(made.id).status == "succeeded"
        with pytest.raises(stripe.InvalidRequestError):
            clients[1].v1.payment_intents.retrieve(made.id)
        own.reset()
        assert clients[0].v1.payment_intents.list().data == []
        process = psutil.Process(own.pid)
    assert not wait_gone([process], 1)
    assert custody.tickets == before
    assert (PICKLE.stat().st_mtime_ns if PICKLE.exists() else None) == pickle
    with pytest.raises(Unavailable, match="could not be reset"):
        own.reset()


@pytest.mark.slow
def test_what_it_is_declared_to_lack_it_lacks(
    server: LocalStripe, client: stripe.StripeClient
) -> None:
    """Where one of these stops being so, the declaration is out of date."""
    lacking = set(Capability) - server.capabilities
    one, two = pay(client, "same"), pay(client, "same")
    assert one.id != two.id
    assert Capability.STRIPE_IDEMPOTENCY in lacking

    for _ in range(3):
        client.v1.refunds.create({"payment_intent": one.id, "amount": 4200})
    assert Capability.STRIPE_REFUND_LIMIT in lacking

    with pytest.raises(stripe.InvalidRequestError):
        pay(client, "b", "pm_card_chargeDeclined")
    assert pay(client, "c", "pm_card_visa_chargeDeclined").status == "succeeded"
    assert Capability.STRIPE_DECLINES in lacking

    intent = client.v1.payment_intents.create({"amount": 4200, "currency": "usd"})
    with pytest.raises(stripe.APIError, match="Not implemented"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert Capability.STRIPE_CONFIRM in lacking

    listed = httpx.get(
        f"{server.url}/v1/payment_intents", headers={"Authorization": f"Bearer {server.api_key}"}
    ).json()
    assert "amount_received" not in listed["data"][0]
    assert Capability.STRIPE_LEDGER in lacking
