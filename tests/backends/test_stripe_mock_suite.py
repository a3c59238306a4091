"""Every scenario and every guard against the real stripe-mock, judged by the calls at the tap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paidonce import reports
from paidonce.harness.backends.containers import engine_version
from paidonce.harness.backends.stripe_mock import CAPABILITIES, find_stripe_mock
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable
from paidonce.harness.verdict import Status
from paidonce.scenarios.catalog import SCENARIOS
from paidonce.scenarios.reference import TARGET

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_stripe_settings")]

LACKING = {Capability.STRIPE_LEDGER, Capability.STRIPE_IDEMPOTENCY}


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param("stripe-mock", marks=pytest.mark.stripe_mock),
        pytest.param("container", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker")]),
    ],
)
def test_vulnerable_guards_are_caught_and_what_is_not_judged_is_said(
    chosen: str, tmp_path: Path
) -> None:
    try:
        engine_version() if chosen == "container" else find_stripe_mock()
    except Unavailable as error:
        pytest.skip(str(error))
    argv = [sys.executable, "-m", "paidonce", "prove", "--backends", chosen, "--rounds", "1"]
    argv += ["--search-seconds", "0", "--load-seconds", "0", "--out", str(tmp_path / "proof")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=590, check=False)
    if done.returncode == 2 and "could not be started" in done.stderr:
        pytest.skip(done.stderr)  # no image, and none to be pulled
    assert done.returncode == 0, done.stdout + done.stderr

    proof = reports.load(tmp_path / "proof")
    assert len(proof.cells) == len(SCENARIOS) * len(TARGET.variants)
    caught: set[tuple[str, str]] = set()
    needs = {scenario.name: scenario.needs for scenario in SCENARIOS}
    for cell in proof.cells:
        where = f"{cell.variant} in {cell.scenario}"
        if needs[cell.scenario] - CAPABILITIES:
            assert cell.skipped, where
            assert all(need in cell.skipped for need in needs[cell.scenario] - CAPABILITIES), where
            continue
        assert cell.status is not Status.VALID, f"{where}: nobody knows what was charged"
        if cell.status is Status.INVALID:
            assert cell.expected is Status.INVALID, f"{where}: accused"
            caught.add((cell.variant, cell.scenario))
        verdicts = {verdict.checker: verdict for verdict in cell.runs[0].verdicts}
        if cell.status is Status.UNKNOWN:
            assert set(cell.lacking) <= LACKING, where
            assert verdicts["one-intent"].status is Status.VALID, where
        elif (cell.variant, cell.scenario) == ("none", "two_tabs"):
            reason = verdicts["one-intent"].reason
            assert "different calls to create a payment intent" in reason
    assert caught >= {
        (variant, story)
        for variant in ("none", "optimistic_late")
        for story in ("two_tabs", "double_click", "create_vs_pay", "retry_after_timeout")
    }
    assert ("redis_lock_unfenced", "slow_stripe_lease") in caught
