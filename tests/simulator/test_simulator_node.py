"""Stripe's own library for Node drives the simulator (``node/story.mjs``)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from simulator_process import ROOT, Simulator

NODE = ROOT / "tests" / "simulator" / "node"
INSTALL = ("install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story with its library beside it, or a reason to skip."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the path: it comes with Node.js, https://nodejs.org")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "story.mjs"):
        shutil.copy(NODE / name, folder)
    installed = subprocess.run(
        ["npm", *INSTALL], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if installed.returncode != 0:
        pytest.skip(f"npm could not install stripe: {installed.stderr.strip()[-300:]}")
    return folder / "story.mjs"


@pytest.mark.slow
def test_stripe_node_pays_is_declined_asked_refunded_replayed_and_told(
    simulator: Simulator, story: Path
) -> None:
    ended = subprocess.run(
        ["node", str(story), simulator.url],
        cwd=story.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    simulator.control("POST", "faults", {"rules": []})
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told == {
        "payment": {"status": "succeeded", "received": 1000, "charge": "succeeded"},
        "steps": {"status": "succeeded", "order": "o-1"},
        "listed": True,
        "decline": {
            "type": "StripeCardError",
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "statusCode": 402,
            "intent": "requires_payment_method",
        },
        "three_d_secure": {"asked": "requires_action", "answer": 303, "then": "succeeded"},
        "refund": {"status": "succeeded", "too_much": 400},
        "replay": {"same": True, "header": "true", "mismatch": "StripeIdempotencyError"},
        "webhook": {"type": "payment_intent.succeeded", "about": True},
        "retries": {"status": "succeeded", "charges": 1},
    }
