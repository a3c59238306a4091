"""Work in a thread that can be called off."""

from __future__ import annotations

import asyncio
import sys
import threading

import psutil
import pytest

from paidonce.harness.process.threads import CalledOff, in_thread
from paidonce.harness.results.proof import Variant
from paidonce.harness.service import launch as service
from paidonce.harness.service.description import Route, Target
from paidonce.harness.service.launch import Addresses, Start

ADDRESSES = Addresses(
    postgres_url="postgresql:///none",
    redis_url="redis://127.0.0.1/0",
    stripe_url="http://127.0.0.1:1",
    stripe_key="sk_test_none",
    webhook_secret="whsec_none",
)
NEVER_READY = Target(
    name="never",
    command=(sys.executable, "-c", "import threading; threading.Event().wait()"),
    migrate=(sys.executable, "-c", "import threading; threading.Event().wait()"),
    environment={"PORT": "{port}"},
    create_order=Route(method="POST", path="/orders"),
    read_order=Route(method="GET", path="/orders/{order}"),
    routes={},
    webhook_path="/none",
    variants=(Variant(name="any", title="Any", sound=True),),
)
SOON_S = 120.0


def test_what_the_work_returns_is_returned():
    assert asyncio.run(in_thread(lambda called_off: called_off.is_set())) is False


def test_a_cancelled_caller_waits_for_the_thread_and_undoes_what_it_made():
    began, undone = threading.Event(), []

    def work(called_off: threading.Event) -> str:
        began.set()
        assert called_off.wait(SOON_S)
        return "made"

    async def main() -> None:
        caller = asyncio.ensure_future(in_thread(work, undone.append))
        await asyncio.to_thread(began.wait, SOON_S)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert undone == ["made"]

    asyncio.run(main())


@pytest.mark.parametrize("what", ["start", "migrate"])
def test_a_service_that_is_not_wanted_any_more_is_not_waited_for(what, monkeypatch):
    def work(called_off: threading.Event) -> None:
        if what == "migrate":
            service.migrate(NEVER_READY, "", ADDRESSES, called_off)
        else:
            service.start(NEVER_READY, Start("any", ADDRESSES), called_off)

    async def main() -> None:
        caller = asyncio.ensure_future(in_thread(work))
        while not _children():
            await asyncio.sleep(0.01)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(caller, SOON_S)

    # Nothing but having been called off ends it sooner.
    monkeypatch.setattr(service, "READY_DEADLINE_S", 10 * SOON_S)
    asyncio.run(main())
    assert not _children()


def test_the_thread_is_told_why():
    called_off = threading.Event()
    called_off.set()
    with pytest.raises(CalledOff, match="no longer wanted"):
        service.migrate(NEVER_READY, "", ADDRESSES, called_off)


def _children() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "threading.Event().wait()" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
