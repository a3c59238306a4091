"""A service under test never gets to use a key of a real account."""

from __future__ import annotations

import shutil

import pytest
from small_services import HERE, explored
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.explore.search import Ending

KEY = "sk_live_51abcdefghijklmnop"


def target(tmp_path, env):
    folder = tmp_path / "shop"
    shutil.copytree(HERE / "polling", folder)
    path = folder / "target.toml"
    text = path.read_text().replace('STRIPE_KEY = "{stripe_key}"', env)
    path.write_text(text)
    return path


def checked(path):
    said = CliRunner().invoke(app, ["check", str(path), "--variant", "gives_up", "--time", "60s"])
    return said.exit_code, " ".join(said.output.split())


def test_the_environment_of_a_process_holds_none(tmp_path):
    code, said = checked(target(tmp_path, f'STRIPE_KEY = "{KEY}"'))
    assert code == 2
    assert "env, STRIPE_KEY holds a live Stripe key" in said
    assert KEY not in said


def test_nor_does_what_it_inherits(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_STRIPE_SECRET", KEY)
    code, said = checked(target(tmp_path, ""))
    assert code == 2
    assert "SHOP_STRIPE_SECRET holds a live Stripe key" in said
    assert KEY not in said


@pytest.mark.slow
def test_a_call_with_one_that_the_service_had_elsewhere_is_refused_and_told(tmp_path):
    path = target(tmp_path, "")
    service = path.parent / "polling.py"
    read = "os.environ['STRIPE_KEY']"
    assert read in service.read_text()
    service.write_text(service.read_text().replace(f"{{{read}}}", KEY))
    code, said = checked(path)
    assert code == 2
    assert "called Stripe with the live key sk_live_********mnop" in said
    assert KEY not in said


def calling_stripe_itself(tmp_path):
    """The service with a key of its own, which it uses at Stripe's own address besides."""
    path = target(tmp_path, "")
    service = path.parent / "polling.py"
    text = service.read_text().replace("{os.environ['STRIPE_KEY']}", "sk_test_own")
    charges = "def _charge() -> None:\n"
    assert charges in text
    itself = f"""{charges}    import urllib.request
    try:
        urllib.request.urlopen(urllib.request.Request(
            "https://api.stripe.com/v1/charges", FORM.encode(), {{"Authorization": "Bearer {KEY}"}}
        ))
    except OSError as error:
        print("the service was told:", error, flush=True)
"""
    service.write_text(text.replace(charges, itself))
    return path


@pytest.mark.slow
def test_a_service_that_goes_past_the_tap_is_kept_from_stripe_and_it_is_told(tmp_path):
    code, said = checked(calling_stripe_itself(tmp_path))
    assert code == 2
    assert "the service calls api.stripe.com itself, past the tap; that is refused" in said
    assert "give it {stripe_url}" in said
    assert KEY not in said


@pytest.mark.slow
def test_a_search_of_one_is_not_complete(tmp_path):
    result = explored(calling_stripe_itself(tmp_path), "gives_up").result
    assert result.ending is Ending.INCOMPLETE
    assert "the service calls api.stripe.com itself, past the tap; that is refused" in result.reason
