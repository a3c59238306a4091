"""What steps done once per service made at Stripe is there in every execution, or is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.format import PrepareTable
from paidonce.harness.targets.run.clients import TargetClients


def kept(bench, *, called, steps, stripe=True):
    file = SimpleNamespace(prepare=steps, reset=SimpleNamespace(stripe=stripe))
    loaded = SimpleNamespace(file=file, path=Path("shop.toml"), reset=lambda _: file.reset)
    clients = TargetClients(bench, loaded)
    asyncio.run(clients._keep_at_stripe(called=called))
    return clients._kept


async def nothing():
    pass


ONCE = PrepareTable(request="POST /login", per="service")
ONCE_THERE = PrepareTable(request="POST /v1/customers", per="service", to="stripe")
EACH = PrepareTable(request="POST /orders")


def bench(**more):
    capabilities = frozenset({Capability.STRIPE_STATE})
    return SimpleNamespace(
        **{"reset": nothing, "keep": None, "variant": "", "capabilities": capabilities, **more}
    )


def test_a_simulator_keeps_what_was_made_once():
    asked = []

    async def keep():
        asked.append("keep")

    assert kept(bench(keep=keep), called=True, steps=(EACH, ONCE))
    assert kept(bench(keep=keep), called=False, steps=(ONCE_THERE,))
    assert not kept(bench(keep=keep), called=False, steps=(ONCE, EACH))
    assert not kept(bench(keep=keep), called=True, steps=(ONCE,), stripe=False)
    assert asked == ["keep", "keep"]


def test_another_stripe_that_is_emptied_cannot_and_says_so():
    expected = r"shop.toml, \[\[prepare\]\] 2, per: what it makes at Stripe is forgotten"
    with pytest.raises(UsageError, match=expected):
        kept(bench(), called=False, steps=(EACH, ONCE_THERE))


def test_a_stripe_without_a_memory_forgets_nothing():
    assert not kept(bench(capabilities=frozenset()), called=True, steps=(ONCE,))
    assert not kept(bench(reset=None), called=True, steps=(ONCE,))
